"""Bars in memory: for backtests, tests and everything that has its arrays already."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from signals.columns.feeds import feed_key
from signals.columns.series import Bars, Coverage, Floats, InstrumentKey, Points, Times

FeedKey = tuple[str, InstrumentKey | None]
NO_POINTS = Points(np.empty(0, dtype=np.int64), np.empty(0))


@dataclass(frozen=True, slots=True)
class ArrayBars:
    """Closed bars of one series as arrays of equal length."""

    open_time: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    @classmethod
    def of(cls, bars: Bars, part: Any = slice(None)) -> "ArrayBars":
        """Return rows of a series: those of a slice, an index array or a mask."""
        return cls(
            bars.open_time[part],
            bars.open[part],
            bars.high[part],
            bars.low[part],
            bars.close[part],
            bars.volume[part],
        )

    def resampled(self, timeframe: int) -> "ArrayBars":
        """Return the bars of a higher timeframe that these make up; the last may be unfinished."""
        slot = self.open_time // timeframe * timeframe
        first = np.flatnonzero(np.concatenate(([True], slot[1:] != slot[:-1])))
        if not len(slot):
            return self
        last = np.concatenate((first[1:] - 1, [len(slot) - 1]))
        return ArrayBars(
            slot[first],
            self.open[first],
            np.maximum.reduceat(self.high, first),
            np.minimum.reduceat(self.low, first),
            self.close[last],
            np.add.reduceat(self.volume, first),
        )


class ArraySeries:
    """A provider over arrays; higher timeframes are derived from the finest given.

    Parameters
    ----------
    series : mapping
        Bars by (instrument, timeframe in seconds).
    covered : mapping
        Coverage by the same keys, where it is more than from the first row to the last: bars
        without a row inside it are confirmed absent.
    feeds : mapping
        Points by (feed, instrument), the instrument None for a feed of the whole market.
    """

    def __init__(
        self,
        series: Mapping[tuple[InstrumentKey, int], Bars],
        covered: Mapping[tuple[InstrumentKey, int], Coverage] | None = None,
        feeds: Mapping[FeedKey, Points] | None = None,
    ) -> None:
        self._series = {key: ArrayBars.of(bars) for key, bars in series.items()}
        self._given = dict(self._series)
        self._coverage = dict(covered or {})
        self._feeds = dict(feeds or {})

    def points(self, feed: str, instrument: InstrumentKey, after: int, through: int) -> Points:
        """Return the points of a feed with `after < available_at <= through`."""
        points = self._feeds.get(feed_key(feed, instrument), NO_POINTS)
        low, high = np.searchsorted(points.available_at, (after, through), side="right").tolist()
        part = slice(low, high)
        return Points(points.available_at[part], points.value[part], points.settled)

    def bars(
        self, instrument: InstrumentKey, timeframe: int, start_open: int, end_open: int
    ) -> ArrayBars:
        """Return the closed bars with `start_open <= open_time <= end_open`."""
        rows = self._rows(instrument, timeframe)
        low = np.searchsorted(rows.open_time, start_open, side="left")
        high = np.searchsorted(rows.open_time, end_open, side="right")
        return ArrayBars.of(rows, slice(int(low), int(high)))

    def coverage(self, instrument: InstrumentKey, timeframe: int) -> Coverage | None:
        """Return the span of the rows, or the one given; of a derived series its whole bars."""
        key = (instrument, timeframe)
        if key not in self._coverage:
            span = self._span(instrument, timeframe)
            if span is None:
                return None
            self._coverage[key] = span
        return self._coverage[key]

    def _span(self, instrument: InstrumentKey, timeframe: int) -> Coverage | None:
        finest = self._finest(instrument, timeframe)
        if finest is None:
            return None
        if finest == timeframe:
            opens = self._given[instrument, timeframe].open_time
            return Coverage(int(opens[0]), int(opens[-1])) if len(opens) else None
        base = self.coverage(instrument, finest)
        if base is None:
            return None
        first = -(-base.first_open // timeframe) * timeframe
        last = (base.last_open + finest) // timeframe * timeframe - timeframe
        return Coverage(first, last) if last >= first else None

    def _finest(self, instrument: InstrumentKey, timeframe: int) -> int | None:
        if (instrument, timeframe) in self._given:
            return timeframe
        finer = [step for one, step in self._given if one == instrument and timeframe % step == 0]
        return min(finer, default=None)

    def _rows(self, instrument: InstrumentKey, timeframe: int) -> ArrayBars:
        key = (instrument, timeframe)
        if key not in self._series:
            finest = self._finest(instrument, timeframe)
            if finest is None:
                raise KeyError(f"no bars of {instrument} at {timeframe} s")
            whole = self._series[instrument, finest].resampled(timeframe)
            span = self.coverage(instrument, timeframe)
            keep = whole.open_time <= (span.last_open if span else -1)
            self._series[key] = ArrayBars.of(whole, keep)
        return self._series[key]
