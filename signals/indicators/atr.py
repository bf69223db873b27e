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
    for i in range(len(close)):
        top, bottom = high[i], low[i]
        if last > top:
            top = last
        if last < bottom:
            bottom = last
        reach = top - bottom + (last - last)
        last = close[i]
        if reach != reach:
            out[i] = nan
        elif seen >= bars:
            average += weight * (reach - average)
            out[i] = average
        else:
            seen += 1
            average += reach
            if seen == bars:
                average /= bars
            out[i] = average if seen == bars else nan
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
