"""Windows over a series that arrives in pieces."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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


def rolling_sum(values: Floats, bars: int) -> Floats:
    """Return the sum of every full window of `bars` values.

    Each window is summed in one fixed order (blocks of powers of two, from its end), so a window's
    sum is the same number wherever the piece begins; nothing is carried that could drift.
    """
    count = len(values) - bars + 1
    total = np.zeros(count)
    block, width, used = values, 1, 0
    while True:
        if bars & width:
            start = bars - used - width
            total = total + block[start : start + count]
            used += width
        if 2 * width > bars:
            return total
        block = block[width:] + block[:-width]
        width *= 2
