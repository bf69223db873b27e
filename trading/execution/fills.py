"""Fill an order on a real quote or book: pessimistic, exact, never on what is stale."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Protocol

from markets.types import BookView, Quote
from mystic.lib.units import WIDE, price_units
from trading.execution.fees import FeeSchedule
from trading.execution.terms import Side, Terms

NO_FRESH_QUOTE = "no_fresh_quote"
NOT_CROSSED = "not_crossed"
NO_LIQUIDITY = "no_liquidity"

# A venue tells its book ten times a second; one so far behind the quotes has stopped.
BOOK_LAG_MS = 1_000

type Level = tuple[int, int]


class MarketView(Protocol):
    """Where the newest quote and book are found; `markets.quotes.store` is one."""

    def latest(self, instrument_id: int) -> Quote | None: ...

    def book(self, instrument_id: int) -> BookView | None: ...

    def age_ms(self, value: Quote | BookView) -> int: ...


@dataclass(frozen=True, slots=True)
class Execution:
    """One exchange of base for quote at one price, all in integer units."""

    quantity: int
    price: int
    notional: int
    fee: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The price the fill is made on, with its age at that moment in milliseconds."""

    market: Quote | BookView
    age_ms: int


def snapshot(view: MarketView, instrument_id: int, *, max_age_ms: int) -> Snapshot | None:
    """Return the fresh book, else the fresh quote, else None: a stale price fills nothing.

    A book that stands still while quotes go on tells prices that are gone: the quote is used.
    """
    book, quote = view.book(instrument_id), view.latest(instrument_id)
    if book and quote and view.age_ms(book) - view.age_ms(quote) > BOOK_LAG_MS:
        book = None
    for market in (book, quote):
        if market is None:
            continue
        age = view.age_ms(market)
        if 0 <= age <= max_age_ms and _is_possible(market):
            return Snapshot(market, age)
    return None


def _is_possible(market: Quote | BookView) -> bool:
    """Tell whether both sides are there and the bid is below the ask."""
    if isinstance(market, Quote):
        return 0 < market.bid < market.ask
    return bool(market.bids and market.asks) and 0 < market.bids[0][0] < market.asks[0][0]


def best_prices(market: Quote | BookView) -> tuple[float, float]:
    """Return the best bid and ask."""
    if isinstance(market, Quote):
        return market.bid, market.ask
    return market.bids[0][0], market.asks[0][0]


def opposite_levels(market: Quote | BookView, side: str, terms: Terms) -> list[Level]:
    """Return what an order of `side` can trade against, best first, as (price, quantity) units."""
    pairs: Iterable[tuple[float, float]]
    if isinstance(market, Quote):
        is_buy = side == Side.BUY
        best = (market.ask, market.ask_size) if is_buy else (market.bid, market.bid_size)
        pairs = (best,)
    else:
        pairs = market.asks if side == Side.BUY else market.bids
    return [
        (price_units(price, terms.price_scale), _size_units(size, terms)) for price, size in pairs
    ]


def _size_units(size: float, terms: Terms) -> int:
    """Return a visible size in whole steps; the part of a step that is left over is not traded."""
    units = Decimal(repr(size)).scaleb(terms.base_scale, context=WIDE)
    return terms.on_step(int(units.to_integral_value(rounding=ROUND_FLOOR)))


def walk(
    side: str,
    quantity: int,
    levels: Sequence[Level],
    *,
    terms: Terms,
    fees: FeeSchedule,
    worst_price: int | None = None,
    limit_price: int | None = None,
    is_resting: bool = False,
) -> tuple[Execution, ...]:
    """Take from the levels, best first, until the quantity or the price bound is reached.

    Parameters
    ----------
    worst_price : int, optional
        The bound of a market order: a level at this price still trades.
    limit_price : int, optional
        The price of a limit order: a level must be strictly better, because at an equal price
        nobody knows how many stand before us in the queue.
    is_resting : bool
        A resting order trades at its own limit price and pays the maker's fee.
    """
    executions = []
    remaining = quantity
    for price, size in levels:
        if remaining <= 0 or not _is_within(side, price, worst_price, limit_price):
            break
        taken = min(remaining, size)
        if taken > 0:
            paid_price = limit_price if is_resting and limit_price is not None else price
            executions.append(
                _execution(side, taken, paid_price, terms=terms, fees=fees, is_maker=is_resting)
            )
            remaining -= taken
    return tuple(executions)


def _is_within(side: str, price: int, worst_price: int | None, limit_price: int | None) -> bool:
    if side == Side.BUY:
        return (worst_price is None or price <= worst_price) and (
            limit_price is None or price < limit_price
        )
    return (worst_price is None or price >= worst_price) and (
        limit_price is None or price > limit_price
    )


def _execution(
    side: str, quantity: int, price: int, *, terms: Terms, fees: FeeSchedule, is_maker: bool
) -> Execution:
    value = terms.paid if side == Side.BUY else terms.received
    notional = value(quantity, price)
    return Execution(quantity, price, notional, fees.fee(notional, is_maker=is_maker))
