"""Correlation and beta of two series over a window."""

from math import nan
from typing import Any

import numpy as np

from signals.indicators.hot import Floats, Hot, Streamed

SUMS = 5


def window_pair(first: Any, second: Any, out: Any, state: Any, bars: int) -> None:
    """Give every full window's variance of each series and their covariance (population).

    Blocks and references as in `signals.indicators.stdev.window_moments`.

    State: place, reference of each; the block's sums of the first, the second, their squares and
    their product; both series of the block; the same five sums of the ends of the last block.
    """
    count = len(first)
    place, base, other = int(state[0]), state[1], state[2]
    a, b, aa, bb, ab = state[3], state[4], state[5], state[6], state[7]
    held = 8
    ends = held + 2 * bars
    for i in range(count):
        state[held + place], state[held + bars + place] = first[i], second[i]
        left, right = first[i] - base, second[i] - other
        a, b = a + left, b + right
        aa, bb, ab = aa + left * left, bb + right * right, ab + left * right
        place += 1
        at = ends + 5 * place
        if place == bars:
            base, other = first[i], second[i]
            a, b, aa, bb, ab = 0.0, 0.0, 0.0, 0.0, 0.0
            for j in range(bars - 1, -1, -1):
                left, right = state[held + j] - base, state[held + bars + j] - other
                a, b = a + left, b + right
                aa, bb, ab = aa + left * left, bb + right * right, ab + left * right
                at = ends + 5 * j
                state[at], state[at + 1], state[at + 2] = a, b, aa
                state[at + 3], state[at + 4] = bb, ab
            a, b, aa, bb, ab = 0.0, 0.0, 0.0, 0.0, 0.0
            place = 0
        mean, level = (state[at] + a) / bars, (state[at + 1] + b) / bars
        spread = (state[at + 2] + aa) / bars - mean * mean
        width = (state[at + 3] + bb) / bars - level * level
        out[i] = 0.0 if spread < 0.0 else spread
        out[count + i] = 0.0 if width < 0.0 else width
        out[2 * count + i] = (state[at + 4] + ab) / bars - mean * level
    state[0], state[1], state[2] = place, base, other
    state[3], state[4], state[5], state[6], state[7] = a, b, aa, bb, ab


PAIR = Hot(window_pair, width=3, is_windowed=True)


class _Pair(Streamed):
    """State of two variances and a covariance."""

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        state = [0.0, nan, nan, *[0.0] * SUMS, *[nan] * ((2 + SUMS) * bars)]
        super().__init__(PAIR, state, bars)


class Correlation(_Pair):
    """State of Pearson's correlation of two series."""

    __slots__ = ()

    def shaped(self, table: Floats, *_inputs: Floats) -> Floats:
        """Return the correlations; NaN where one of the two has not moved."""
        scale = np.sqrt(table[:, 0] * table[:, 1])
        scale[scale == 0] = np.nan
        return np.clip(table[:, 2] / scale, -1.0, 1.0)


class Beta(_Pair):
    """State of the slope of the first series on the second: covariance by the second's variance."""

    __slots__ = ()

    def shaped(self, table: Floats, *_inputs: Floats) -> Floats:
        """Return the slopes; NaN where the second has not moved."""
        spread = table[:, 1].copy()
        spread[spread == 0] = np.nan
        beta: Floats = table[:, 2] / spread
        return beta
