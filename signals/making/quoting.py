"""Reservation price and optimal quotes of Avellaneda and Stoikov, on a venue's grid.

Source: M. Avellaneda and S. Stoikov, "High-frequency trading in a limit order book", Quantitative
Finance 8 (2008) 217-224: the reservation price (equations 8 and 29) and the optimal spread
(equation 30), with order arrivals of intensity A exp(-k delta) (equation 12).
"""

import math
from dataclasses import dataclass

BPS = 10_000
PARTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Grid:
    """What the venue lets a price and a quantity be: price units, base units."""

    tick: int
    step: int
    min_quantity: int = 0

    def down(self, price: int) -> int:
        return price - price % self.tick

    def up(self, price: int) -> int:
        return price + -price % self.tick

    def size(self, quantity: int) -> int:
        """Return the quantity in whole steps, nought where it is below the venue's minimum."""
        whole = quantity - quantity % self.step
        return whole if whole > 0 and whole >= self.min_quantity else 0


@dataclass(frozen=True, slots=True)
class Quotes:
    """What to show the market: price units and base units; None on the side that is not quoted.

    `mid` and `reservation` are in price units, rounded; `half_spread` is what lies at least
    between the reservation price and each quote.
    """

    mid: int
    reservation: int
    half_spread: int
    bid: int | None
    bid_size: int
    ask: int | None
    ask_size: int


def reservation_price(
    mid: float, inventory: float, *, volatility: float, risk_aversion: float, horizon_s: float
) -> float:
    """Return the price at which the holder is indifferent to one more: s - q g s^2 (T - t).

    Any one unit of price will do, as long as `volatility` (per square root of a second) and
    `risk_aversion` (its reciprocal, by unit of inventory) are in the same.
    """
    return mid - inventory * risk_aversion * volatility**2 * horizon_s


def optimal_spread(
    *, volatility: float, risk_aversion: float, order_flow_decay: float, horizon_s: float
) -> float:
    """Return the distance of ask and bid: g s^2 (T - t) + (2 / g) ln(1 + g / k).

    With no risk aversion it is the limit 2 / k.
    """
    if risk_aversion <= 0:
        return 2 / order_flow_decay
    arrivals = 2 / risk_aversion * math.log1p(risk_aversion / order_flow_decay)
    return risk_aversion * volatility**2 * horizon_s + arrivals


def quotes(
    mid: float,
    inventory: int,
    *,
    volatility: float,
    risk_aversion: float,
    order_flow_decay: float,
    horizon_s: float,
    grid: Grid,
    order_size: int,
    max_inventory: int,
    min_half_spread_ppm: int,
    best_bid: int | None = None,
    best_ask: int | None = None,
) -> Quotes:
    """Return what to bid and ask for, rounded away from the market.

    The formulas are applied to prices in basis points of the mid and to an inventory in orders,
    so that the parameters mean the same for every instrument. T - t does not run out: a market
    that never closes is quoted as if `horizon_s` were left at every moment.

    Parameters
    ----------
    inventory, order_size, max_inventory : int
        Base units; nothing is sold that is not held.
    volatility : float
        Basis points of the mid per square root of a second.
    risk_aversion, order_flow_decay : float
        Per basis point: g by order, and the k of A exp(-k delta).
    min_half_spread_ppm : int
        Millionths of the mid: the maker's fee and the least edge, kept exactly.

    Raises
    ------
    ValueError
        If a figure is missing, not finite or of the wrong sign.
    """
    _check(mid, inventory, volatility, risk_aversion, order_flow_decay, horizon_s)
    risk = {"volatility": volatility, "risk_aversion": risk_aversion, "horizon_s": horizon_s}
    shift = reservation_price(0.0, inventory / order_size, **risk)
    spread = optimal_spread(order_flow_decay=order_flow_decay, **risk)
    whole_mid, reservation = round(mid), round(mid + mid * shift / BPS)
    least = -(-whole_mid * min_half_spread_ppm // PARTS)
    half = max(math.ceil(mid * spread / 2 / BPS), least)
    bid, ask = _apart(grid, reservation - half, reservation + half, best_bid, best_ask)
    bid_size = grid.size(min(order_size, max_inventory - inventory)) if bid > 0 else 0
    ask_size = _sale(grid, inventory, order_size)
    return Quotes(
        mid=whole_mid,
        reservation=reservation,
        half_spread=half,
        bid=bid if bid_size else None,
        bid_size=bid_size,
        ask=ask if ask_size else None,
        ask_size=ask_size,
    )


def _apart(
    grid: Grid, low: int, high: int, best_bid: int | None, best_ask: int | None
) -> tuple[int, int]:
    """Return bid and ask on the grid, rounded apart, neither touching the other side."""
    bid, ask = grid.down(low), grid.up(high)
    if best_ask is not None:
        bid = min(bid, grid.down(best_ask - grid.tick))
    if best_bid is not None:
        ask = max(ask, grid.up(best_bid + grid.tick))
    return bid, ask


def _sale(grid: Grid, inventory: int, order_size: int) -> int:
    """Return what to offer: no rest is left that could not be sold by itself."""
    rest = inventory - order_size
    if rest <= 0 or rest < max(grid.step, grid.min_quantity):
        return inventory
    return grid.size(order_size)


def _check(mid: float, inventory: int, *figures: float) -> None:
    volatility, risk_aversion, decay, horizon_s = figures
    if not all(map(math.isfinite, (mid, *figures))):
        message = f"quotes want finite figures, got {(mid, *figures)}"
        raise ValueError(message)
    if mid <= 0 or decay <= 0 or min(inventory, volatility, risk_aversion, horizon_s) < 0:
        message = "quotes want a positive mid and decay, and nothing negative"
        raise ValueError(message)
