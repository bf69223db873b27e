"""What came after fills: how far the mid moved against them, how long they waited."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

HORIZONS_MS = (1_000, 10_000, 60_000)
PARTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The mid's move after fills, signed so that a loss of the maker is below zero.

    Attributes
    ----------
    fills : int
        Those after which the recording went on so long.
    mean_ppm : float or None
        The mean of (mid then - mid at the fill) / mid at the fill, millionths, by quantity.
    """

    fills: int
    mean_ppm: float | None


Filled = tuple[int, bool, int]
"""When, whether bought, how much."""


def aftermath(
    fills: Sequence[Filled], times: Sequence[int], mids: Sequence[float]
) -> Mapping[int, Aftermath]:
    """Return the aftermath of fills by horizon in milliseconds.

    Parameters
    ----------
    times, mids : sequences
        Moments in ascending order and the mid that stood from each on.
    """
    return {horizon: _after(fills, times, mids, horizon) for horizon in HORIZONS_MS}


def _after(
    fills: Sequence[Filled], times: Sequence[int], mids: Sequence[float], horizon: int
) -> Aftermath:
    moved, weight, count = 0.0, 0, 0
    for at_ms, is_buy, quantity in fills:
        now = bisect_right(times, at_ms) - 1
        if now < 0 or at_ms + horizon > times[-1]:
            continue
        then = bisect_right(times, at_ms + horizon) - 1
        change = (mids[then] - mids[now]) / mids[now] * PARTS
        moved += quantity * (change if is_buy else -change)
        weight += quantity
        count += 1
    return Aftermath(count, moved / weight if weight else None)


def waits(waited_ms: Sequence[int]) -> tuple[float, int] | None:
    """Return the median and the longest wait, None where nothing was filled."""
    return (float(median(waited_ms)), max(waited_ms)) if waited_ms else None
