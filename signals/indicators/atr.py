"""Average true range (W. Wilder, 1978)."""

from math import nan
from typing import Any

from signals.indicators.hot import Floats, Hot, Streamed


def true_range_average(
    high: Any, low: Any, close: Any, out: Any, state: Any, bars: int, weight: float
) -> None:
    """Follow Wilder's average of the true range; the first bar has none, as no bar is before it.

    State: last close, average, ranges seen before there was one.
    """
    last, average, seen = state[0], state[1], int(state[2])
    count, first, keep = len(close), 0, 1.0 - weight
    while first < count and seen < bars:
        reach = (last if last > high[first] else high[first]) + (last - last)
        reach -= last if last < low[first] else low[first]
        last = close[first]
        out[first] = nan
        if reach == reach:
            seen += 1
            average += reach
            if seen == bars:
                average /= bars
                out[first] = average
        first += 1
    before, opened = average, last
    for i in range(first, count):
        reach = (last if last > high[i] else high[i]) - (last if last < low[i] else low[i])
        last = close[i]
        average = keep * average + weight * reach
        out[i] = average
    if average != average or last != last:
        # One is missing: again, with a look at every bar.
        average, last = before, opened
        for i in range(first, count):
            reach = (last if last > high[i] else high[i]) + (last - last)
            reach -= last if last < low[i] else low[i]
            last = close[i]
            if reach == reach:
                average = keep * average + weight * reach
            out[i] = average if reach == reach else nan
    state[0], state[1], state[2] = last, average, seen


RANGE = Hot(true_range_average)


class Atr(Streamed):
    """State of an average true range."""

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        super().__init__(RANGE, [nan, 0.0, 0.0], bars, 1 / bars)


def atr(high: Floats, low: Floats, close: Floats, bars: int = 14) -> Floats:
    """Return Wilder's average of the true range; the first value is at bar `bars`."""
    return Atr(bars).push(high, low, close)
