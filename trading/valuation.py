"""What a holding is worth now: exact, at the price somebody would pay for it."""

from dataclasses import dataclass

from markets.models import Instrument
from markets.types import Quote
from mystic.lib.provenance import REPLAY_PREFIX
from mystic.lib.units import price_units
from trading.execution.fills import MarketView
from trading.execution.terms import Terms
from trading.models import Position

# A mark for valuation may be older than a price that fills: a quiet market is still a market.
MARK_MAX_AGE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Mark:
    """The bid that values a holding, in price units, and where it came from."""

    price: int
    quote: Quote
    age_ms: int


def terms_of(instrument: Instrument) -> Terms:
    """Return the instrument's rules as the pure code wants them."""
    return Terms(
        base_scale=instrument.base_scale,
        quote_scale=instrument.quote_scale,
        price_scale=instrument.price_scale,
        tick=instrument.tick,
        step=instrument.step,
        min_quantity=instrument.min_quantity,
        min_notional=instrument.min_notional,
    )


def is_replay(source: str) -> bool:
    return source.startswith(REPLAY_PREFIX)


def mark_of(
    instrument: Instrument, view: MarketView, *, max_age_ms: int = MARK_MAX_AGE_MS
) -> Mark | None:
    """Return the instrument's bid, or None where no usable quote is at hand."""
    quote = view.latest(instrument.pk)
    if quote is None or quote.bid <= 0:
        return None
    age = view.age_ms(quote)
    if not 0 <= age <= max_age_ms:
        return None
    return Mark(price_units(quote.bid, instrument.price_scale), quote, age)


def worth(position: Position, price: int) -> int:
    """Return what the position would bring at `price`, in quote units, before the fee."""
    return terms_of(position.instrument).received(position.quantity, price)


def pessimistic_worth(position: Position) -> int:
    """Return a cautious worth where there is no mark: at the stop, never above the cost."""
    if position.stop_price is None:
        return 0
    cost: int = position.cost
    return min(worth(position, position.stop_price), cost)
