"""A provider seen with less: only what had closed at a moment, or only what began later."""

from dataclasses import replace

from signals.columns.series import Bars, Coverage, InstrumentKey, Points, SeriesProvider


class Until:
    """A provider as it was at a moment: bars that had closed, points that were known.

    Parameters
    ----------
    moment : int
        UTC epoch seconds; it may be moved forward.
    """

    def __init__(self, whole: SeriesProvider, moment: int) -> None:
        self._whole = whole
        self.moment = moment

    def _last_open(self, timeframe: int) -> int:
        return self.moment // timeframe * timeframe - timeframe

    def bars(
        self, instrument: InstrumentKey, timeframe: int, start_open: int, end_open: int
    ) -> Bars:
        """Return the bars of a span that had closed."""
        end = min(end_open, self._last_open(timeframe))
        return self._whole.bars(instrument, timeframe, start_open, end)

    def coverage(self, instrument: InstrumentKey, timeframe: int) -> Coverage | None:
        """Return the unbroken span as far as it had closed."""
        span = self._whole.coverage(instrument, timeframe)
        if span is None:
            return None
        last = min(span.last_open, self._last_open(timeframe))
        return Coverage(span.first_open, last) if last >= span.first_open else None

    def points(self, feed: str, instrument: InstrumentKey, after: int, through: int) -> Points:
        """Return the points of a feed that were known."""
        found = self._whole.points(feed, instrument, after, min(through, self.moment))
        return replace(found, settled=min(found.settled, self.moment))


class Since:
    """A provider whose series begin later than they do; feeds are as they are."""

    def __init__(self, whole: SeriesProvider, first_open: int) -> None:
        self._whole = whole
        self._first_open = first_open

    def _first(self, timeframe: int) -> int:
        return -(-self._first_open // timeframe) * timeframe

    def bars(
        self, instrument: InstrumentKey, timeframe: int, start_open: int, end_open: int
    ) -> Bars:
        """Return the bars of a span, none before the beginning."""
        return self._whole.bars(
            instrument, timeframe, max(start_open, self._first(timeframe)), end_open
        )

    def coverage(self, instrument: InstrumentKey, timeframe: int) -> Coverage | None:
        """Return the unbroken span from the beginning on."""
        span = self._whole.coverage(instrument, timeframe)
        if span is None:
            return None
        first = max(span.first_open, self._first(timeframe))
        return Coverage(first, span.last_open) if first <= span.last_open else None

    def points(self, feed: str, instrument: InstrumentKey, after: int, through: int) -> Points:
        """Return the points of a feed."""
        return self._whole.points(feed, instrument, after, through)
