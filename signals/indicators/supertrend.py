"""Supertrend (O. Seban): a band of average true ranges that only follows the trend."""

from collections.abc import Sequence
from math import isnan, nan
from typing import Any

from signals.indicators.gridded import Gridded
from signals.indicators.hot import Hot
from signals.indicators.window import Floats

BEGIN = (nan, 0.0, nan, nan, nan)
"""The run; the side (1 up, -1 down, 0 not begun), upper band, lower band, the last close."""


def follow(
    run: Sequence[float],
    high: Sequence[float],
    low: Sequence[float],
    close: Sequence[float],
    atr: Sequence[float],
    out: Any,
    state: Any,
    k: float,
) -> None:
    """Follow the bands: the lower one while the trend is up, the upper one while it is down.

    The first trend is up where the bar closes above its own middle, as in Stock.Indicators. The
    trend is up exactly where the close is above the line.

    State: see `BEGIN`.
    """
    for row in range(len(run)):
        out[row] = nan
        if run[row] != state[0]:
            state[0], state[1] = run[row], 0.0
        if isnan(atr[row]):
            continue
        middle = (high[row] + low[row]) / 2
        upper, lower = middle + k * atr[row], middle - k * atr[row]
        if state[1] == 0.0:
            state[1] = 1.0 if close[row] >= middle else -1.0
        else:
            if upper >= state[2] and state[4] <= state[2]:
                upper = state[2]
            if lower <= state[3] and state[4] >= state[3]:
                lower = state[3]
        state[2], state[3], state[4] = upper, lower, close[row]
        falls = close[row] <= (lower if state[1] > 0.0 else upper)
        state[1] = -1.0 if falls else 1.0
        out[row] = upper if falls else lower


FOLLOW = Hot(follow)


class Supertrend:
    """State of a supertrend, `k` average true ranges wide."""

    def __init__(self, k: float, bar_seconds: float) -> None:
        self._runs = Gridded(FOLLOW, BEGIN, bar_seconds, k)

    def push(self, time: Floats, high: Floats, low: Floats, close: Floats, atr: Floats) -> Floats:
        """Take the next bars; return the band that follows the trend."""
        return self._runs.push(time, high, low, close, atr)
