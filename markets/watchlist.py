"""The watch list as a page shows it: the newest value of each pair and where it came from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db.models import Max, Q

from markets import cache, selectors
from markets.delayed import delayed_now
from markets.models import Candle, Instrument, QualityScore
from markets.selectors_quality import is_current, scores_of
from markets.watch_hours import day_before
from mystic.lib.provenance import Provenance

NO_VALUE = "no quote has arrived and no bar is stored yet"


@dataclass(frozen=True, slots=True)
class WatchRow:
    """One pair as it stands; `last` is the last trade, the mid, or the last stored close.

    `reference` is the close one day before the newest stored bar, None where it is not stored.
    `closed_until` is when its closed market opens, UTC epoch seconds; None while it is open.
    """

    instrument: Instrument
    bid: float | None
    ask: float | None
    last: float | None
    reference: float | None
    origin: Provenance | None
    kind: str
    told_change: float | None = None
    closed_until: int | None = None
    quality: QualityScore | None = None

    @property
    def symbol(self) -> str:
        return self.instrument.symbol

    @property
    def spread(self) -> float | None:
        """The distance of the best prices, as the venue's own digits have it."""
        if self.bid is None or self.ask is None:
            return None
        return float(Decimal(repr(self.ask)) - Decimal(repr(self.bid)))

    @property
    def change(self) -> float | None:
        """The change over a day as a fraction, as the stream told it or from stored bars."""
        if self.told_change is not None:
            return self.told_change
        if self.last is None or not self.reference:
            return None
        return self.last / self.reference - 1

    @property
    def quality_level(self) -> str:
        """The level of the newest score in words, empty where nobody judged these data."""
        return "" if self.quality is None else QualityScore.Level(self.quality.level).label

    @property
    def reason(self) -> str:
        return "" if self.origin else NO_VALUE


def rows_watched() -> list[WatchRow]:
    """Return every watched pair with its newest value, in the order of the watch list."""
    return rows_for(selectors.instruments_watched())


def rows_for(instruments: Sequence[Instrument]) -> list[WatchRow]:
    newest = _newest_closes(instruments)
    times = {key: bar.open_time for key, bar in newest.items()}
    before = _closes(day_before(instruments, times))
    rows = [_row(one, newest.get(one.pk), before.get(one.pk)) for one in instruments]
    scores = scores_of(one.pk for one in instruments)
    return [replace(row, quality=_current(scores.get(row.instrument.pk))) for row in rows]


def _current(score: QualityScore | None) -> QualityScore | None:
    return score if score is not None and is_current(score) else None


def _newest_closes(instruments: Sequence[Instrument]) -> dict[int, Candle]:
    timeframe = selectors.base_timeframe()
    times = (
        Candle.objects.filter(instrument_id__in=[one.pk for one in instruments])
        .filter(timeframe=timeframe)
        .values("instrument_id")
        .annotate(newest=Max("open_time"))
        .values_list("instrument_id", "newest")
    )
    return _closes(dict(times))


def _closes(times: dict[int, int]) -> dict[int, Candle]:
    """Return the stored bar of each instrument at its time."""
    if not times:
        return {}
    wanted = Q()
    for instrument_id, open_time in times.items():
        wanted |= Q(instrument_id=instrument_id, open_time=open_time)
    found = Candle.objects.filter(wanted, timeframe=selectors.base_timeframe())
    return {bar.instrument_id: bar for bar in found}


def _row(instrument: Instrument, newest: Candle | None, before: Candle | None) -> WatchRow:
    """Return a row, marked as closed while its market is: then nothing of it is stale."""
    row = _row_open(instrument, newest, before)
    closed = selectors.closed_until(instrument)
    if closed is None or row.origin is None:
        return replace(row, closed_until=closed)
    origin = replace(row.origin, is_stale=False, closed_until_ms=closed * 1000)
    return replace(row, closed_until=closed, origin=origin)


def _row_open(instrument: Instrument, newest: Candle | None, before: Candle | None) -> WatchRow:
    reference = before.close if before else None
    quote = cache.quote_now(instrument.pk)
    delayed = delayed_now(instrument.pk) if quote is None or quote.origin.is_stale else None
    if delayed is not None:
        return WatchRow(
            instrument, None, None, delayed.last, reference, delayed.origin, "delayed price"
        )
    if quote is not None:
        shown = (quote.bid + quote.ask) / 2 if quote.last is None else quote.last
        kind = "mid price" if quote.last is None else "last trade"
        return WatchRow(
            instrument, quote.bid, quote.ask, shown, reference, quote.origin, kind, quote.change
        )
    if newest is None:
        return WatchRow(instrument, None, None, None, reference, None, "")
    close_ms = (newest.open_time + newest.timeframe) * 1000
    origin = Provenance(
        source=newest.source,
        is_live=False,
        as_of_ms=close_ms,
        received_at_ms=newest.received_at_ms,
    )
    return WatchRow(instrument, None, None, newest.close, reference, origin, "last stored close")
