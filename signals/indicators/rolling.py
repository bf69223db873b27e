"""Greatest and least of a window, and how long ago they were."""

from math import inf, nan
from typing import Any

import numpy as np

from signals.indicators.hot import Floats, Hot, Streamed
from signals.indicators.window import Tail

PIECE = 4096
"""Bars at a time: few enough that the steps between stay in a processor's nearest memory."""


def window_age(values: Any, out: Any, state: Any, bars: int, sign: float) -> None:
    """Count the bars since the greatest (sign 1) or least (sign -1) of every full window.

    The latest of equal ones counts, as in TA-Lib's AROON.

    Blocks as in `signals.indicators.window.window_sum`.

    State: place, extreme so far, its place, values, extremes of the ends of the last block, their
    places.
    """
    place, best, where = int(state[0]), state[1], state[2]
    held, ends, marks = 3, 3 + bars, 3 + 2 * bars
    for i in range(len(values)):
        value = values[i] * sign
        state[held + place] = value
        if value >= best or value != value:
            best, where = value, float(place)
        place += 1
        if place < bars:
            end = state[ends + place]
            if end != end or best != best:
                out[i] = nan
            elif end > best:
                out[i] = place - 1 + bars - state[marks + place]
            else:
                out[i] = place - 1 - where
            continue
        best, where = -inf, bars - 1.0
        for j in range(bars - 1, -1, -1):
            value = state[held + j]
            if value > best or value != value:
                best, where = value, float(j)
            state[ends + j], state[marks + j] = best, where
        out[i] = bars - 1 - where if best == best else nan
        place, best, where = 0, -inf, 0.0
    state[0], state[1], state[2] = place, best, where


AGE = Hot(window_age, is_windowed=True)


class Rolling:
    """State of a rolling extreme: the greatest for a sign of 1, the least for -1."""

    __slots__ = ("_bars", "_pick", "_tail")

    def __init__(self, bars: int, sign: float) -> None:
        self._bars, self._tail = bars, Tail(bars - 1)
        self._pick = np.maximum if sign > 0 else np.minimum

    def push(self, values: Floats) -> Floats:
        """Take the next values and return each window's extreme, NaN where a value is missing."""
        joined, bars, count = self._tail.extend(values), self._bars, len(values)
        out = np.empty(count)
        for first in range(0, count, PIECE):
            last = min(first + PIECE, count)
            self._widen(joined[first : last + bars - 1], out[first:last])
        return out

    def _widen(self, block: Floats, out: Floats) -> None:
        """Write the extreme of every window of a block, from windows of 1, 2, 4... values."""
        width = 1
        while 2 * width < self._bars:
            block = self._pick(block[width:], block[:-width])
            width *= 2
        rest = self._bars - width
        self._pick(block[rest:], block[: len(block) - rest], out=out)


class Age(Streamed):
    """State of the bars since the greatest (sign 1) or least (sign -1) of the window."""

    __slots__ = ()

    def __init__(self, bars: int, sign: float) -> None:
        super().__init__(AGE, [0.0, -inf, 0.0, *[nan] * (3 * bars)], bars, float(sign))


def rolling_max(values: Floats, bars: int) -> Floats:
    """Return the greatest of the last `bars` values at every bar."""
    return Rolling(bars, 1).push(values)


def rolling_min(values: Floats, bars: int) -> Floats:
    """Return the least of the last `bars` values at every bar."""
    return Rolling(bars, -1).push(values)
