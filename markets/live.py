"""What open pages hear of the markets: events become payloads for the live hub."""

from dataclasses import fields
from typing import Any

from markets.delayed import delayed_provenance
from markets.events import (
    BarForming,
    BarsClosed,
    BookChanged,
    BookLost,
    DelayedPricesGone,
    DelayedPriceTold,
    QuoteChanged,
    SourceChanged,
    UnusualOption,
)
from markets.microstructure import BookMetrics, Void
from markets.quotes import BookReading, store
from markets.selectors import quote_provenance
from markets.types import BookView, DelayedPrice, Quote, slug_of
from mystic.lib.clock import iso, now_ms
from mystic.lib.live import hub
from mystic.lib.provenance import REPLAY_PREFIX, Provenance, may_be_live

BOOK_LEVELS = 20
# Written out, because `asdict` copies deeply and a book changes ten times a second.
_VOID = tuple(field.name for field in fields(Void))
_METRICS = tuple(f.name for f in fields(BookMetrics) if not f.name.startswith("void"))


def on_quote(event: QuoteChanged) -> None:
    quote = event.quote
    hub.publish_latest(f"quote:{quote.instrument_id}", "quote", quote_payload(quote))


def on_book(event: BookChanged) -> None:
    book = event.book
    hub.publish_latest(f"book:{book.instrument_id}", "book", book_payload(book))


def on_book_lost(event: BookLost) -> None:
    """A book that lost its thread is not shown any longer."""
    hub.forget(f"book:{event.instrument_id}", "book")


def on_delayed(event: DelayedPriceTold) -> None:
    price = event.price
    hub.publish_latest(f"quote:{price.instrument_id}", "delayed", delayed_payload(price))


def on_delayed_gone(event: DelayedPricesGone) -> None:
    for instrument_id in event.instrument_ids:
        hub.forget(f"quote:{instrument_id}", "delayed")


def on_bar_forming(event: BarForming) -> None:
    bar = event.bar
    data = {
        **_named(bar.instrument_id),
        "timeframe": bar.timeframe,
        "open_time": bar.open_time,
        "o": bar.open,
        "h": bar.high,
        "l": bar.low,
        "c": bar.close,
        "v": bar.volume,
    }
    origin = _bar_provenance(bar.source, bar.received_at_ms)
    hub.publish_latest(f"bar:{bar.instrument_id}", "bar", payload("bar", data, origin))


def on_bars_closed(event: BarsClosed) -> None:
    for bar in event.bars:
        data = {
            **_named(bar.instrument_id),
            "timeframe": bar.timeframe,
            "open_time": bar.open_time,
            "o": bar.open,
            "h": bar.high,
            "l": bar.low,
            "c": bar.close,
            "v": bar.volume,
            "origin": str(bar.origin),
        }
        origin = _bar_provenance(bar.source, bar.received_at_ms, as_of_ms=bar.close_time * 1000)
        hub.publish_event(f"closed:{bar.instrument_id}", payload("bar_closed", data, origin))


def on_source(event: SourceChanged) -> None:
    at_ms = now_ms()
    data = {
        "source": event.source,
        "state": event.state,
        "detail": event.detail,
        "is_replay": event.source.startswith(REPLAY_PREFIX),
    }
    is_live = event.state == "live" and not data["is_replay"]
    origin = Provenance(event.source, is_live, at_ms, at_ms)
    hub.publish_latest("system", event.source, payload("source", data, origin))


def on_unusual_option(event: UnusualOption) -> None:
    data = {
        "id": event.activity_id,
        "instrument": event.instrument_id,
        "symbol": event.symbol,
        "contract": event.contract,
        "score": event.score,
        "reasons": list(event.reasons),
        "volume": event.volume,
        "premium": event.premium,
    }
    origin = Provenance(
        source=event.source,
        is_live=not (event.is_delayed or event.source.startswith(REPLAY_PREFIX)),
        as_of_ms=event.detected_at_ms,
        received_at_ms=event.detected_at_ms,
        is_delayed=event.is_delayed,
    )
    hub.publish_event("options", payload("unusual_option", data, origin))


def quote_payload(quote: Quote) -> dict[str, Any]:
    """Return the `market_data` message of a quote; what is not known is null."""
    data = {
        **_named(quote.instrument_id),
        "bid": quote.bid,
        "ask": quote.ask,
        "bid_size": quote.bid_size,
        "ask_size": quote.ask_size,
        "last": quote.last,
        "mid": quote.mid,
        "change_24h": store.change_24h(quote),
    }
    return payload("market_data", data, quote_provenance(quote))


def delayed_payload(price: DelayedPrice) -> dict[str, Any]:
    """Return the `market_data` message of a delayed price: it has no bid and no ask."""
    data = {
        **_named(price.instrument_id),
        **dict.fromkeys(("bid", "ask", "bid_size", "ask_size", "mid", "change_24h")),
        "last": price.last,
    }
    return payload("market_data", data, delayed_provenance(price))


def book_payload(book: BookView) -> dict[str, Any]:
    """Return the `book` message: the best levels, best first, and what they say."""
    data = {
        **_named(book.instrument_id),
        "bids": book.bids[:BOOK_LEVELS],
        "asks": book.asks[:BOOK_LEVELS],
        "update_id": book.update_id,
        "metrics": book_reading_data(store.reading(book.instrument_id)),
    }
    return payload("book", data, quote_provenance(book))


def book_reading_data(reading: BookReading | None) -> dict[str, Any] | None:
    """Return what a book says as the socket and the API tell it."""
    if reading is None:
        return None
    metrics = reading.metrics
    return {
        **{name: getattr(metrics, name) for name in _METRICS},
        "void_below": _void_data(metrics.void_below),
        "void_above": _void_data(metrics.void_above),
        "order_flow_imbalance": reading.order_flow,
        "cumulative_delta": reading.delta,
        "cumulative_delta_since": iso(reading.delta_since_ms),
        "measured_at_update_id": reading.update_id,
    }


def _void_data(void: Void | None) -> dict[str, float] | None:
    return None if void is None else {name: getattr(void, name) for name in _VOID}


def payload(kind: str, data: dict[str, Any], origin: Provenance) -> dict[str, Any]:
    """Return a whole message; the provenance stands in the envelope and beside the figures."""
    marks = origin.as_json()
    return {
        "type": kind,
        "data": {**data, **marks},
        "timestamp": iso(now_ms()),
        "source": marks["source"],
        "is_live": marks["is_live"],
        "as_of": marks["as_of"],
    }


def _named(instrument_id: int) -> dict[str, Any]:
    symbol = store.symbol(instrument_id)
    slug = None if symbol is None else slug_of(symbol)
    return {"instrument": instrument_id, "symbol": symbol, "slug": slug}


def _bar_provenance(source: str, received_ms: int, as_of_ms: int | None = None) -> Provenance:
    return Provenance(source, may_be_live(source), as_of_ms or received_ms, received_ms)
