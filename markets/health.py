"""How the markets do, for the status page and `/api/health`."""

from typing import Any

from django.utils import timezone

from markets.hits import hits
from markets.models import Instrument, SourceState, StreamLease
from markets.quotes import store
from markets.registry import fallback_code
from markets.selectors import (
    base_timeframe,
    closed_through,
    closed_until,
    gaps_open,
    instruments_watched,
    quote_provenance,
    sources,
    venue_configured,
)
from mystic.lib.clock import iso, now_ms
from mystic.lib.live import hub
from mystic.lib.provenance import REPLAY_PREFIX


def report() -> dict[str, Any]:
    """Return the state of every source, the freshness of every instrument and what is missing."""
    code = venue_configured()
    instruments = instruments_watched()
    gaps = gaps_open(instrument_ids=[row.pk for row in instruments])
    rows = sources()
    is_live = any(row.source == f"{code}:stream" and row.state == "live" for row in rows)
    return {
        "status": "ok" if is_live else "degraded",
        "venue": code,
        "is_replay": code.startswith(REPLAY_PREFIX),
        "fallback": fallback_code(),
        "streamer": _streamer(),
        "cache": hits.report(),
        "sources": [_source(row) for row in rows],
        "instruments": [
            _freshness(row, is_replay=code.startswith(REPLAY_PREFIX)) for row in instruments
        ],
        "open_gaps": [
            {
                "instrument": gap.instrument_id,
                "start": iso(gap.start * 1000),
                "end": iso(gap.end * 1000),
                "bars": (gap.end - gap.start) // gap.timeframe,
            }
            for gap in gaps
        ],
    }


def _streamer() -> dict[str, Any]:
    row = StreamLease.objects.first()
    if row is None:
        return {"holder": None, "renewed_at": None, "is_local": store.is_local}
    return {
        "holder": row.holder or None,
        "renewed_at": iso(int(row.renewed_at.timestamp() * 1000)),
        "is_local": store.is_local,
    }


def _source(row: SourceState) -> dict[str, Any]:
    def told(field: str) -> str | None:
        value = getattr(row, field)
        return None if value is None else iso(int(value.timestamp() * 1000))

    return {
        "source": row.source,
        "state": row.state,
        "detail": row.detail,
        "is_official": row.is_official,
        "last_message_at": told("last_message_at"),
        "last_error": row.last_error,
        "last_error_at": told("last_error_at"),
        "blocked_until": told("blocked_until"),
        "weight_used": row.weight_used,
        "weight_limit": row.weight_limit,
        "counters": row.counters,
        "updated_at": told("updated_at"),
        "age_s": max(0, int((timezone.now() - row.updated_at).total_seconds())),
    }


def _told(instrument_id: int) -> dict[str, Any] | None:
    """Return the origin of the newest quote that another process told, None where there is none."""
    message = hub.latest(f"quote:{instrument_id}").get("quote")
    if message is None:
        return None
    names = ("source", "is_live", "as_of", "received_at", "delayed", "stale", "closed_until")
    return {name: message["data"][name] for name in names if name in message["data"]}


def _freshness(row: Instrument, *, is_replay: bool) -> dict[str, Any]:
    instrument_id, closed = row.pk, closed_until(row)
    quote = store.latest(instrument_id)
    through = closed_through(instrument_id, base_timeframe())
    return {
        "instrument": instrument_id,
        "symbol": row.symbol,
        "closed_until": None if closed is None else iso(closed * 1000),
        "quote": _told(instrument_id) if quote is None else quote_provenance(quote).as_json(),
        "quote_age_ms": None if quote is None else store.age_ms(quote),
        "has_book": store.book(instrument_id) is not None,
        "closed_through": None if through is None else iso(through * 1000),
        # A replay's time is its own: its bars have no age by our clock.
        "bar_age_s": None if through is None or is_replay else max(0, now_ms() // 1000 - through),
    }
