"""Where a resting order stands in the queue at its price, as far as a public book can tell.

A venue publishes the size at each price and each trade, not who stands where. The order joins
behind all that is shown. A trade at its price takes from the front. What vanishes without a trade
was cancelled, ahead of it or behind: which share is a model. With `ahead` and `behind` the sizes
on both sides of the order and f a growing function, the share behind is f(behind) / (f(behind) +
f(ahead)): E. Rigtorp, "Estimating order queue position" (2013), where f is log(1 + x) or x; the
power x^n is of hftbacktest (documentation, "Queue models"), which describes both as probability
queue models. Unlike there, what was traded is taken from the size before the share is formed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class FillModel(StrEnum):
    """When a resting order is filled."""

    STRICT = "strict"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class Cancels:
    """How cancelled size is shared out between what is ahead and what is behind.

    Attributes
    ----------
    power : float or None
        The n of x^n; 1 shares out in proportion. None takes log(1 + x), x in lots of `lot`.
    lot : int
        Base units of one lot, for the logarithm.
    """

    power: float | None = 1.0
    lot: int = 1

    def behind(self, ahead: int, behind: int) -> float:
        """Return the share of a cancellation that is taken from behind the order."""
        weigh: Callable[[int], float] = self._log if self.power is None else self._power
        front, back = weigh(ahead), weigh(behind)
        return back / (front + back) if front + back > 0 else 1.0

    def _log(self, size: int) -> float:
        return math.log1p(size / self.lot)

    def _power(self, size: int) -> float:
        return float((size / self.lot) ** (self.power or 1.0))

    def __str__(self) -> str:
        return "log(1 + x)" if self.power is None else f"x^{self.power:g}"


@dataclass(slots=True)
class Place:
    """One order's place; sizes in base units.

    Attributes
    ----------
    ahead : int or None
        None while the size at the price is not known: then nothing is filled at the price itself.
    visible : int
        What was last shown at the price, the order itself left out.
    traded : int
        What was traded at the price since then, which the next shown size reflects.
    """

    cancels: Cancels
    ahead: int | None = None
    visible: int = 0
    traded: int = 0

    def take(self, quantity: int) -> int:
        """Let a trade at the price take from the front; return what of it is left for the order."""
        if self.ahead is None:
            return 0
        self.traded += quantity
        rest = quantity - self.ahead
        self.ahead = max(0, -rest)
        return max(0, rest)

    def reach(self) -> None:
        """Note that the market went through the price: nobody stands ahead any more."""
        if self.ahead is not None:
            self.ahead = 0

    def see(self, size: int) -> None:
        """Take what is shown at the price now.

        More than before stands behind; less, beyond what was traded, was cancelled. The place is
        rounded up: rather one unit too far back.
        """
        before = max(0, self.visible - self.traded)
        self.visible, self.traded = size, 0
        if self.ahead is None:
            self.ahead = size
            return
        gone = before - size
        if gone > 0:
            behind = max(0, before - self.ahead)
            from_behind = min(behind, gone * self.cancels.behind(self.ahead, behind))
            self.ahead = max(0, math.ceil(self.ahead - (gone - from_behind)))
        self.ahead = min(self.ahead, size)


class Levels:
    """What is shown at each price of both sides, price units and base units."""

    def __init__(self) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.is_known = False

    def size(self, price: int, *, is_bid: bool) -> int | None:
        """Return what is shown at a price, None while the book is not known."""
        if not self.is_known:
            return None
        return (self.bids if is_bid else self.asks).get(price, 0)

    def forget(self) -> None:
        self.bids, self.asks, self.is_known = {}, {}, False
