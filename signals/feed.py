"""The engine's view of the stored bars: what many pairs need at one close comes in two queries.

A bar close asks for a few new bars of every instrument, so the newest stretch of all of them is
read at once; what reaches further back is asked from `markets` one series at a time.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import OuterRef, Subquery

from markets.bars import BarArrays, resample
from markets.models import Candle, Gap, Instrument
from markets.selectors import bars_load, instrument_by_symbol
from markets.selectors_feeds import FeedPoints, UnknownFeedError, feed_points, feed_settled
from markets.types import Origin
from mystic.lib.provenance import may_be_live
from signals.columns.errors import UnreadFeedError
from signals.columns.feeds import feed_kind
from signals.columns.series import Coverage, InstrumentKey, Points

# So many stored bars are read ahead for every instrument.
AHEAD = 64


@dataclass(frozen=True, slots=True)
class Extent:
    """The newest unbroken span [start, through) of a stored series, UTC epoch seconds."""

    start: int
    through: int

    def coverage(self, timeframe: int, base: int) -> Coverage | None:
        """Return it in whole bars of `timeframe`, made of bars of `base`; None without one."""
        if timeframe % base:
            return None
        first = -(-self.start // timeframe) * timeframe
        last = self.through // timeframe * timeframe - timeframe
        return Coverage(first, last) if first <= last else None


@dataclass(frozen=True, slots=True)
class BarOrigin:
    """Where the bars under one decision came from."""

    source: str
    is_live: bool


@dataclass(frozen=True, slots=True)
class _Told:
    """All points of a feed that became known after a moment, and until when nothing is added."""

    after: int
    points: FeedPoints
    settled: int


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The newest stored bars of one instrument with their sources and origins."""

    bars: BarArrays
    sources: tuple[str, ...]
    origins: tuple[str, ...]


def extents(instrument_ids: Sequence[int], base: int) -> dict[int, Extent]:
    """Return the newest unbroken span of each stored series; empty ones are left out."""
    series = Candle.objects.filter(instrument_id=OuterRef("pk"), timeframe=base)
    rows = (
        Instrument.objects.filter(pk__in=instrument_ids)
        .annotate(
            newest=Subquery(series.order_by("-open_time").values("open_time")[:1]),
            oldest=Subquery(series.order_by("open_time").values("open_time")[:1]),
        )
        .values_list("pk", "oldest", "newest")
    )
    absent: dict[int, dict[int, int]] = defaultdict(dict)
    open_ends: dict[int, int] = defaultdict(int)
    gaps = Gap.objects.filter(instrument_id__in=instrument_ids, timeframe=base)
    for pk, start, end, state in gaps.exclude(state=Gap.State.FILLED).values_list(
        "instrument_id", "start", "end", "state"
    ):
        if state == Gap.State.ABSENT:
            absent[pk][start] = end
        else:
            open_ends[pk] = max(open_ends[pk], end)
    found = {}
    for pk, oldest, newest in rows:
        if newest is None:
            continue
        through = newest + base
        while through in absent[pk]:
            through = absent[pk][through]
        start = max(oldest, open_ends[pk])
        if start == oldest:
            # The venue has nothing older: that much is known, so nothing is missing there.
            start = min([start, *(low for low, high in absent[pk].items() if high == start)])
        if start < through:
            found[pk] = Extent(start, through)
    return found


class Feed:
    """Closed bars for one evaluation; a `SeriesProvider` for the engine.

    Parameters
    ----------
    spans : mapping of instrument id to Extent
    base : int
        Seconds of the stored timeframe.
    """

    def __init__(self, spans: dict[int, Extent], base: int) -> None:
        self._spans = spans
        self._base = base
        self._stretches: dict[int, _Stretch] = {}
        self._from = 0
        self._ids: dict[str, int | None] = {}
        self._told: dict[tuple[str, int | None], _Told] = {}

    def read_ahead(self, instrument_ids: Iterable[int], *, seconds: int = 0) -> None:
        """Read the newest bars of these instruments, at least `seconds` of them, in one query."""
        wanted = [pk for pk in instrument_ids if pk in self._spans]
        if not wanted:
            return
        newest = max(self._spans[pk].through for pk in wanted)
        self._from = newest - max(AHEAD * self._base, seconds)
        rows: dict[int, list[tuple[float, ...]]] = defaultdict(list)
        marks: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for pk, source, origin, *bar in (
            Candle.objects.filter(
                instrument_id__in=wanted, timeframe=self._base, open_time__gte=self._from
            )
            .order_by("instrument_id", "open_time")
            .values_list(
                "instrument_id",
                "source",
                "origin",
                "open_time",
                "open",
                "high",
                "low",
                "close",
                "volume",
            )
        ):
            rows[pk].append(tuple(bar))
            marks[pk].append((source, origin))
        for pk, table in rows.items():
            sources, origins = zip(*marks[pk], strict=True)
            self._stretches[pk] = _Stretch(
                BarArrays.from_rows(table, timeframe=self._base, source=sources[-1]),
                sources,
                origins,
            )

    def coverage(self, instrument: InstrumentKey, timeframe: int) -> Coverage | None:
        """Return the unbroken span in bars of `timeframe`, None where no whole bar is in it."""
        pk = self._id(instrument)
        span = None if pk is None else self._span(pk)
        return None if span is None else span.coverage(timeframe, self._base)

    def bars(
        self, instrument: InstrumentKey, timeframe: int, start_open: int, end_open: int
    ) -> BarArrays:
        """Return the closed bars with `start_open <= open_time <= end_open`."""
        pk = self._id(instrument)
        if pk is None or end_open < start_open:
            return BarArrays.empty(timeframe=timeframe)
        stretch = self._stretches.get(pk)
        end = end_open + timeframe
        if stretch is not None and start_open >= self._from:
            part = _between(stretch.bars, start_open, end)
            return resample(part, timeframe, complete_from=start_open, through=end)
        loaded = bars_load(pk, timeframe, end=end, limit=(end - start_open) // timeframe)
        return _between(loaded, start_open, end)

    def points(self, feed: str, instrument: InstrumentKey, after: int, through: int) -> Points:
        """Return the points of a feed with `after < available_at <= through`.

        Raises
        ------
        UnreadFeedError
            If the feed is not read here.
        """
        pk = None if feed_kind(feed).of_market else self._id(instrument)
        told = self._told.get((feed, pk))
        if told is None or told.after > after:
            told = self._told[feed, pk] = self._read(feed, pk, after)
        known = told.points
        part = slice(*np.searchsorted(known.available_at, (after, through), side="right").tolist())
        return Points(known.available_at[part], known.value[part], told.settled)

    def _read(self, feed: str, pk: int | None, after: int) -> _Told:
        span = None if pk is None else self._span(pk)
        newest = max((one.through for one in self._spans.values()), default=0)
        try:
            # Asked first: what comes between the two questions is read and not relied on.
            settled = feed_settled(feed, pk, newest_close=span.through if span else newest)
            return _Told(after, feed_points(feed, pk, after), settled)
        except UnknownFeedError as fault:
            raise UnreadFeedError(str(fault)) from None

    def origin(self, instrument_id: int, bar_open: int, timeframe: int) -> BarOrigin:
        """Return the source of a bar, live only where each stored bar in it came by the stream."""
        stretch = self._stretches.get(instrument_id)
        if stretch is None:
            return BarOrigin("unknown", is_live=False)
        times = stretch.bars.open_time
        low, high = np.searchsorted(times, (bar_open, bar_open + timeframe)).tolist()
        if low == high or bar_open < self._from:
            return BarOrigin(stretch.sources[0], is_live=False)
        source = stretch.sources[high - 1]
        is_live = all(origin == Origin.LIVE for origin in stretch.origins[low:high])
        return BarOrigin(source, is_live=is_live and may_be_live(source))

    def _id(self, instrument: InstrumentKey) -> int | None:
        if isinstance(instrument, int):
            return instrument
        if instrument not in self._ids:
            try:
                self._ids[instrument] = instrument_by_symbol(instrument).pk
            except Instrument.DoesNotExist:
                self._ids[instrument] = None
        return self._ids[instrument]

    def _span(self, pk: int) -> Extent | None:
        if pk not in self._spans:
            self._spans.update(extents([pk], self._base))
        return self._spans.get(pk)


def _between(bars: BarArrays, start: int, end: int) -> BarArrays:
    low, high = np.searchsorted(bars.open_time, (start, end)).tolist()
    return bars.cut(slice(low, high))
