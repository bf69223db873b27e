"""Stored bars for decisions made again: as they stand, or as they had been received at a moment.

A series that is read here has no beginning after an open gap: what a decision of the past saw is
asked for, and it saw what lay before the gap, too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from markets.bars import BarArrays, resample
from markets.models import Candle, CandleRevision, Gap
from markets.stored import stored_read
from signals.columns.series import FOREVER, InstrumentKey, Points
from signals.feed import Extent, Feed

LARGEST = 2**62
FIELDS = ("open", "high", "low", "close", "volume")
Prices = tuple[float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one stored bar at a moment: another word of the venue, or its arrival.

    `before` is what it said until then and `after` what it says now; both are None for a bar that
    was not there. `at` is UTC epoch seconds with a fraction.
    """

    at: float
    instrument_id: int
    open_time: int
    before: Prices | None = None
    after: Prices | None = None

    @property
    def is_late(self) -> bool:
        return self.before is None

    @property
    def pairs(self) -> tuple[tuple[str, float, float], ...]:
        """Which of its five figures are others: name, before, after."""
        if self.before is None or self.after is None:
            return ()
        named = zip(FIELDS, self.before, self.after, strict=True)
        return tuple(one for one in named if one[1] != one[2])


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What was read of a series: every stored bar of [low, high)."""

    low: int
    high: int
    bars: BarArrays


class StoredFeed(Feed):
    """A `SeriesProvider` of whole stored series, some of their bars as they were before a change.

    Parameters
    ----------
    base : int
        Seconds of the stored timeframe.
    """

    def __init__(self, base: int) -> None:
        super().__init__({}, base)
        self._loaded: dict[int, _Loaded] = {}
        self._undone: dict[int, list[Change]] = {}
        self._seen: dict[int, tuple[_Loaded, BarArrays]] = {}

    def before(self, undone: Iterable[Change]) -> "StoredFeed":
        """Return the same series before these changes; what was read is not read again.

        A bar that came late is absent. Of several changes of one bar the earliest counts.
        """
        found = StoredFeed(self._base)
        found._spans, found._loaded, found._ids = self._spans, self._loaded, self._ids
        for change in sorted(undone, key=lambda one: one.at, reverse=True):
            found._undone.setdefault(change.instrument_id, []).append(change)
        return found

    def load(self, instrument: InstrumentKey, low: int, high: int) -> None:
        """Read the stored bars of [low, high) at once; what is asked beyond is read then."""
        pk = self._id(instrument)
        if pk is not None:
            self._reached(pk, low, high)

    def instrument_id(self, instrument: InstrumentKey) -> int | None:
        """Return the row that an instrument's name stands for, None where there is none."""
        return self._id(instrument)

    def bars(
        self, instrument: InstrumentKey, timeframe: int, start_open: int, end_open: int
    ) -> BarArrays:
        """Return the closed bars with `start_open <= open_time <= end_open`."""
        pk = self._id(instrument)
        if pk is None or end_open < start_open:
            return BarArrays.empty(timeframe=timeframe)
        end = end_open + timeframe
        part = _between(self._told_then(pk, start_open, end), start_open, end)
        return resample(part, timeframe, complete_from=start_open, through=end)

    def points(self, feed: str, instrument: InstrumentKey, after: int, through: int) -> Points:
        """Return the points of a feed; what was decided once waits for nothing any more."""
        found = super().points(feed, instrument, after, through)
        return Points(found.available_at, found.value, FOREVER)

    def _told_then(self, pk: int, low: int, high: int) -> BarArrays:
        loaded = self._reached(pk, low, high)
        if pk not in self._undone:
            return loaded.bars
        seen = self._seen.get(pk)
        if seen is None or seen[0] is not loaded:
            seen = self._seen[pk] = (loaded, _undo(loaded.bars, self._undone[pk]))
        return seen[1]

    def _reached(self, pk: int, low: int, high: int) -> _Loaded:
        known = self._loaded.get(pk)
        if known is not None and known.low <= low and high <= known.high:
            return known
        if known is not None:
            low, high = min(low, known.low), max(high, known.high)
        found = _Loaded(low, high, stored_read(pk, self._base, low, high, LARGEST))
        self._loaded[pk] = found
        return found

    def _span(self, pk: int) -> Extent | None:
        if pk not in self._spans:
            found = _whole_extent(pk, self._base)
            if found is not None:
                self._spans[pk] = found
        return self._spans.get(pk)


def changes_of(instrument_id: int, timeframe: int, low: int, high: int) -> list[Change]:
    """Return every correction of the stored bars of [low, high), in the order they were made."""
    series = {"instrument_id": instrument_id, "timeframe": timeframe}
    span = {"open_time__gte": low, "open_time__lt": high}
    rows = CandleRevision.objects.filter(**series, **span).order_by("replaced_at", "pk")
    told = [
        (at.timestamp(), opened, tuple(prices))
        for at, opened, *prices in rows.values_list("replaced_at", "open_time", *FIELDS)
    ]
    if not told:
        return []
    now = {
        opened: tuple(prices)
        for opened, *prices in Candle.objects.filter(
            **series, open_time__in={opened for _, opened, _ in told}
        ).values_list("open_time", *FIELDS)
    }
    return [
        Change(at, instrument_id, opened, before, now[opened])
        for at, opened, before in told
        if opened in now
    ]


def arrivals_of(
    instrument_id: int, timeframe: int, low: int, high: int, *, after: float
) -> list[tuple[int, float]]:
    """Return (open time, moment it came) of the stored bars of [low, high) that came later.

    A bar that was corrected is not among them: when its first word came is not kept.
    """
    series = {"instrument_id": instrument_id, "timeframe": timeframe}
    span = {"open_time__gte": low, "open_time__lt": high}
    corrected = set(
        CandleRevision.objects.filter(**series, **span).values_list("open_time", flat=True)
    )
    rows = Candle.objects.filter(**series, **span, received_at_ms__gt=int(after * 1000))
    return [
        (opened, at_ms / 1000)
        for opened, at_ms in rows.order_by("open_time").values_list("open_time", "received_at_ms")
        if opened not in corrected
    ]


def _whole_extent(pk: int, base: int) -> Extent | None:
    """Return from where to where a series is stored, with what the venue lacks at both ends."""
    opens = Candle.objects.filter(instrument_id=pk, timeframe=base)
    oldest = opens.order_by("open_time").values_list("open_time", flat=True).first()
    newest = opens.order_by("-open_time").values_list("open_time", flat=True).first()
    if oldest is None or newest is None:
        return None
    absent = Gap.objects.filter(instrument_id=pk, timeframe=base, state=Gap.State.ABSENT)
    starts = absent.filter(end=oldest).values_list("start", flat=True)
    ends = absent.filter(start=newest + base).values_list("end", flat=True)
    return Extent(min([oldest, *starts]), max([newest + base, *ends]))


def _between(bars: BarArrays, start: int, end: int) -> BarArrays:
    low, high = np.searchsorted(bars.open_time, (start, end)).tolist()
    return bars.cut(slice(low, high))


def _undo(bars: BarArrays, changes: Sequence[Change]) -> BarArrays:
    """Return the bars before these changes, which are given from the last to the first."""
    columns = [np.array(getattr(bars, name)) for name in FIELDS]
    keep = np.ones(len(bars), dtype=bool)
    for change in changes:
        row = int(np.searchsorted(bars.open_time, change.open_time))
        if row >= len(bars) or int(bars.open_time[row]) != change.open_time:
            continue
        if change.before is None:
            keep[row] = False
        else:
            for column, value in zip(columns, change.before, strict=True):
                column[row] = value
    opens, highs, lows, closes, volumes = (column[keep] for column in columns)
    times = bars.open_time[keep]
    return BarArrays(times, opens, highs, lows, closes, volumes, bars.timeframe, bars.source)
