"""Median, quantile and percent rank of a window."""

from math import nan
from typing import Any

from signals.indicators.hot import Floats, Hot, Streamed


def window_order(values: Any, out: Any, state: Any, bars: int, share: float) -> None:
    """Give every full window's quantile, and the percentage of its values not above the newest.

    The window is kept sorted: a value is put in and taken out by moving those above it. The
    quantile lies linearly between two values (Hyndman and Fan 1996, type 7; numpy's and pandas'
    own). The percentage leaves out the newest value itself.

    State: place of the oldest value, values that are there (not missing), the window in order of
    time, the same sorted.
    """
    count = len(values)
    place, size = int(state[0]), int(state[1])
    held, order = 2, 2 + bars
    for i in range(count):
        value, old = values[i], state[held + place]
        state[held + place] = value
        place = place + 1 if place + 1 < bars else 0
        if old == old:
            size -= 1
            at = order
            while state[at] != old:
                at += 1
            while at < order + size:
                state[at] = state[at + 1]
                at += 1
        if value == value:
            at = order + size
            while at > order and state[at - 1] > value:
                state[at] = state[at - 1]
                at -= 1
            state[at] = value
            size += 1
        if size < bars:
            out[i] = out[count + i] = nan
            continue
        # After the insertion `at` is behind every value not above the newest, but itself.
        out[count + i] = 100.0 * (at - order) / (bars - 1) if bars > 1 else nan
        spot = share * (bars - 1)
        low = int(spot)
        part = spot - low
        below = state[order + low]
        out[i] = below + part * (state[order + low + 1] - below) if part > 0.0 else below
    state[0], state[1] = place, size


ORDER = Hot(window_order, width=2)


class Quantile(Streamed):
    """State of a quantile; a share of 0.5 is the median."""

    __slots__ = ()

    def __init__(self, bars: int, share: float) -> None:
        super().__init__(ORDER, [0.0, 0.0, *[nan] * (2 * bars + 1)], bars, float(share))

    def shaped(self, table: Floats, *_inputs: Floats) -> Floats:
        """Return the windows' quantiles."""
        quantile: Floats = table[:, 0]
        return quantile


class PercentRank(Streamed):
    """State of the percentage of the `bars` values before the newest that are not above it."""

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        super().__init__(ORDER, [0.0, 0.0, *[nan] * (2 * bars + 3)], bars + 1, 0.0)

    def shaped(self, table: Floats, *_inputs: Floats) -> Floats:
        """Return the ranks, 0 to 100."""
        rank: Floats = table[:, 1]
        return rank
