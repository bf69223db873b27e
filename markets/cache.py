"""The newest quote and book wherever the asker runs, each with its origin and its age.

The process that streams answers from its own store. Any other one answers from what the streamer's
process told the live hub: over Redis that is a copy in this process's memory, kept up to date by
the hub's own link, so a page never waits for Redis. What is in neither is missing, never invented.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from markets.hits import hits
from markets.live import book_reading_data
from markets.quotes import store
from markets.selectors import quote_provenance
from mystic.lib import clock
from mystic.lib.live import hub
from mystic.lib.provenance import Provenance

type Levels = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class QuoteNow:
    """The newest best prices; `change` is that of 24 hours as a fraction where the stream told."""

    bid: float
    ask: float
    last: float | None
    change: float | None
    origin: Provenance
    age_ms: int


@dataclass(frozen=True, slots=True)
class BookNow:
    """The newest synchronised book, best levels first; `metrics` as the socket tells them."""

    bids: Levels
    asks: Levels
    update_id: int
    metrics: dict[str, Any] | None
    origin: Provenance
    age_ms: int


def quote_now(instrument_id: int) -> QuoteNow | None:
    """Return the newest quote in memory, or None while there is none."""
    found = _quote_local(instrument_id) if store.is_local else _quote_heard(instrument_id)
    hits.count("quote", is_hit=found is not None)
    return found


def book_now(instrument_id: int) -> BookNow | None:
    """Return the newest book in memory, or None while there is none in step."""
    found = _book_local(instrument_id) if store.is_local else _book_heard(instrument_id)
    hits.count("book", is_hit=found is not None)
    return found


def _quote_local(instrument_id: int) -> QuoteNow | None:
    quote = store.latest(instrument_id)
    if quote is None:
        return None
    change = store.change_24h(quote)
    origin, age_ms = quote_provenance(quote), store.age_ms(quote)
    return QuoteNow(quote.bid, quote.ask, quote.last, change, origin, age_ms)


def _quote_heard(instrument_id: int) -> QuoteNow | None:
    payload = hub.latest(f"quote:{instrument_id}").get("quote")
    if payload is None:
        return None
    data = payload["data"]
    origin, age_ms = _origin(payload)
    last, change = _number(data.get("last")), _number(data.get("change_24h"))
    return QuoteNow(float(data["bid"]), float(data["ask"]), last, change, origin, age_ms)


def _book_local(instrument_id: int) -> BookNow | None:
    book = store.book(instrument_id)
    if book is None:
        return None
    metrics = book_reading_data(store.reading(instrument_id))
    origin, age_ms = quote_provenance(book), store.age_ms(book)
    return BookNow(book.bids, book.asks, book.update_id, metrics, origin, age_ms)


def _book_heard(instrument_id: int) -> BookNow | None:
    payload = hub.latest(f"book:{instrument_id}").get("book")
    if payload is None:
        return None
    data = payload["data"]
    origin, age_ms = _origin(payload)
    bids, asks = _levels(data["bids"]), _levels(data["asks"])
    return BookNow(bids, asks, int(data["update_id"]), data.get("metrics"), origin, age_ms)


def _origin(payload: dict[str, Any]) -> tuple[Provenance, int]:
    """Return where a heard value came from and how old it is; an old one is live no longer."""
    data = payload["data"]
    received_ms = _epoch_ms(data.get("received_at") or payload["timestamp"])
    as_of_ms, is_delayed = _epoch_ms(payload.get("as_of")), bool(data.get("delayed"))
    # What was late when it came is as old as its own time says.
    told_ms = as_of_ms if is_delayed and as_of_ms is not None else received_ms
    age_ms = max(0, clock.now_ms() - (told_ms or 0))
    is_fresh = age_ms <= settings.ENV["MYSTIC_MAX_QUOTE_AGE_MS"]
    origin = Provenance(
        source=payload["source"],
        is_live=bool(payload["is_live"]) and is_fresh,
        as_of_ms=as_of_ms,
        received_at_ms=received_ms,
        is_delayed=is_delayed,
        is_stale=not is_fresh,
    )
    return origin, age_ms


def _levels(told: list[list[float]]) -> Levels:
    return tuple((float(price), float(quantity)) for price, quantity in told)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _epoch_ms(iso: str | None) -> int | None:
    return None if not iso else int(datetime.fromisoformat(iso).timestamp() * 1000)
