"""What a recorded market tells: best prices, trades, depth; prices and sizes in whole units."""

from dataclasses import dataclass

from mystic.lib.units import notional_units


@dataclass(frozen=True, slots=True)
class Top:
    """Best bid and ask: price units, base units."""

    at_ms: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int


@dataclass(frozen=True, slots=True)
class Trade:
    """A public trade; `is_sell` says whether who came with the market order sold, if it is told."""

    at_ms: int
    price: int
    quantity: int
    is_sell: bool | None = None


@dataclass(frozen=True, slots=True)
class Depth:
    """Changed levels of the book with their new sizes, nought where one is gone.

    A whole book takes the place of what was known; without one (`is_lost`) nothing is known.
    """

    at_ms: int
    bids: tuple[tuple[int, int], ...] = ()
    asks: tuple[tuple[int, int], ...] = ()
    is_whole: bool = False
    is_lost: bool = False


Event = Top | Trade | Depth


@dataclass(frozen=True, slots=True)
class Scales:
    """Decimal places of quantities, prices and money."""

    base: int = 8
    price: int = 8
    quote: int = 8

    def worth(self, quantity: int, price: int, *, is_paid: bool = False) -> int:
        """Return quantity times price in quote units, rounded against the one who trades."""
        return notional_units(
            quantity,
            price,
            base_scale=self.base,
            price_scale=self.price,
            quote_scale=self.quote,
            is_rounded_up=is_paid,
        )
