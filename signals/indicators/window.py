"""Windows over a series that arrives in pieces."""

from math import nan
from typing import Any

import numpy as np

from signals.indicators.hot import Floats, Hot, Streamed

__all__ = ["SUM", "Floats", "Tail", "Total", "window_sum"]


class Tail:
    """The last `bars` values before a piece, for a window to reach back to; NaN before them."""

    __slots__ = ("_kept", "bars")

    def __init__(self, bars: int) -> None:
        self.bars = bars
        self._kept = np.full(bars, np.nan)

    def extend(self, values: Floats) -> Floats:
        """Return the piece with the `bars` values before it in front."""
        joined = np.concatenate((self._kept, values))
        self._kept = joined[len(joined) - self.bars :]
        return joined


def window_sum(values: Any, out: Any, state: Any, bars: int) -> None:
    """Sum every full window; nothing is subtracted, so nothing drifts and a NaN passes.

    The series is laid out in blocks of `bars` values, counted from where the calculation began. A
    window is the end of one block and the beginning of the next: the sums of all ends are made
    when a block is full, the sum of the beginning grows by a value a bar (the block method of
    M. van Herk, 1992, for sums).

    State: place in the block, sum of the block so far, its values, sums of the ends of the last.
    """
    place, total = int(state[0]), state[1]
    held, ends = 2, 2 + bars
    for i in range(len(values)):
        value = values[i]
        state[held + place] = value
        total += value
        place += 1
        if place < bars:
            out[i] = state[ends + place] + total
            continue
        total = 0.0
        for j in range(bars - 1, -1, -1):
            total += state[held + j]
            state[ends + j] = total
        out[i] = total
        place, total = 0, 0.0
    state[0], state[1] = place, total


SUM = Hot(window_sum)


class Total(Streamed):
    """State of a sum over `bars` values."""

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        super().__init__(SUM, [0.0, 0.0, *[nan] * (2 * bars)], bars)
