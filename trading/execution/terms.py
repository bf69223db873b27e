"""What an instrument's venue asks of an order, and the arithmetic in its units."""

from dataclasses import dataclass
from enum import StrEnum

from trading.execution.arithmetic import quantity_of, worth_down, worth_up


class Side(StrEnum):
    """Which way an order goes."""

    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True)
class Terms:
    """The rules of one instrument, in integer units.

    Attributes
    ----------
    base_scale, quote_scale, price_scale : int
        Quantities count 10**-base_scale of the base asset, and so on.
    tick, step, min_quantity, min_notional : int
        Price units, base units, base units, quote units.
    """

    base_scale: int
    quote_scale: int
    price_scale: int
    tick: int = 1
    step: int = 1
    min_quantity: int = 0
    min_notional: int = 0

    @property
    def split(self) -> int:
        """What a product of quantity and price is divided by to be quote units."""
        return int(10 ** max(self.base_scale + self.price_scale - self.quote_scale, 0))

    @property
    def grow(self) -> int:
        """What a product of quantity and price is multiplied by to be quote units."""
        return int(10 ** max(self.quote_scale - self.base_scale - self.price_scale, 0))

    def paid(self, quantity: int, price: int) -> int:
        """Return what a buyer pays in quote units, rounded up."""
        return worth_up(quantity, price, self.split, self.grow)

    def received(self, quantity: int, price: int) -> int:
        """Return what a seller receives in quote units, rounded down."""
        return worth_down(quantity, price, self.split, self.grow)

    def quantity_for(self, notional: int, price: int) -> int:
        """Return the largest step multiple that costs at most `notional` at `price`."""
        return quantity_of(notional, price, self.split, self.grow, self.step)

    def on_step(self, quantity: int) -> int:
        return quantity - quantity % self.step

    def on_tick(self, price: int) -> int:
        return price - price % self.tick
