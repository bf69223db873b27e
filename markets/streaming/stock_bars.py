"""The closed bars of stocks: the keeper of series, woken by the hours of the market."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from markets.hours import hours
from markets.models import Instrument
from markets.selectors import closed_through
from markets.sessions import Calendar
from markets.streaming.board import Board
from markets.streaming.history import History
from markets.streaming.sealing import Sealing
from markets.streaming.series import SeriesKeeper
from markets.streaming.stock_rest import ALLOWANCE_S, HoursRest, wall_s
from markets.streaming.venue_clock import VenueClock
from markets.streaming.writer import Writer
from mystic.lib.http import SourceError

log = logging.getLogger(__name__)

BARS_PAGE = {"alpaca": 10_000, "massive": 5_000, "yahoo": 2_500}
BARS_PAGE_OTHER = 1_000
# A closed market needs no look each second; longer bars want the night sealed now and then.
CLOSED_EVERY_S = 1_800.0
FALLBACK_AFTER_S = 120.0
LOOK_EVERY_S = 1.0


class StockBars:
    """Keeps the primary source's series, and those of another one while it serves instead."""

    def __init__(
        self,
        *,
        timeframe: int,
        days: int,
        writer: Writer,
        sealing: Sealing,
        board: Board,
        calendar: Callable[[], Calendar],
        rest: Callable[[str], HoursRest],
        on_progress: Callable[[str], None],
    ) -> None:
        self._timeframe = timeframe
        self._days = days
        self._writer = writer
        self._sealing = sealing
        self._board = board
        self._calendar = calendar
        self._rest = rest
        self._on_progress = on_progress
        self._keepers: dict[str, SeriesKeeper] = {}
        self._replaced_since: float | None = None
        self.history: History | None = None

    def keeper(self, provider: str) -> SeriesKeeper:
        return self._keepers[provider]

    async def keep(self, provider: str, instruments: Sequence[Instrument]) -> None:
        """Begin to keep a source's series of these instruments; the first source is walked back."""
        rest = self._rest(provider)
        hours.follow({row.pk: row.session_calendar for row in instruments})
        keys, timeframe = [row.pk for row in instruments], self._timeframe
        through = await self._writer.insist(
            lambda: [found for key in keys if (found := closed_through(key, timeframe))]
        )
        rest.heard(max(through, default=0))
        rest.probe_id = instruments[0].native_id
        keeper = SeriesKeeper(
            rest=rest,
            timeframe=timeframe,
            writer=self._writer,
            sealing=self._sealing,
            board=self._board,
            clock=VenueClock(timeframe),
            page=BARS_PAGE.get(provider, BARS_PAGE_OTHER),
            source=rest.source,
        )
        self._keepers[provider] = keeper
        if self.history is None:
            self.history = History(
                keeper, self._writer, days=self._days, on_progress=self._told_history
            )
        keeper.add(instruments)

    async def follow(
        self,
        provider: str,
        rows: Sequence[Instrument],
        *,
        added: Sequence[Instrument],
        gone: Sequence[Instrument],
    ) -> None:
        """Keep the series of `rows` from now on; another source that serves begins anew."""
        hours.follow({row.pk: row.session_calendar for row in added})
        keeper = self._keepers[provider]
        for row in gone:
            keeper.remove(row.pk)
        self._rest(provider).probe_id = rows[0].native_id
        keeper.add(added)
        for name in [name for name in self._keepers if name != provider]:
            await self._keepers.pop(name).stop()

    async def run(
        self, replaced_by: Callable[[], str], listed: Callable[[str], Awaitable[list[Instrument]]]
    ) -> None:
        """Wake the keepers for ever.

        Parameters
        ----------
        replaced_by : callable
            Gives the provider that serves instead of the primary one; empty while none does.
        listed : callable
            Gives the instruments of that provider.
        """
        caught_up = time.monotonic()
        while True:
            now, calendar = wall_s(), self._calendar()
            last = calendar.last_begun(now)
            if last is None or now < last.closes_at + 2 * ALLOWANCE_S:
                for keeper in self._keepers.values():
                    keeper.tick()
            elif time.monotonic() - caught_up >= CLOSED_EVERY_S:
                # Nobody is asked for a closed market; the night behind us is sealed as absent.
                caught_up = time.monotonic()
                for keeper in self._keepers.values():
                    keeper.catch_up_all()
            await self._look_for_fallback(replaced_by(), listed)
            await asyncio.sleep(LOOK_EVERY_S)

    async def stop(self) -> None:
        """Forget the keepers; what they sealed is written."""
        keepers, self._keepers = list(self._keepers.values()), {}
        for keeper in keepers:
            await keeper.stop()
        self.history, self._replaced_since = None, None

    def counters(self) -> dict[str, int]:
        keeper = next(iter(self._keepers.values()), None)
        return {} if keeper is None else {**keeper.counts, **keeper.refusals.as_dict()}

    async def _look_for_fallback(
        self, provider: str, listed: Callable[[str], Awaitable[list[Instrument]]]
    ) -> None:
        """Keep the bars of the source that serves, in its own name, while it does."""
        for name in [name for name in list(self._keepers)[1:] if name != provider]:
            await self._keepers.pop(name).stop()
        if not provider:
            self._replaced_since = None
            return
        if self._replaced_since is None:
            self._replaced_since = time.monotonic()
        is_long = time.monotonic() - self._replaced_since >= FALLBACK_AFTER_S
        if is_long and provider not in self._keepers:
            with suppress(SourceError):
                rows = await listed(provider)
                if rows:
                    await self.keep(provider, rows)

    @property
    def progress(self) -> str:
        """How far the past is walked, in a sentence."""
        return "" if self.history is None else self.history.progress

    def _told_history(self, text: str) -> None:
        self._on_progress(f"stocks, {text}")
