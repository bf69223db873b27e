"""What the pages and the API show of macro series, mood and news: values with source and age."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet

from markets.models import (
    FeedState,
    Instrument,
    MacroPoint,
    NewsFeed,
    NewsItem,
    SentimentPoint,
)
from markets.providers.table import PROVIDERS, code_of, is_replaying, off_reason
from markets.sentiment.tone import tone_word
from mystic.lib.clock import from_ms, now_ms
from mystic.lib.provenance import REPLAY_PREFIX, Provenance

SPARK_ROWS = 300
SPARK_PERIODS = 60
# A daily index that is older than this is shown as stale.
MOOD_STALE_S = 2 * 86_400
NEWS_STALE_S = 6 * 3600


@dataclass(frozen=True, slots=True)
class Line:
    """A line for a small chart: the points of an SVG polyline, and what it spans."""

    points: str
    low: float
    high: float
    first: str
    last: str

    @classmethod
    def of(
        cls, values: Sequence[float], labels: Sequence[str], width: int, height: int
    ) -> "Line | None":
        """Return the line of at least two values, oldest first."""
        if len(values) < 2:
            return None
        low, high = min(values), max(values)
        span = high - low or 1.0
        step = width / (len(values) - 1)
        points = " ".join(
            f"{n * step:.1f},{height - 1 - (value - low) / span * (height - 2):.1f}"
            for n, value in enumerate(values)
        )
        return cls(points, low, high, labels[0], labels[-1])


@dataclass(frozen=True, slots=True)
class Observation:
    """One period as it is known now; `revisions` counts the later values of it."""

    period: date
    value: float
    vintage: date
    available_at: int
    revisions: int
    first_value: float
    source: str
    received_at_ms: int


@dataclass(frozen=True, slots=True)
class MacroRow:
    """One macro series on a page; without a value `reason` says why there is none."""

    series: str
    name: str = ""
    unit: str = ""
    frequency: str = ""
    last: Observation | None = None
    change: float | None = None
    vintages: int = 0
    origin: Provenance | None = None
    line: Line | None = None
    reason: str = ""
    error: str = ""
    read_at: datetime | None = None
    next_at: datetime | None = None


def _fred() -> str:
    return code_of(PROVIDERS["fred"], settings.ENV)


def macro_off() -> str:
    """Return why no macro series are read, empty where they are."""
    return off_reason(PROVIDERS["fred"], settings.ENV)


def _instruments() -> dict[str, Instrument]:
    rows = Instrument.objects.filter(
        asset_class=Instrument.AssetClass.MACRO, venue__is_replay=is_replaying(settings.ENV)
    )
    return {row.symbol: row for row in rows}


def macro_rows() -> list[MacroRow]:
    """Return every series that is wanted, in the order of MYSTIC_MACRO, then stored others."""
    stored = _instruments()
    rows = MacroPoint.objects.filter(instrument__in=stored.values()).order_by()
    counts = dict(rows.values_list("instrument_id").annotate(Count("pk")))
    states = {row.name: row for row in FeedState.objects.filter(name__startswith=f"{_fred()}:")}
    names = dict.fromkeys([*settings.ENV["MYSTIC_MACRO"], *stored])
    return [
        _macro_row(name, stored.get(name), states.get(f"{_fred()}:{name}"), counts)
        for name in names
    ]


def macro_row(series: str) -> MacroRow | None:
    """Return one series, None for one that is neither wanted nor stored."""
    instrument = _instruments().get(series)
    if instrument is None and series not in settings.ENV["MYSTIC_MACRO"]:
        return None
    state = FeedState.objects.filter(name=f"{_fred()}:{series}").first()
    count = MacroPoint.objects.filter(instrument=instrument).count() if instrument else 0
    return _macro_row(series, instrument, state, {instrument.pk: count} if instrument else {})


def _macro_row(
    series: str, instrument: Instrument | None, state: FeedState | None, counts: dict[int, int]
) -> MacroRow:
    told = state.told if state else {}
    shown = (
        observations(instrument, rows=SPARK_ROWS)[:SPARK_PERIODS] if instrument is not None else []
    )
    off = macro_off()
    last = shown[0] if shown else None
    values = [one.value for one in reversed(shown)]
    labels = [str(one.period) for one in reversed(shown)]
    return MacroRow(
        series=series,
        name=instrument.name if instrument else "",
        unit=told.get("unit", ""),
        frequency=told.get("frequency", ""),
        last=last,
        change=shown[0].value - shown[1].value if len(shown) > 1 else None,
        vintages=counts.get(instrument.pk, 0) if instrument else 0,
        origin=_macro_origin(last, state, off),
        line=Line.of(values, labels, 120, 28),
        reason="" if last else off or "it was not read yet",
        error=state.last_error if state else "",
        read_at=state.last_read_at if state else None,
        next_at=state.next_read_at if state else None,
    )


def _macro_origin(last: Observation | None, state: FeedState | None, off: str) -> Provenance | None:
    if last is None:
        return None
    return Provenance(
        source=last.source,
        is_live=False,
        as_of_ms=last.available_at * 1000,
        received_at_ms=last.received_at_ms,
        is_stale=bool(off) or (state is not None and state.failures > 0),
    )


def observations(
    instrument: Instrument, *, rows: int, known_at: int | None = None
) -> list[Observation]:
    """Return the newest periods, the newest first, as they were known at a moment (now).

    At most `rows` vintages are looked at, the newest; the oldest period of them is left out
    where it may not be whole.
    """
    moment = now_ms() // 1000 if known_at is None else known_at
    points = MacroPoint.objects.filter(instrument=instrument, available_at__lte=moment)
    found = list(points.order_by("-period", "-vintage")[: rows + 1])
    periods: dict[date, list[MacroPoint]] = {}
    for point in found:
        periods.setdefault(point.period, []).append(point)
    if len(found) > rows and len(periods) > 1:
        periods.pop(found[-1].period)
    return [
        Observation(
            period=period,
            value=told[0].value,
            vintage=told[0].vintage,
            available_at=told[0].available_at,
            revisions=len(told) - 1,
            first_value=told[-1].value,
            source=told[0].source,
            received_at_ms=told[0].received_at_ms,
        )
        for period, told in periods.items()
    ]


def macro_observations(row: MacroRow, limit: int) -> list[Observation]:
    """Return the newest periods of a series on a page, the newest first."""
    instrument = _instruments().get(row.series)
    if instrument is None:
        return []
    return observations(instrument, rows=20 * limit)[:limit]


def macro_line(shown: Sequence[Observation]) -> Line | None:
    """Return the large line of a series' page; `shown` has the newest first."""
    oldest_first = shown[::-1]
    return Line.of(
        [one.value for one in oldest_first], [str(one.period) for one in oldest_first], 800, 200
    )


# -- mood -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mood:
    """The newest value of a mood, and those before it; `reason` says why there is none."""

    point: SentimentPoint | None = None
    origin: Provenance | None = None
    line: Line | None = None
    points: list[SentimentPoint] = field(default_factory=list)
    reason: str = ""
    error: str = ""
    word: str = ""


def mood_points(
    name: str, instrument: Instrument | None = None, *, limit: int
) -> list[SentimentPoint]:
    """Return the newest points of a mood that are known now, the newest first."""
    replayed = Q(source__startswith=REPLAY_PREFIX)
    of = Q(instrument__isnull=True) if instrument is None else Q(instrument=instrument)
    rows = SentimentPoint.objects.filter(
        of,
        replayed if is_replaying(settings.ENV) else ~replayed,
        name=name,
        available_at__lte=now_ms() // 1000,
    )
    return list(rows.order_by("-period", "-available_at")[:limit])


def fear_greed(*, limit: int = 90) -> Mood:
    """Return the fear and greed index: its last value with its age, whatever came of the next."""
    provider = PROVIDERS["fear_greed"]
    state = FeedState.objects.filter(name=code_of(provider, settings.ENV)).first()
    points = mood_points("fear_greed", limit=limit)
    return _mood(
        points,
        off=off_reason(provider, settings.ENV),
        stale_s=MOOD_STALE_S,
        error=state.last_error if state else "",
    )


def news_mood(instrument: Instrument | None = None, *, limit: int = 72) -> Mood:
    """Return the tone of the news by the hour, of one instrument or of the market."""
    points = mood_points("news", instrument, limit=limit)
    return _mood(points, off=off_reason(PROVIDERS["news"], settings.ENV), stale_s=NEWS_STALE_S)


def _mood(points: list[SentimentPoint], *, off: str, stale_s: int, error: str = "") -> Mood:
    if not points:
        return Mood(reason=off or "nothing was told yet", error=error)
    last = points[0]
    ordered = points[::-1]
    return Mood(
        point=last,
        origin=mood_origin(last, stale_s=stale_s),
        line=Line.of(
            [one.value for one in ordered],
            [f"{from_ms(one.period * 1000):%Y-%m-%d %H:%M}" for one in ordered],
            240,
            60,
        ),
        points=points,
        error=error or off,
        word=last.label or tone_word(last.value),
    )


def mood_origin(point: SentimentPoint, *, stale_s: int = MOOD_STALE_S) -> Provenance:
    """Return where a point came from; it is stored and never live."""
    return Provenance(
        source=point.source,
        is_live=False,
        as_of_ms=point.period * 1000,
        received_at_ms=point.received_at_ms,
        is_stale=now_ms() // 1000 - point.available_at > stale_s,
    )


# -- news -----------------------------------------------------------------------------------------


def news_items(instrument: Instrument | None = None) -> QuerySet[NewsItem]:
    """Return the stories that are known now, the newest first; of one instrument or all."""
    rows = NewsItem.objects.filter(available_at__lte=now_ms() // 1000)
    if instrument is not None:
        rows = rows.filter(instruments=instrument)
    return rows.select_related("feed").prefetch_related("instruments")


@dataclass(frozen=True, slots=True)
class NewsLine:
    """One story as a page shows it."""

    item: NewsItem
    origin: Provenance


def news_lines(items: Iterable[NewsItem]) -> list[NewsLine]:
    """Return stories with where each came from."""
    return [NewsLine(item, news_origin(item)) for item in items]


def news_origin(item: NewsItem) -> Provenance:
    """Return which feed told a story, when it was published and when we had it."""
    return Provenance(
        source=item.feed.name,
        is_live=False,
        as_of_ms=int(item.published_at.timestamp() * 1000),
        received_at_ms=item.available_at * 1000,
    )


def news_feeds() -> list[NewsFeed]:
    """Return every feed with how reading it goes; `stories` counts what it told first."""
    return list(NewsFeed.objects.annotate(stories=Count("items"), newest=Max("items__pk")))


def news_off() -> str:
    """Return why no news is read, empty where it is."""
    return off_reason(PROVIDERS["news"], settings.ENV)
