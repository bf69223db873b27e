"""Spread, weighted mid and depth of one order book, from its levels alone.

Plain Python: on the twenty levels a side that are kept, one numpy call costs more than the sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from markets.microstructure.voids import Void, nearest_void

type Level = tuple[float, float]
type Levels = Sequence[Level]

IMBALANCE_LEVELS = 10
# Within ten basis points of the mid lies what a desk's usual order would meet.
NEAR = 0.001


@dataclass(frozen=True, slots=True)
class BookMetrics:
    """What one book says at one moment; prices in the quote asset, quantities in the base asset.

    Attributes
    ----------
    spread : float
        Best ask less best bid.
    spread_bps : float
        The same in basis points of the mid.
    micro_price : float
        See `micro_price`.
    micro_offset : float
        (micro-price - mid) / mid, a fraction; positive leans upward.
    imbalance : float
        Over the best ten levels of each side, -1 (only asks) to 1 (only bids).
    imbalance_near : float or None
        Over the levels within ten basis points of the mid; None where none lies there.
    bid_depth, ask_depth : float
        Quantity on all the levels given.
    void_below, void_above : Void or None
        The nearest void on the side of the bids and of the asks.
    """

    mid: float
    spread: float
    spread_bps: float
    micro_price: float
    micro_offset: float
    imbalance: float
    imbalance_near: float | None
    bid_depth: float
    ask_depth: float
    void_below: Void | None
    void_above: Void | None


def micro_price(bid: float, bid_size: float, ask: float, ask_size: float) -> float:
    """Return the mid weighted by the size of the other side.

    ask * I + bid * (1 - I) with I = bid size / (bid size + ask size): the more is bid, the nearer
    it lies to the ask. It is the weighted mid from which Stoikov's micro-price starts; the
    correction that he estimates from a venue's own history is not applied.

    Source: S. Stoikov, "The micro-price: a high-frequency estimator of future prices",
    Quantitative Finance 18 (2018) 1959-1966, equation 2.

    Raises
    ------
    ValueError
        If neither side has any size.
    """
    total = bid_size + ask_size
    if total <= 0:
        message = "a micro-price needs a size on at least one side"
        raise ValueError(message)
    return bid + (ask - bid) * (bid_size / total)


def imbalance(bids: Levels, asks: Levels, levels: int) -> float | None:
    """Return (bid quantity - ask quantity) / both over the best levels, -1 to 1; None of nothing.

    Source: R. Cont, A. Kukanov and S. Stoikov, "The price impact of order book events", Journal
    of Financial Econometrics 12 (2014), for the touch; here over several levels.
    """
    return _balance(_quantity(bids[:levels]), _quantity(asks[:levels]))


def imbalance_within(bids: Levels, asks: Levels, distance: float) -> float | None:
    """Return the imbalance of what lies within `distance` (a fraction) of the mid, or None."""
    if not bids or not asks:
        return None
    mid = (bids[0][0] + asks[0][0]) / 2
    low, high = mid * (1 - distance), mid * (1 + distance)
    near_bids = sum(quantity for price, quantity in bids if price >= low)
    near_asks = sum(quantity for price, quantity in asks if price <= high)
    return _balance(near_bids, near_asks)


def cumulative(levels: Levels) -> list[float]:
    """Return the running sum of the quantities, best level first."""
    return list(accumulate(quantity for _, quantity in levels))


def book_metrics(
    bids: Levels, asks: Levels, *, levels: int = IMBALANCE_LEVELS, near: float = NEAR
) -> BookMetrics | None:
    """Return what a book says, or None for a book with an empty side.

    Parameters
    ----------
    bids, asks : sequence of (price, quantity)
        Best level first, prices positive and not crossed, quantities positive.
    levels : int
        How many levels of each side the imbalance counts.
    near : float
        The distance from the mid, a fraction, within which `imbalance_near` counts.
    """
    if not bids or not asks:
        return None
    bid, bid_size = bids[0]
    ask, ask_size = asks[0]
    mid = (bid + ask) / 2
    # As the venue's own digits have it: 61686.0 less 61685.99 is 0.01.
    spread = float(Decimal(repr(ask)) - Decimal(repr(bid)))
    micro = micro_price(bid, bid_size, ask, ask_size)
    return BookMetrics(
        mid=mid,
        spread=spread,
        spread_bps=spread / mid * 10_000,
        micro_price=micro,
        micro_offset=(micro - mid) / mid,
        imbalance=imbalance(bids, asks, levels) or 0.0,
        imbalance_near=imbalance_within(bids, asks, near),
        bid_depth=_quantity(bids),
        ask_depth=_quantity(asks),
        void_below=nearest_void(bids, mid),
        void_above=nearest_void(asks, mid),
    )


def _quantity(levels: Levels) -> float:
    return sum([quantity for _, quantity in levels])


def _balance(bid: float, ask: float) -> float | None:
    total = bid + ask
    return (bid - ask) / total if total > 0 else None
