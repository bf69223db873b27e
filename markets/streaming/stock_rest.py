"""A source of stocks as the keeper of series asks it: only for times at which its market is open.

The keeper believes a source that has no bar for a slot that lies before the source's own clock.
Sources of stocks have no such clock: some are late by minutes, some tell a day at its end. So the
clock here is the newest moment that the source's own data showed, and slots beyond it stay open.
"""

import time
from collections.abc import Callable, Sequence

from markets.providers.base import CandleRow, InstrumentSpec, Priority, TickerRow
from markets.registry import SourceRest
from markets.sessions import Calendar
from mystic.lib.clock import now_ms
from mystic.lib.ratelimit import WeightBudget

# So long after the close a source that showed anything of the session has told all of it.
ALLOWANCE_S = 25 * 60
BEHIND_S = 150
PROBE_OPEN_S = 60.0
PROBE_CLOSED_S = 900.0
MOST_PAGES = 6
DAY_S = 86_400


def wall_s() -> int:
    return now_ms() // 1000


class HoursRest:
    """The request side of a source with the hours of its market; one per event loop.

    Parameters
    ----------
    rest : SourceRest
        The source's own.
    calendar : callable
        Gives the calendar, which is renewed from time to time.
    timeframe : int
        Seconds; of the bars that are kept.
    """

    def __init__(
        self,
        rest: SourceRest,
        *,
        calendar: Callable[[], Calendar],
        timeframe: int,
        wall: Callable[[], int] = wall_s,
    ) -> None:
        self.source = rest.source
        self.is_official = rest.is_official
        self.probe_id = ""
        self.newest = 0
        self._rest = rest
        self._calendar = calendar
        self._timeframe = timeframe
        self._wall = wall
        self._probe_after = 0.0

    @property
    def budget(self) -> WeightBudget:
        return self._rest.budget

    async def aclose(self) -> None:
        await self._rest.aclose()

    def native_id(self, symbol: str) -> str:
        return self._rest.native_id(symbol)

    async def exchange_info(self, native_ids: Sequence[str]) -> list[InstrumentSpec]:
        return await self._rest.exchange_info(native_ids)

    async def tickers(self, native_ids: Sequence[str]) -> list[TickerRow]:
        return await self._rest.tickers(native_ids)

    def heard(self, moment: int) -> None:
        """Learn that the source showed something of this moment, epoch seconds."""
        self.newest = max(self.newest, min(moment, self._wall()))

    async def server_time(self) -> int:
        """Return up to when the source has told everything, UTC epoch milliseconds."""
        if self._is_behind():
            await self._probe()
        return self._known() * 1000

    async def klines(
        self,
        native_id: str,
        timeframe: int,
        start: int | None = None,
        end: int | None = None,
        limit: int = 1000,
        *,
        priority: Priority = Priority.CHART,
    ) -> list[CandleRow]:
        """Return closed bars of the regular sessions; nothing is asked for a closed market."""
        calendar = self._calendar()
        for _ in range(MOST_PAGES):
            if start is not None and end is not None and not calendar.has_open(start, end):
                return []
            given = await self._rest.klines(
                native_id, timeframe, start, end, limit, priority=priority
            )
            rows = self._of_sessions(given)
            if rows:
                self.heard(rows[-1].open_time + timeframe)
            if rows or not given or start is not None:
                return rows
            # A page of nothing but trades before the opening; the sessions lie below it.
            end = given[0].open_time
        return []

    def _of_sessions(self, rows: Sequence[CandleRow]) -> list[CandleRow]:
        if self._timeframe >= DAY_S:
            return list(rows)
        calendar = self._calendar()
        span = self._timeframe
        return [row for row in rows if calendar.has_open(row.open_time, row.open_time + span)]

    def _known(self) -> int:
        """Return up to when the source has told everything, epoch seconds.

        While the market is open that is what it showed. Long after a close there is nothing more
        to come, if anything of that session was shown at all.
        """
        now, calendar = self._wall(), self._calendar()
        last = calendar.last_begun(now)
        if last is None or now < last.closes_at + ALLOWANCE_S or self.newest < last.opens_at:
            return min(now, self.newest)
        return now

    def _is_behind(self) -> bool:
        now, calendar = self._wall(), self._calendar()
        last = calendar.last_begun(now)
        if last is None:
            return self.newest < now - BEHIND_S
        expected = min(now, last.closes_at) - BEHIND_S
        return self.newest < max(expected, last.opens_at)

    async def _probe(self) -> None:
        """Look how far the source is, by the bars of one stock, now and then."""
        now, calendar = self._wall(), self._calendar()
        if not self.probe_id or time.monotonic() < self._probe_after:
            return
        pause = PROBE_OPEN_S if calendar.is_open(now) else PROBE_CLOSED_S
        self._probe_after = time.monotonic() + pause
        last = calendar.last_begun(now)
        begin = now - DAY_S if last is None else last.opens_at
        begin = max(begin, self.newest // self._timeframe * self._timeframe)
        await self.klines(self.probe_id, self._timeframe, begin, now, priority=Priority.LIVE)
