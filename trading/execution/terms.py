"""What an instrument's venue asks of an order, and the arithmetic in its units."""

from dataclasses import dataclass
from enum import StrEnum

from mystic.lib.units import notional_units


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

    def paid(self, quantity: int, price: int) -> int:
        """Return what a buyer pays in quote units, rounded up."""
        return self._notional(quantity, price, is_rounded_up=True)

    def received(self, quantity: int, price: int) -> int:
        """Return what a seller receives in quote units, rounded down."""
        return self._notional(quantity, price, is_rounded_up=False)

    def _notional(self, quantity: int, price: int, *, is_rounded_up: bool) -> int:
        return notional_units(
            quantity,
            price,
            base_scale=self.base_scale,
            price_scale=self.price_scale,
            quote_scale=self.quote_scale,
            is_rounded_up=is_rounded_up,
        )

    def quantity_for(self, notional: int, price: int) -> int:
        """Return the largest step multiple that costs at most `notional` at `price`."""
        if notional <= 0 or price <= 0:
            return 0
        shift = self.base_scale + self.price_scale - self.quote_scale
        scaled: int = notional * 10**shift if shift >= 0 else notional // 10**-shift
        return self.on_step(scaled // price)

    def on_step(self, quantity: int) -> int:
        return quantity - quantity % self.step

    def on_tick(self, price: int) -> int:
        return price - price % self.tick
