"""Liquidity voids: stretches of price on which a book holds nothing.

A large price change needs no large order, only a gap behind the best price: J. D. Farmer,
L. Gillemot, F. Lillo, S. Mike and A. Sen, "What really causes large price changes?", Quantitative
Finance 4 (2004) 383-397. They measure the gap between neighbouring occupied prices. Here such a
gap is called a void when it is wide for the side it is in: at least `WIDE` times the side's
median gap. On it the cumulative depth stands still.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

WIDE = 5.0
# Fewer gaps have no typical one to compare with.
LEAST_GAPS = 4


@dataclass(frozen=True, slots=True)
class Void:
    """A stretch without an order.

    Attributes
    ----------
    near, far : float
        The occupied prices around it, the nearer to the mid first.
    distance : float
        How far `near` lies from the mid, a fraction of the mid.
    width : float
        |far - near| as a fraction of the mid.
    depth : float
        The quantity in the book before the void: what must trade until the price falls into it.
    """

    near: float
    far: float
    distance: float
    width: float
    depth: float


def voids_of(levels: Sequence[tuple[float, float]], mid: float) -> list[Void]:
    """Return the voids of one side, nearest first.

    Parameters
    ----------
    levels : sequence of (price, quantity)
        One side, best level first.
    mid : float
        The mid price, positive.
    """
    least = _least_width(levels)
    if least is None:
        return []
    found = []
    depth = 0.0
    for (near, quantity), (far, _) in pairwise(levels):
        depth += quantity
        width = abs(far - near)
        if width >= least:
            found.append(Void(near, far, abs(near - mid) / mid, width / mid, depth))
    return found


def nearest_void(levels: Sequence[tuple[float, float]], mid: float) -> Void | None:
    """Return the void of one side that is nearest to the mid, or None."""
    least = _least_width(levels)
    if least is None:
        return None
    depth = 0.0
    near, quantity = levels[0]
    for far, behind in levels[1:]:
        depth += quantity
        width = abs(far - near)
        if width >= least:
            return Void(near, far, abs(near - mid) / mid, width / mid, depth)
        near, quantity = far, behind
    return None


def _least_width(levels: Sequence[tuple[float, float]]) -> float | None:
    """Return how wide a gap of this side must be to be a void, a price difference."""
    count = len(levels) - 1
    if count < LEAST_GAPS:
        return None
    prices = [price for price, _ in levels]
    gaps = sorted([abs(b - a) for a, b in pairwise(prices)])
    half = count // 2
    median = gaps[half] if count % 2 else (gaps[half - 1] + gaps[half]) / 2
    # Prices are floats: a gap of exactly so many ticks must not be missed for its last bit.
    return WIDE * median * (1 - 1e-6)
