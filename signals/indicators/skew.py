"""Skewness of a window."""

from math import nan, sqrt
from typing import Any

from signals.indicators.hot import Hot, Streamed


def window_skew(values: Any, out: Any, state: Any, bars: int) -> None:
    """Give every full window's skewness, corrected for its size; NaN where nothing has moved.

    G1 = sqrt(n (n - 1)) / (n - 2) * m3 / m2^1.5 (Joanes and Gill 1998), as pandas and
    `scipy.stats.skew(bias=False)` give it. Both moments are about the window's own mean.

    State: place of the oldest value, the window in order of time, round.
    """
    place = int(state[0])
    factor = sqrt(bars * (bars - 1.0)) / (bars - 2.0)
    for i in range(len(values)):
        base = values[i]
        state[1 + place] = base
        place = place + 1 if place + 1 < bars else 0
        total = 0.0
        for j in range(bars):
            total += state[1 + (place + j) % bars] - base
        mean = total / bars
        square, cube = 0.0, 0.0
        for j in range(bars):
            away = state[1 + (place + j) % bars] - base - mean
            square += away * away
            cube += away * away * away
        spread = square / bars
        if spread > 0.0:
            out[i] = factor * (cube / bars) / (spread * sqrt(spread))
        else:
            out[i] = nan
    state[0] = place


SKEW = Hot(window_skew, is_windowed=True)


class Skew(Streamed):
    """State of a skewness over `bars` values."""

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        super().__init__(SKEW, [0.0, *[nan] * bars], bars)
