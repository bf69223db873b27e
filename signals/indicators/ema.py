"""Exponential moving average."""

from math import nan
from typing import Any

from signals.indicators.hot import Floats, Hot, Streamed


def smooth(values: Any, out: Any, state: Any, bars: int, weight: float) -> None:
    """Follow `average += weight * (value - average)`, begun with the mean of `bars` values.

    A missing value leaves the average as it is and has no average itself.

    State: the average, how many values have been seen before there was one, their sum.
    """
    average, seen, total = state[0], int(state[1]), state[2]
    count, first = len(values), 0
    while first < count and seen < bars:
        value = values[first]
        out[first] = nan
        if value == value:
            seen += 1
            total += value
            if seen == bars:
                average = total / bars
                out[first] = average
        first += 1
    before = average
    for i in range(first, count):
        average += weight * (values[i] - average)
        out[i] = average
    if average != average and before == before:
        # One is missing: again, with a look at every value.
        average = before
        for i in range(first, count):
            value = values[i]
            if value == value:
                average += weight * (value - average)
            out[i] = average if value == value else nan
    state[0], state[1], state[2] = average, seen, total


SMOOTH = Hot(smooth)


class Smoother(Streamed):
    """State of an average that moves by `weight` of the way to every new value."""

    __slots__ = ()

    def __init__(self, bars: int, weight: float) -> None:
        super().__init__(SMOOTH, [nan, 0.0, 0.0], bars, float(weight))


class Ema(Smoother):
    """State of an exponential moving average with weight 2 / (bars + 1)."""

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        super().__init__(bars, 2 / (bars + 1))


class Rma(Smoother):
    """State of Wilder's average, weight 1 / bars (New Concepts in Technical Trading, 1978)."""

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        super().__init__(bars, 1 / bars)


def ema(values: Floats, bars: int) -> Floats:
    """Return the exponential moving average, begun with the mean of the first `bars` values."""
    return Ema(bars).push(values)


def rma(values: Floats, bars: int) -> Floats:
    """Return Wilder's average, begun with the mean of the first `bars` values."""
    return Rma(bars).push(values)
