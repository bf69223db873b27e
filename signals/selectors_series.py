"""Stored bars and points of a span as the engine reads them: each series once, then slices.

The span has an end that does not move, so that what is concluded from it does not either: bars,
gaps and points from `end` on are as if they were not there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from markets.bars import BarArrays, resample
from markets.models import Candle, Gap, Instrument
from markets.selectors import instrument_by_symbol
from markets.selectors_feeds import FeedPoints, UnknownFeedError, feed_points, feed_settled
from markets.stored import stored_read
from markets.types import TIMEFRAME_NAMES
from signals.columns.errors import UnreadFeedError
from signals.columns.feeds import feed_kind
from signals.columns.series import Coverage, InstrumentKey, Points
from signals.feed import Extent

type Read = Callable[[int, int, int, int], BarArrays]
"""Returns the bars of (instrument, timeframe) with low <= open_time < high."""


@dataclass(frozen=True, slots=True)
class _Told:
    after: int
    points: FeedPoints
    settled: int


@dataclass(slots=True)
class _Series:
    """One stored series from `start` to the end of the span, and what was made of it."""

    start: int
    base: BarArrays
    higher: dict[int, BarArrays] = field(default_factory=dict)


def read_stored(instrument_id: int, timeframe: int, low: int, high: int) -> BarArrays:
    """Return the stored bars of a span, packed days as blocks."""
    return stored_read(instrument_id, timeframe, low, high, max(0, high - low) // timeframe)


class SpanSeries:
    """Closed bars of a span; a `SeriesProvider` for research.

    Parameters
    ----------
    base : int
        Seconds of the stored timeframe.
    begin, end : int
        UTC epoch seconds: the first bar that is decided on opens at `begin`, the last one closes at
        `end`. What lies before `begin` is read where a column looks back.
    reach : int
        Seconds of history before `begin` that are read at once.
    read : callable
        Where bars come from, instead of the stored ones.
    """

    def __init__(
        self, base: int, *, begin: int, end: int, reach: int = 0, read: Read = read_stored
    ) -> None:
        self._base, self._begin, self._end = base, begin, end
        self._floor = begin - reach
        self._read = read
        self._extents: dict[int, Extent | None] = {}
        self._series: dict[int, _Series] = {}
        self._ids: dict[str, int | None] = {}
        self._told: dict[tuple[str, int | None], _Told] = {}

    def coverage(self, instrument: InstrumentKey, timeframe: int) -> Coverage | None:
        """Return the unbroken span that ends last within this one, in bars of `timeframe`."""
        pk = self._id(instrument)
        span = None if pk is None else self.extent(pk)
        return None if span is None else span.coverage(timeframe, self._base)

    def bars(
        self, instrument: InstrumentKey, timeframe: int, start_open: int, end_open: int
    ) -> BarArrays:
        """Return the closed bars with `start_open <= open_time <= end_open`."""
        pk = self._id(instrument)
        span = None if pk is None else self.extent(pk)
        if pk is None or span is None or end_open < start_open:
            return BarArrays.empty(timeframe=timeframe)
        whole = self._whole(pk, span, timeframe, start_open)
        times = whole.open_time
        low = int(np.searchsorted(times, start_open, side="left"))
        high = int(np.searchsorted(times, end_open, side="right"))
        return whole.cut(slice(low, high))

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
            told = self._told[feed, pk] = self._points(feed, pk, min(after, self._floor))
        known = told.points
        part = slice(*np.searchsorted(known.available_at, (after, through), side="right").tolist())
        return Points(known.available_at[part], known.value[part], told.settled)

    def missing(self, instrument: InstrumentKey) -> str:
        """Return what is not stored of the span, in a sentence; nothing where all of it is."""
        pk = self._id(instrument)
        span = None if pk is None else self.extent(pk)
        if span is None:
            return (
                f"no {TIMEFRAME_NAMES[self._base]} bars are stored before {_when(self._end)}. "
                "Load them with manage.py backfill or candles_import, or name another span."
            )
        if span.start > self._begin:
            return (
                f"bars are missing before {_when(span.start)}, the span begins at "
                f"{_when(self._begin)}. Begin later, or load the missing bars first."
            )
        if span.through < self._end:
            return (
                f"bars are stored through {_when(span.through)}, the span ends at "
                f"{_when(self._end)}. End earlier, or wait for the bars."
            )
        return ""

    def extent(self, pk: int) -> Extent | None:
        """Return the unbroken stored span [start, through) that ends last within this one."""
        if pk not in self._extents:
            self._extents[pk] = extent_before(pk, self._base, self._end)
        return self._extents[pk]

    def _whole(self, pk: int, span: Extent, timeframe: int, start: int) -> BarArrays:
        low = max(span.start, min(start, self._floor) // self._base * self._base)
        series = self._series.get(pk)
        if series is None or series.start > low:
            base = self._read(pk, self._base, low, span.through)
            series = self._series[pk] = _Series(low, base)
        if timeframe == self._base:
            return series.base
        if timeframe not in series.higher:
            series.higher[timeframe] = resample(
                series.base, timeframe, complete_from=series.start, through=span.through
            )
        return series.higher[timeframe]

    def _points(self, feed: str, pk: int | None, after: int) -> _Told:
        span = None if pk is None else self.extent(pk)
        try:
            # Asked first: what comes between the two questions is read and not relied on.
            settled = feed_settled(feed, pk, newest_close=span.through if span else self._end)
            return _Told(after, feed_points(feed, pk, after, self._end), settled)
        except UnknownFeedError as fault:
            raise UnreadFeedError(str(fault)) from None

    def _id(self, instrument: InstrumentKey) -> int | None:
        if isinstance(instrument, int):
            return instrument
        if instrument not in self._ids:
            try:
                self._ids[instrument] = instrument_by_symbol(instrument).pk
            except Instrument.DoesNotExist:
                self._ids[instrument] = None
        return self._ids[instrument]


def extent_before(instrument_id: int, base: int, end: int) -> Extent | None:
    """Return the unbroken stored span [start, through) that ends last before `end`."""
    series = Candle.objects.filter(instrument_id=instrument_id, timeframe=base, open_time__lt=end)
    newest = series.order_by("-open_time").values_list("open_time", flat=True).first()
    if newest is None:
        return None
    oldest = series.order_by("open_time").values_list("open_time", flat=True)[0]
    gaps = Gap.objects.filter(instrument_id=instrument_id, timeframe=base, start__lt=end)
    rows = gaps.exclude(state=Gap.State.FILLED).values_list("start", "end", "state")
    absent = {low: high for low, high, state in rows if state == Gap.State.ABSENT}
    begins = max((high for _, high, state in rows if state == Gap.State.OPEN), default=0)
    through = newest + base
    while through in absent:
        through = absent[through]
    start = max(oldest, begins)
    if start == oldest:
        # The venue has nothing older: that much is known, so nothing is missing there.
        start = min([start, *(low for low, high in absent.items() if high == start)])
    through = min(through, end)
    return Extent(start, through) if start < through else None


def _when(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, tz=UTC):%Y-%m-%d %H:%M} UTC"
