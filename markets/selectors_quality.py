"""What is known of the quality of data: the evidence, the scores, what was refused."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Count, Min, Sum
from django.utils import timezone

from markets.models import (
    BookStat,
    Candle,
    CandleRevision,
    Disagreement,
    Gap,
    Instrument,
    QualityScore,
    Quarantined,
    SessionDay,
    SourceState,
)
from markets.quality_bands import Flag, Standing, band_of, flags_of
from markets.quality_score import Evidence, Part, reason_of
from markets.selectors import base_timeframe, instruments_watched, sources
from markets.series import bars_load

DAY_S = 86_400
# Most holes are filled within seconds: one counts when it has been open for a minute.
HOLE_GRACE = timedelta(seconds=60)
# A score that nobody computed for so long says nothing about now.
SCORE_HOLDS = timedelta(minutes=5)
MOST_REFUSED = 200
# Free sources of stocks tell their prices about a quarter of an hour late, by contract.
DELAY_S: dict[str, int] = {Instrument.AssetClass.STOCK.value: 960}
REPLAY_CLOCK = "a replay keeps the clock of its recording"


def evidence_of(
    instrument: Instrument, now: datetime, states: dict[str, SourceState]
) -> tuple[Evidence, list[Flag]]:
    """Return what is counted of an instrument's newest day, and the bars outside their band."""
    base = base_timeframe()
    rows = Candle.objects.filter(instrument_id=instrument.pk, timeframe=base)
    newest = rows.order_by("-open_time").values_list("open_time", "source").first()
    if newest is None:
        return Evidence(base, bars=0), []
    through, source = newest[0] + base, newest[1]
    begin = through - max(DAY_S, 2 * base)
    stored = rows.filter(open_time__gte=begin).aggregate(
        count=Count("open_time"), first=Min("open_time")
    )
    missing, holes = _holes(instrument.pk, base, max(begin, stored["first"]), through, now)
    flags = flags_now(instrument, through)
    late_s, not_late = _late(instrument, through + base, now)
    refused, seen = _refused(instrument.pk, begin, now)
    stream = None if instrument.venue.is_replay else states.get(f"{source}:stream")
    evidence = Evidence(
        timeframe=base,
        bars=stored["count"],
        missing=missing,
        holes=holes,
        late_s=late_s,
        not_late=not_late,
        refused=refused,
        seen=seen + stored["count"],
        outliers=sum(flag.standing is Standing.OUTLIER for flag in flags),
        suspects=sum(flag.standing is Standing.SUSPECT for flag in flags),
        revisions=CandleRevision.objects.filter(
            instrument_id=instrument.pk, timeframe=base, open_time__gte=begin
        )
        .values("open_time")
        .distinct()
        .count(),
        disagreement=_disagreement(instrument.pk),
        source=stream.source if stream else "",
        source_state=stream.state if stream else "",
    )
    return evidence, flags


def source_states() -> dict[str, SourceState]:
    return {row.source: row for row in sources()}


def _holes(
    instrument_id: int, timeframe: int, begin: int, through: int, now: datetime
) -> tuple[int, int]:
    """Return (bars missing, holes) of [begin, through) that were open for a while."""
    found = Gap.objects.filter(
        instrument_id=instrument_id,
        timeframe=timeframe,
        state=Gap.State.OPEN,
        end__gt=begin,
        start__lt=through,
        detected_at__lt=now - HOLE_GRACE,
    ).values_list("start", "end")
    spans = [(max(start, begin), min(end, through)) for start, end in found]
    return sum((end - start) // timeframe for start, end in spans), len(spans)


def flags_now(instrument: Instrument, through: int) -> list[Flag]:
    """Return the bars of the newest day that lie outside of their band."""
    base = base_timeframe()
    band = band_of(base)
    count = max(DAY_S // base, 1) + band.window
    bars = bars_load(instrument.pk, base, end=through, limit=min(count, 5_000))

    def second(open_time: int) -> tuple[float, float] | None:
        return _second_bar(instrument, base, open_time)

    return flags_of(bars.open_time, bars.high, bars.low, bars.close, band, second=second)


def _second_bar(
    instrument: Instrument, timeframe: int, open_time: int
) -> tuple[float, float] | None:
    """Return (low, high) of the same bar at another venue that trades the same pair."""
    others = Instrument.objects.filter(
        symbol=instrument.symbol,
        asset_class=instrument.asset_class,
        venue__is_replay=instrument.venue.is_replay,
    ).exclude(pk=instrument.pk)
    return (
        Candle.objects.filter(
            instrument_id__in=others.values("pk"), timeframe=timeframe, open_time=open_time
        )
        .values_list("low", "high")
        .first()
    )


def _late(instrument: Instrument, due: int, now: datetime) -> tuple[float | None, str]:
    """Return how long the bar that ends at `due` is overdue, or why that is not judged."""
    if instrument.venue.is_replay:
        return None, REPLAY_CLOCK
    at = int(now.timestamp())
    if instrument.session_calendar == "24/7":
        return float(at - due), ""
    days = SessionDay.objects.filter(calendar=instrument.session_calendar)
    running = days.filter(opens_at__lte=at, closes_at__gt=at).first()
    if running is None:
        return None, "the market is closed" if days.exists() else "its hours are not known"
    due = max(due, running.opens_at + base_timeframe())
    return float(at - due - DELAY_S.get(instrument.asset_class, 0)), ""


def _refused(instrument_id: int, begin: int, now: datetime) -> tuple[int, int]:
    """Return (values refused, book states taken) of a day."""
    refused = Quarantined.objects.filter(
        instrument_id=instrument_id, hour__gte=int(now.timestamp()) - DAY_S
    ).aggregate(total=Sum("count"))["total"]
    seen = BookStat.objects.filter(instrument_id=instrument_id, open_time__gte=begin).aggregate(
        total=Sum("samples")
    )["total"]
    return refused or 0, seen or 0


def _disagreement(instrument_id: int) -> str:
    row = Disagreement.objects.filter(instrument_id=instrument_id, ended_at=None).first()
    if row is None:
        return ""
    return f"{row.source} says {row.price:g}, {row.other_source} says {row.other_price:g}"


def instruments_judged() -> list[Instrument]:
    """Return whose data are judged: what is streamed, and what somebody watches beside it."""
    rows = {row.pk: row for row in instruments_watched()}
    kinds = {row.venue.is_replay for row in rows.values()} or {False}
    beside = Instrument.objects.filter(watch_items__isnull=False, venue__is_replay__in=kinds)
    for row in beside.select_related("venue").distinct():
        rows.setdefault(row.pk, row)
    return list(rows.values())


def scores_of(instrument_ids: Iterable[int]) -> dict[int, QualityScore]:
    """Return the newest score of each of these instruments that has one."""
    found = QualityScore.objects.filter(instrument_id__in=list(instrument_ids))
    return {row.instrument_id: row for row in found.select_related("instrument__venue")}


def refusing(instrument_ids: Sequence[int], now: datetime | None = None) -> dict[int, str]:
    """Return the instruments whose data are too poor to decide on, with the sentence why.

    A score that is missing or older than five minutes is unknown, and refuses nothing.
    """
    held = (now or timezone.now()) - SCORE_HOLDS
    poor = QualityScore.objects.filter(
        instrument_id__in=instrument_ids, level=QualityScore.Level.POOR, as_of__gte=held
    )
    return {row.instrument_id: reason_of(row.score, parts_of(row)) for row in poor}


def parts_of(row: QualityScore) -> list[Part]:
    """Return the parts of a stored score, the costliest first."""
    parts = [Part(**told) for told in row.parts.get("scored", {}).values()]
    return sorted(parts, key=lambda part: -part.penalty)


def is_current(row: QualityScore, now: datetime | None = None) -> bool:
    """Tell whether a score still says something about now."""
    return row.as_of >= (now or timezone.now()) - SCORE_HOLDS


def refused_recently(
    *, limit: int = MOST_REFUSED, instrument_id: int | None = None
) -> list[Quarantined]:
    """Return what was refused in the last day, newest first."""
    begin = int(timezone.now().timestamp()) - DAY_S
    rows = Quarantined.objects.filter(hour__gte=begin)
    if instrument_id is not None:
        rows = rows.filter(instrument_id=instrument_id)
    return list(rows[:limit])


def symbols_of(rows: Iterable[Quarantined]) -> dict[int, str]:
    """Return the symbols of the instruments that these refusals are about."""
    keys = {row.instrument_id for row in rows} - {0}
    return dict(Instrument.objects.filter(pk__in=keys).values_list("pk", "symbol"))


def refused_totals() -> dict[str, int]:
    """Return how much each source was refused in the last day."""
    begin = int(timezone.now().timestamp()) - DAY_S
    rows = Quarantined.objects.filter(hour__gte=begin).order_by().values_list("source")
    return dict(rows.annotate(total=Sum("count")))
