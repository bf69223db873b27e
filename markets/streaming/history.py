"""Older bars, page by page, newest first, within the weight budget; a restart goes on below."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from markets.bars import SeriesGate
from markets.selectors import Stored, series_extent, series_stored
from markets.streaming.sealing import Note
from markets.streaming.series import Series, SeriesKeeper
from markets.streaming.writer import Writer
from mystic.lib.backoff import Backoff
from mystic.lib.clock import from_ms
from mystic.lib.http import SourceError
from mystic.lib.ratelimit import Priority

log = logging.getLogger(__name__)

DAY_S = 86_400
# So many bars of every instrument come first: enough for the strategies to begin.
FIRST_BARS = 1_500
# So many pairs are named that the venue has too little of.
MOST_NAMED = 3
SLACK_BARS = 10


class History:
    """Back-fills the series of a keeper down to so many days.

    The stored part of a series is whole at every moment: pages are added below it, and what the
    venue lacks is recorded as absent, so nothing is asked twice, after a restart neither.
    """

    def __init__(
        self,
        keeper: SeriesKeeper,
        writer: Writer,
        *,
        days: int,
        on_progress: Callable[[str], None],
    ) -> None:
        self._keeper = keeper
        self._writer = writer
        self._seconds = days * DAY_S
        self._on_progress = on_progress
        self._wake = asyncio.Event()
        self._complete = asyncio.Event()
        self._pauses: dict[int, tuple[Backoff, float]] = {}
        self.progress = ""
        keeper.on_seeded = self._wake.set

    async def run(self) -> None:
        """Fill what is missing, then wait until a series needs it again."""
        while True:
            self._wake.clear()
            one = self._next()
            await self._tell()
            if one is None and not self._pauses and self._is_seeded():
                self._complete.set()
            if one is None:
                # A series that failed is tried again when its pause is over.
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), 1.0 if self._pauses else None)
                continue
            try:
                await self._page(one)
            except SourceError as fault:
                log.info("history of %s: %s", one.instrument.symbol, fault)
                self._pause(one)
            else:
                self._pauses.pop(one.instrument.pk, None)

    async def completed(self) -> None:
        """Wait until the history is complete for the first time."""
        await self._complete.wait()

    def _is_seeded(self) -> bool:
        series = self._keeper.series.values()
        return bool(series) and all(one.gate is not None for one in series)

    def _pause(self, one: Series) -> None:
        """Leave a series alone for a while, so that its fault does not hold up the others."""
        backoff, _ = self._pauses.get(one.instrument.pk, (Backoff(base_s=1.0, cap_s=60.0), 0.0))
        until = time.monotonic() + backoff.next_delay_s()
        self._pauses[one.instrument.pk] = (backoff, until)

    def _floor(self, one: Series) -> int:
        """Return the open time of the oldest bar that is wanted."""
        if one.bottom is not None:
            return one.bottom
        newest = self._through(one)
        timeframe = self._keeper.timeframe
        return (newest - self._seconds) // timeframe * timeframe

    def _through(self, one: Series) -> int:
        gate = one.gate
        return (gate.next_expected if gate is not None else None) or one.start or 0

    def _depth(self, one: Series) -> int:
        """Return how many slots of the newest part are stored."""
        return (self._through(one) - (one.start or 0)) // self._keeper.timeframe

    def _next(self) -> Series | None:
        """Return the series with the shortest history of those that want more."""
        wanting = [
            one
            for one in self._keeper.series.values()
            if one.gate is not None and one.start is not None and one.start > self._floor(one)
            if one.instrument.pk not in self._pauses
            or self._pauses[one.instrument.pk][1] <= time.monotonic()
        ]
        return min(wanting, key=self._depth, default=None)

    async def _page(self, one: Series) -> None:
        """Store the page of bars just below the whole part of a series."""
        keeper, end, floor = self._keeper, one.start or 0, self._floor(one)
        timeframe = keeper.timeframe
        priority = Priority.CHART if self._depth(one) < FIRST_BARS else Priority.BACKFILL
        given = await keeper.ask(one.instrument, None, end, keeper.page, priority)
        bars = [bar for bar in given if bar.open_time >= floor]
        # With nothing older left at the venue, everything down to the floor is absent.
        start = bars[0].open_time if bars and bars[0] is given[0] else floor
        filling = SeriesGate(timeframe, start).fill(bars, end)
        note = Note.of_filling(one.instrument.pk, timeframe, filling, (start, end))
        await keeper.write([note])
        key = one.instrument.pk
        if start > floor:
            one.start = start
            return
        extent = await self._writer.insist(lambda: series_extent(key, timeframe))
        if extent is not None:
            one.start, one.bottom = min(start, extent.start), extent.bottom

    async def _tell(self) -> None:
        text = await self._sentence()
        if text != self.progress:
            self.progress = text
            self._on_progress(text)

    async def _sentence(self) -> str:
        """Say how far the past is walked, and at its end what is stored of it."""
        timeframe = self._keeper.timeframe
        have = want = 0
        series = self._keeper.series.values()
        for one in series:
            if one.gate is None or one.start is None:
                continue
            total = (self._through(one) - self._floor(one)) // timeframe
            want += total
            have += min(total, self._depth(one))
        waiting = sum(one.gate is None for one in series)
        pairs = counted(len(series), "pair")
        if waiting:
            return f"history: waiting for the first bars of {waiting} of {pairs}"
        if have < want:
            days = counted(self._seconds // DAY_S, "day")
            return f"history: {100 * have // want} % of {days} of {pairs}"
        keys = [one.instrument.pk for one in series]
        stored = await self._writer.insist(lambda: series_stored(keys, timeframe))
        bars = counted(sum(found.count for found in stored.values()), "bar")
        return f"history: complete, {bars} of {pairs}{self._lacking(stored)}"

    def _lacking(self, stored: Mapping[int, Stored]) -> str:
        """Say from where on the venue has bars at all, where that is later than was wanted."""
        begins = {}
        # A night or a weekend without bars at the very edge is no lack.
        slack = max(DAY_S, SLACK_BARS * self._keeper.timeframe)
        for one in self._keeper.series.values():
            found = stored.get(one.instrument.pk)
            if found is not None and found.first > self._floor(one) + slack:
                begins[one.instrument.symbol] = from_ms(found.first * 1000).date().isoformat()
        if not begins:
            return ""
        if len(self._keeper.series) == 1:
            return f"; the venue has none before {next(iter(begins.values()))}"
        named = [f"of {symbol} before {day}" for symbol, day in begins.items()]
        rest = len(named) - MOST_NAMED
        more = f" and of {counted(rest, 'other')}" if rest > 0 else ""
        return f"; the venue has none {', '.join(named[:MOST_NAMED])}{more}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is one."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
