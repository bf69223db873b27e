"""The times below an earlier peak: when each began, was deepest, was over."""

from dataclasses import dataclass

import numpy as np

from trading.performance.ratios import underwater
from trading.performance.types import FigureError, Floats, Ints

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One fall and its recovery; positions in the equity, `recovery` None while it lasts.

    `begin` is the peak, `depth` a negative fraction, `days` from the peak to the recovery or, while
    it lasts, to the last value.
    """

    begin: int
    trough: int
    recovery: int | None
    depth: float
    days: float


def drawdowns(equity: Floats, times: Ints | None = None, *, most: int = 10) -> list[Drawdown]:
    """Return the deepest drawdowns, the deepest first; of equal ones the earlier first."""
    below = underwater(equity)
    begins, ends = _spans(below)
    found = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        trough = begin + int(np.argmin(below[begin:end]))
        last = min(end, len(equity) - 1)
        found.append(
            Drawdown(
                begin=begin,
                trough=trough,
                recovery=end if end < len(equity) else None,
                depth=float(below[trough]),
                days=_days(begin, last, times),
            )
        )
    return sorted(found, key=lambda one: one.depth)[:most]


def longest_days(equity: Floats, times: Ints | None = None) -> float:
    """Return how long the longest drawdown lasted, peak to recovery or to the end."""
    if times is not None and len(times) != len(equity):
        raise FigureError(f"{len(times)} times for {len(equity)} values: give one for each")
    begins, ends = _spans(underwater(equity))
    if not len(begins):
        return 0.0
    lasts = np.minimum(ends, len(equity) - 1)
    if times is None:
        return float((lasts - begins).max())
    return float((times[lasts] - times[begins]).max() / DAY_S)


def _spans(below: Floats) -> tuple[Ints, Ints]:
    """Return where each drawdown has its peak, and where it is recovered (the length if never)."""
    is_below = np.concatenate(([0], (below < 0).astype(np.int8), [0]))
    edges = np.diff(is_below)
    return np.flatnonzero(edges == 1) - 1, np.flatnonzero(edges == -1)


def _days(begin: int, last: int, times: Ints | None) -> float:
    if times is None:
        return float(last - begin)
    return float(times[last] - times[begin]) / DAY_S
