"""What markets is asked: instruments, sealed bars, where a value came from, how sources do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Case, Count, F, Func, IntegerField, Min, Q, QuerySet, Value, When
from django.db.models.functions import Replace
from django.utils import timezone

from markets.hours import hours
from markets.models import (
    Candle,
    Gap,
    Instrument,
    SessionDay,
    SourceState,
    StreamLease,
)
from markets.providers.base import source_name
from markets.providers.table import PROVIDERS, code_of, off_reason
from markets.quotes import store
from markets.series import bars_load, base_timeframe, closed_through
from markets.sessions import ALWAYS, Calendar
from markets.types import BookView, Quote
from mystic.lib.clock import from_ms, monotonic_ms, now_ms
from mystic.lib.provenance import IMPORT_PREFIX, REPLAY_PREFIX, Provenance

__all__ = [
    "Extent",
    "Stored",
    "bars_load",
    "base_timeframe",
    "calendar_of",
    "closed_reason",
    "closed_through",
    "closed_until",
    "day_references",
    "gaps_open",
    "hours_load",
    "instrument_by_symbol",
    "instruments_of",
    "instruments_ranked",
    "instruments_watched",
    "quote_provenance",
    "series_extent",
    "series_stored",
    "sources",
    "stock_codes",
    "venue_configured",
]

LONGEST_SYMBOL = 40
# What people write between or before the letters of a name in different ways.
NOISE = "/-_.^="
_NOISE = str.maketrans("", "", NOISE)
# Another process writes the calendars; a page looks again after so long.
HOURS_AGE_MS = 600_000
_loaded_ms: dict[str, int] = {}
DAY_S = 86_400
# A lease that was not renewed for so long belongs to a streamer that is gone.
SILENT_LEASE_S = 15


def venue_configured() -> str:
    """Return the code of the venue that is streamed: `binance`, or `replay:binance`.

    Both addresses must be official: data of which a part is replayed is a replay.
    """
    names = {
        source_name("binance", settings.ENV["BINANCE_REST_URL"]),
        source_name("binance", settings.ENV["BINANCE_WS_URL"]),
    }
    return "binance" if names == {"binance"} else f"{REPLAY_PREFIX}binance"


def instruments_of(venue_code: str, symbols: Sequence[str]) -> list[Instrument]:
    """Return a venue's instruments of these symbols, in the order of the symbols."""
    rows = Instrument.objects.filter(venue__code=venue_code, symbol__in=symbols)
    found = {row.symbol: row for row in rows.select_related("venue")}
    return [found[symbol] for symbol in symbols if symbol in found]


def stock_codes() -> list[str]:
    """Return the venue codes of the sources of stocks that are on, the first choice first."""
    env = settings.ENV
    found = [PROVIDERS[name] for name in env["MYSTIC_STOCK_SOURCES"] if name in PROVIDERS]
    return [code_of(one, env) for one in found if not off_reason(one, env)]


def instruments_ranked() -> QuerySet[Instrument]:
    """Return the instruments of the configured kind of venue, those of configured ones first."""
    code = venue_configured()
    codes = [code, *stock_codes()]
    rank = Case(
        *(When(venue__code=one, then=Value(n)) for n, one in enumerate(codes)),
        default=Value(len(codes)),
        output_field=IntegerField(),
    )
    return (
        Instrument.objects.filter(venue__is_replay=code.startswith(REPLAY_PREFIX))
        .exclude(venue__code__startswith=IMPORT_PREFIX)
        .select_related("venue")
        .annotate(rank=rank)
        .order_by("rank", "id")
    )


def _plain(symbol: str) -> str:
    return symbol.strip().upper().translate(_NOISE)


def _plain_stored() -> Func | F:
    """Return the stored symbol without what people write in different ways."""
    found: Func | F = F("symbol")
    for mark in NOISE:
        found = Replace(found, Value(mark), Value(""))
    return found


def instrument_by_symbol(symbol: str) -> Instrument:
    """Return the instrument that `BTC/USDT`, `BTCUSDT`, `btc-usdt`, `AAPL` or `DGS10` names.

    The venue that is streamed now wins, then the sources of stocks in their order; live and
    replayed instruments are never mixed.

    Raises
    ------
    Instrument.DoesNotExist
        If no such instrument is known.
    """
    if len(symbol) > LONGEST_SYMBOL or "\x00" in symbol:
        message = "no instrument has so strange a name"
        raise Instrument.DoesNotExist(message)
    plain = _plain(symbol)
    # A stored name begins with a letter, a digit or ^: the rest need not be looked at closely.
    near = Q(symbol__istartswith=plain[:1]) | Q(symbol__startswith="^")
    found = (
        instruments_ranked()
        .filter(near)
        .annotate(plain=_plain_stored())
        .filter(plain=plain)
        .first()
    )
    if found is None:
        message = f"{symbol} is not in the catalogue"
        raise Instrument.DoesNotExist(message)
    return found


def instruments_watched() -> list[Instrument]:
    """Return what is watched and decided on: pairs, then stocks, each in the settings' order.

    If the streamed venue never answered and the fallback did, the fallback's pairs are returned.
    Macro series are watched by their own feeds: nothing is decided on their bars.
    """
    kind = Instrument.AssetClass
    rows = list(
        instruments_ranked().filter(is_watched=True, asset_class__in=[kind.CRYPTO, kind.STOCK])
    )
    pairs = [row for row in rows if row.asset_class == kind.CRYPTO]
    stocks = [row for row in rows if row.asset_class == kind.STOCK]
    if any(row.venue.code == venue_configured() for row in pairs):
        pairs = [row for row in pairs if row.venue.code == venue_configured()]
    if stocks:
        stocks = [row for row in stocks if row.venue_id == stocks[0].venue_id]
    return [
        *_in_order(pairs, settings.ENV["MYSTIC_SYMBOLS"]),
        *_in_order(stocks, settings.ENV["MYSTIC_STOCKS"]),
    ]


def _in_order(rows: Sequence[Instrument], symbols: Sequence[str]) -> list[Instrument]:
    order = {symbol: n for n, symbol in enumerate(symbols)}
    return sorted(rows, key=lambda row: (order.get(row.symbol, len(order)), row.id))


def hours_load(name: str) -> Calendar:
    """Return a calendar as it is stored, and remember it in this process."""
    days = SessionDay.objects.filter(calendar=name).values_list("opens_at", "closes_at")
    found = Calendar.of(name, days)
    hours.put(found)
    _loaded_ms[name] = monotonic_ms()
    return found


def calendar_of(name: str) -> Calendar:
    """Return a calendar by its name, remembered for some minutes."""
    if name == ALWAYS:
        return Calendar(ALWAYS)
    known = hours.calendar(name)
    if known is None or monotonic_ms() - _loaded_ms.get(name, -HOURS_AGE_MS) >= HOURS_AGE_MS:
        return hours_load(name)
    return known


def closed_until(instrument: Instrument) -> int | None:
    """Return when a closed market opens, epoch seconds; None while open or where not known."""
    hours.follow({instrument.pk: instrument.session_calendar})
    return calendar_of(instrument.session_calendar).closed_until(now_ms() // 1000)


def closed_reason(instrument: Instrument) -> str:
    """Return why nothing can trade by an instrument's hours, as a sentence; empty while open."""
    calendar, at = calendar_of(instrument.session_calendar), now_ms() // 1000
    if calendar.is_open(at):
        return ""
    until = calendar.closed_until(at)
    if until is None:
        return f"The hours of its market ({calendar.name}) are not known now."
    return f"Its market is closed until {from_ms(until * 1000):%Y-%m-%d %H:%M} UTC."


def quote_provenance(quote: Quote | BookView) -> Provenance:
    """Return where a quote or book came from; live only when official and fresh.

    Nothing is stale while its market is closed: nothing newer can be.
    """
    is_fresh = store.age_ms(quote) <= settings.ENV["MYSTIC_MAX_QUOTE_AGE_MS"]
    is_delayed = isinstance(quote, Quote) and quote.is_delayed
    closed = hours.closed_until(quote.instrument_id, now_ms() // 1000)
    return Provenance(
        source=quote.source,
        is_live=quote.is_official and is_fresh and not is_delayed,
        as_of_ms=quote.as_of_ms,
        received_at_ms=quote.received_at_ms,
        is_delayed=is_delayed,
        is_stale=not is_fresh and closed is None,
        closed_until_ms=None if closed is None else closed * 1000,
    )


@dataclass(frozen=True, slots=True)
class Extent:
    """The whole part of a stored series: [start, through), and where an open gap below it begins.

    `bottom` is None when nothing older is stored.
    """

    start: int
    through: int
    bottom: int | None


@dataclass(frozen=True, slots=True)
class Stored:
    """How many bars of a series are stored, and the open time of the first, epoch seconds."""

    count: int
    first: int


def series_stored(instrument_ids: Sequence[int], timeframe: int) -> dict[int, Stored]:
    """Return what is stored of each of these series that has a bar."""
    found = (
        Candle.objects.filter(instrument_id__in=instrument_ids, timeframe=timeframe)
        .order_by()
        .values_list("instrument_id")
        .annotate(Count("open_time"), Min("open_time"))
    )
    return {key: Stored(count, first) for key, count, first in found}


def series_extent(instrument_id: int, timeframe: int) -> Extent | None:
    """Return the newest part of a stored series that has no hole, or None for an empty one."""
    through = closed_through(instrument_id, timeframe)
    if through is None:
        return None
    gaps = Gap.objects.filter(instrument_id=instrument_id, timeframe=timeframe)
    gap = gaps.filter(state=Gap.State.OPEN, end__lt=through).order_by("-end").first()
    if gap is not None:
        return Extent(gap.end, through, gap.start)
    candles = Candle.objects.filter(instrument_id=instrument_id, timeframe=timeframe)
    first = candles.order_by("open_time").values_list("open_time", flat=True).first() or through
    absent = gaps.filter(state=Gap.State.ABSENT, end=first).values_list("start", flat=True)
    return Extent(min([first, *absent]), through, None)


def day_references(instrument_ids: Sequence[int]) -> dict[int, float]:
    """Return the close of 24 hours before each series' newest bar, where it is stored."""
    base = base_timeframe()
    found: dict[int, float] = {}
    for instrument_id in instrument_ids:
        through = closed_through(instrument_id, base)
        if through is None:
            continue
        key = (instrument_id, base, through - DAY_S - base)
        close = Candle.objects.filter(pk=key).values_list("close", flat=True).first()
        if close is not None:
            found[instrument_id] = close
    return found


def sources() -> list[SourceState]:
    """Return how every source is doing; none is live while no streamer is at work.

    A stream cannot begin while its venue's REST side does not answer: it is down, not connecting.
    """
    rows = list(SourceState.objects.all())
    _waiting_are_down(rows)
    lease = StreamLease.objects.first()
    is_silent = lease is not None and (
        timezone.now() - lease.renewed_at > timedelta(seconds=SILENT_LEASE_S)
    )
    for row in rows if is_silent else ():
        row.state, row.detail = SourceState.State.OFF, "the streamer is not running"
    return rows


def _waiting_are_down(rows: Sequence[SourceState]) -> None:
    state = SourceState.State
    away = {row.source for row in rows if row.state in {state.DOWN, state.BLOCKED}}
    for row in rows:
        provider, _, part = row.source.rpartition(":")
        if part == "stream" and row.state == state.CONNECTING and f"{provider}:rest" in away:
            row.state, row.detail = state.DOWN, "waits for REST, which does not answer"


def gaps_open(*, instrument_ids: Sequence[int]) -> list[Gap]:
    """Return the holes of these instruments that are still to be asked from the venue."""
    return list(
        Gap.objects.filter(instrument_id__in=instrument_ids, state=Gap.State.OPEN).order_by("end")
    )
