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


def window_sum(values: Any, out: Any, state: Any, bars: int, size: float) -> None:
    """Sum every full window and divide by `size`.

    Nothing is subtracted, so nothing drifts and a NaN passes.

    The series is laid out in blocks of `bars` values, counted from where the calculation began. A
    window is the end of one block and the beginning of the next: the sums of all ends are made
    when a block is full, the sum of the beginning grows by a value a bar (the block method of
    M. van Herk, 1992, for sums).

    State: place in the block, sum of the block so far, its values, sums of the ends of the last.
    """
    count, first, place, total = len(values), 0, int(state[0]), state[1]
    while first < count:
        last = first + bars - 1 - place
        stop = min(last, count)
        # A part of the input, and the sums of the ends of the last block that go with it.
        piece = values[first:stop]
        begin = 3 + bars + place
        ends = state[begin : begin + stop - first]
        for k in range(len(piece)):
            total += piece[k]
            out[first + k] = ends[k] + total
        if last >= count:
            for i in range(first, count):
                state[2 + place - first + i] = values[i]
            place += count - first
            break
        total = 0.0
        begin = 2 + bars + place - first
        for i in range(last, first - 1, -1):
            total += values[i]
            state[begin + i] = total
        for j in range(1 + place, 1, -1):
            total += state[j]
            state[bars + j] = total
        out[last] = total
        first, place, total = last + 1, 0, 0.0
    if size != 1.0:
        for i in range(count):
            out[i] /= size
    state[0], state[1] = place, total


def window_sums(
    values: Any,
    at: Any,
    counts: Any,
    skips: Any,
    places: Any,
    out: Any,
    bars: int,
    size: float,
) -> None:
    """Do what `window_sum` does for many stretches: the same sums in the same order.

    The sums of a block's ends and of its beginnings are made in one pass over it, and neither waits
    for the other.
    """
    longest = 0
    for k in range(len(counts)):
        longest = max(longest, counts[k])
    ends, sums = np.empty(longest + bars), np.empty(longest + bars)
    for k in range(len(counts)):
        count, skip = counts[k], skips[k]
        part = values[at[k] : at[k] + count]
        for i in range(bars):
            ends[i] = nan
        for first in range(0, count, bars):
            block, into = part[first : first + bars], sums[first : first + bars]
            # Sums of the ends of the block before this one, and of this one.
            before, after = ends[first : first + bars], ends[first + bars : first + 2 * bars]
            up, down = 0.0, 0.0
            if len(block) < bars:
                for i in range(len(block)):
                    up += block[i]
                    into[i] = before[i] + up
            else:
                for i in range(bars - 1):
                    down += block[bars - 1 - i]
                    after[bars - 2 - i] = down
                    up += block[i]
                    into[i] = before[i] + up
                into[bars - 1] = down + block[0]
        wanted = out[places[k] : places[k] + count - skip]
        found = sums[skip:count]
        for i in range(len(wanted)):
            wanted[i] = found[i] / size


SUM = Hot(window_sum, is_windowed=True, at_once=window_sums)


class Total(Streamed):
    """State of a sum over `bars` values, divided by `size`."""

    __slots__ = ()

    def __init__(self, bars: int, size: float = 1.0) -> None:
        super().__init__(SUM, [0.0, 0.0, *[nan] * (2 * bars)], bars, float(size))
