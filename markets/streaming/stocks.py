"""The desk of stocks: the same streamer holds it beside the crypto session.

It follows the stocks of `MYSTIC_STOCKS` and those of the primary source on anybody's list.

Sources are asked in the order of `MYSTIC_STOCK_SOURCES`. The first that tells its list is the
primary one: its instruments are watched and its bars are kept. When it does not answer, the next
gives the quotes of the same stocks, under its own name, and keeps bars of its own meanwhile.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from markets.asking import SourcePool
from markets.circuits import WatchedRest
from markets.models import Instrument, SourceState
from markets.providers.base import MarketStream
from markets.quotes import store
from markets.selectors import hours_load
from markets.services import SourceReport
from markets.services.sessions import STOCKS, SessionsError, sessions_due, sessions_sync
from markets.sessions import Calendar
from markets.streaming.board import Board
from markets.streaming.sealing import Sealing
from markets.streaming.stock_bars import StockBars
from markets.streaming.stock_feed import StockFeed
from markets.streaming.stock_following import NothingFollowedError, StockFollowing
from markets.streaming.stock_lists import StockLists
from markets.streaming.stock_quotes import StockQuotes
from markets.streaming.stock_rest import HoursRest, wall_s
from markets.streaming.stock_streams import MakeStream, stock_names, stock_stream
from markets.streaming.writer import Writer
from markets.types import TIMEFRAME_SECONDS
from mystic.lib.backoff import Backoff
from mystic.lib.clock import from_ms
from mystic.lib.provenance import may_be_live

log = logging.getLogger(__name__)

State = SourceState.State

HOURS_EVERY_S = 3_600.0
LISTS_EVERY_S = 3_600.0
STOP_WITHIN_S = 1.5
WAITS = "waits until those before it are away"


@dataclass(frozen=True, slots=True)
class StockPlan:
    """What a desk is asked to watch; `sources` are codes of the table of providers, in order."""

    symbols: tuple[str, ...]
    sources: tuple[str, ...]
    timeframe: int
    history_days: int


def stock_plan_configured() -> StockPlan:
    """Return what the settings ask for."""
    env = settings.ENV
    return StockPlan(
        symbols=tuple(env["MYSTIC_STOCKS"]),
        sources=tuple(env["MYSTIC_STOCK_SOURCES"]),
        timeframe=TIMEFRAME_SECONDS[env["MYSTIC_TIMEFRAME"]],
        history_days=env["MYSTIC_HISTORY_DAYS"],
    )


def stock_desk(writer: Writer, on_progress: Callable[[str], None]) -> "StockDesk":
    """Return the desk that the settings ask for."""
    return StockDesk(stock_plan_configured(), writer=writer, on_progress=on_progress)


def closed_words(calendar: Calendar, at: int) -> str:
    """Return a sentence that says until when a market is closed; empty while it is open."""
    until = calendar.closed_until(at)
    if until is None:
        return ""
    return f"the market is closed until {from_ms(until * 1000):%a %Y-%m-%d %H:%M} UTC"


async def _failing_with(task: asyncio.Task[None]) -> None:
    """Fail when the task fails; it is not ended with the one who waits for it."""
    await asyncio.shield(task)


class StocksMovedError(Exception):
    """Raised when the primary source changed: the desk begins again with its list."""


class StockDesk:
    """Everything of stocks that lives while one streamer is active."""

    def __init__(
        self,
        plan: StockPlan,
        *,
        writer: Writer,
        on_progress: Callable[[str], None],
        env: Mapping[str, Any] | None = None,
        make_stream: MakeStream = stock_stream,
        poll_s: float | None = None,
    ) -> None:
        self._plan = plan
        self._writer = writer
        self._on_progress = on_progress
        self._env = settings.ENV if env is None else env
        self._make_stream = make_stream
        self._pool = SourcePool(plan.sources, env=self._env)
        self._rests: dict[str, HoursRest] = {}
        self._calendar = Calendar(STOCKS)
        self._stream: MarketStream | None = None
        self._stream_name = ""
        self._feed: StockFeed | None = None
        self._primary = ""
        self._writing: dict[str, asyncio.Task[None]] = {}
        self.board = Board(writer)
        self.sealing = Sealing(writer)
        self.codes = self._pool.codes()
        self.lists = StockLists(plan.symbols, pool=self._pool, board=self.board, writer=writer)
        self.bars = StockBars(
            timeframe=plan.timeframe,
            days=plan.history_days,
            writer=writer,
            sealing=self.sealing,
            board=self.board,
            calendar=self.calendar,
            rest=self.rest,
            on_progress=on_progress,
        )
        self.quotes = StockQuotes(
            pool=self._pool,
            codes=self.codes,
            lists=self.lists,
            board=self.board,
            calendar=self.calendar,
            rest=self.rest,
            on_progress=on_progress,
            poll_s=poll_s,
        )
        self.following = StockFollowing(plan.symbols, writer=writer, on_change=self._changed)
        self._rows()

    def calendar(self) -> Calendar:
        return self._calendar

    def is_open(self) -> bool:
        return self._calendar.is_open(wall_s())

    def rest(self, provider: str) -> HoursRest:
        """Return a source's request side with the hours of the market."""
        if provider not in self._rests:
            timeframe = self._plan.timeframe
            inner: Any = WatchedRest(self._pool.rest(provider), self.codes[provider])
            self._rests[provider] = HoursRest(inner, calendar=self.calendar, timeframe=timeframe)
        return self._rests[provider]

    async def run(self) -> None:
        """Watch the stocks until cancelled; a fault begins the desk anew, after a while."""
        backoff = Backoff(base_s=1.0, cap_s=60.0)
        try:
            while True:
                began = time.monotonic()
                self._write()
                try:
                    await self._once()
                except* (StocksMovedError, NothingFollowedError) as moved:
                    log.warning("%s", moved.exceptions[0])
                except* Exception:
                    log.exception("the desk of stocks failed and begins again")
                await self._end()
                if time.monotonic() - began > HOURS_EVERY_S / 60:
                    backoff.succeeded()
                await asyncio.sleep(backoff.next_delay_s())
        finally:
            await self._end()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.sealing.drained(), STOP_WITHIN_S)
            self._tell_off()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.board.write(), STOP_WITHIN_S)
            for task in self._writing.values():
                task.cancel()
            await asyncio.gather(*self._writing.values(), return_exceptions=True)
            await self._pool.aclose()

    def _write(self) -> None:
        """Have bars and board written; what could not be written is asked for again."""
        for name, work in (("stock sealing", self.sealing.run), ("stock board", self.board.run)):
            task = self._writing.get(name)
            if task is None or task.done():
                self._writing[name] = asyncio.create_task(work(), name=name)

    async def _once(self) -> None:
        if not self.codes:
            await asyncio.Event().wait()
        self._primary, instruments = await self.lists.primary()
        await self._hours()
        self._stream = None
        self.following.begin(self.codes[self._primary], instruments)
        store.put_symbols({row.pk: row.symbol for row in instruments})
        self._on_progress(f"stocks: {len(instruments)} from {self.codes[self._primary]}")
        async with asyncio.TaskGroup() as group:
            for task in self._writing.values():
                group.create_task(_failing_with(task))
            await self.bars.keep(self._primary, instruments)
            if self.bars.history is not None:
                group.create_task(self.bars.history.run(), name="stock history")
            bars = self.bars.run(lambda: self.quotes.replaced_by, self.lists.instruments)
            group.create_task(bars, name="stock bars")
            group.create_task(self._refresh_hours(), name="hours")
            group.create_task(self._refresh_lists(), name="stock lists")
            stream = self._stream = self._stream_of_primary(instruments)
            if stream is not None:
                group.create_task(stream.run(), name="stock stream")
            self.quotes.begin(self._primary, {row.symbol: row for row in instruments}, stream)
            group.create_task(self.quotes.run(), name="stock quotes")
            group.create_task(self.following.run(), name="stocks followed")

    async def _changed(
        self,
        rows: Sequence[Instrument],
        added: Sequence[Instrument],
        gone: Sequence[Instrument],
    ) -> None:
        """Follow `rows` from now on; frames of what is gone are left out before anything else."""
        provider = self._primary
        self.lists.follow(provider, rows)
        if self._feed is not None:
            self._feed.instruments = {row.native_id: row for row in rows}
        self.quotes.follow({row.symbol: row for row in rows})
        await self.bars.follow(provider, rows, added=added, gone=gone)
        if self._stream is not None:
            names = stock_names(provider, [row.native_id for row in rows])
            await self._stream.set_streams(names)

    async def _end(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(stream.stop(), STOP_WITHIN_S)
        await self.bars.stop()

    async def _hours(self) -> None:
        """Have the calendar in memory, computed first where none is stored."""
        due = await self._writer.insist(lambda: sessions_due([STOCKS]))
        if due:
            try:
                # Seconds of a child process: the writer has other things to do.
                await asyncio.to_thread(sessions_sync, due)
            except SessionsError as fault:
                log.warning("%s", fault)
        found = await self._writer.insist(lambda: hours_load(STOCKS))
        if found.sessions:
            self._calendar = found

    async def _refresh_hours(self) -> None:
        while True:
            await asyncio.sleep(HOURS_EVERY_S)
            await self._hours()

    async def _refresh_lists(self) -> None:
        """Learn rules and names anew; a better source that answers now makes the desk move."""
        while True:
            await asyncio.sleep(LISTS_EVERY_S)
            provider, _ = await self.lists.primary()
            if provider != self._primary:
                raise StocksMovedError(f"{self.codes[provider]} is the first source of stocks now")

    def _stream_of_primary(self, instruments: Sequence[Instrument]) -> MarketStream | None:
        code, provider = self.codes[self._primary], self._primary
        name = f"{code}:stream"
        feed = self._feed = StockFeed(
            {row.native_id: row for row in instruments},
            rest=self.rest(provider),
            keeper=self.bars.keeper(provider),
            calendar=self.calendar,
            on_state=lambda state, reason: self.board.tell(name, state, reason),
        )
        native_ids = [row.native_id for row in instruments]
        stream = self._make_stream(provider, self._env, native_ids, feed, self.is_open)
        if stream is not None:
            self._stream_name = name
            self.board.add(
                name,
                is_official=stream.is_official,
                counters=lambda: {**stream.counters, **feed.counters()},
                probe=lambda report: self.board.with_arrival(report, stream),
            )
        return stream

    def _rows(self) -> None:
        """Begin to report every source of the list; what is off says why."""
        official = {code: may_be_live(code) for code in self.codes.values()}
        for provider, code in self.codes.items():
            self.board.add(
                f"{code}:rest",
                is_official=official[code],
                counters=self._counters if provider == next(iter(self.codes)) else None,
                probe=lambda report, provider=provider: self._told(report, provider),  # type: ignore[misc]
            )
        self._rest_standby()
        for provider, reason in self._pool.off().items():
            self.board.add(f"{provider}:rest", is_official=True)
            self.board.tell(f"{provider}:rest", State.OFF, reason)

    def _told(self, report: SourceReport, provider: str) -> SourceReport:
        """Return a source's report with its budget, its part, and the hours of its market."""
        report = self.lists.weighed(report, provider)
        if report.state != State.LIVE:
            return report
        if provider == self.quotes.replaced_by:
            first = self.codes[self._primary]
            return replace(report, detail=f"gives the quotes while {first} does not answer")
        if provider not in {self._primary, self.quotes.served_by}:
            return replace(report, state=State.STANDBY, detail=WAITS)
        closed = closed_words(self._calendar, wall_s())
        if closed:
            return replace(report, state=State.STANDBY, detail=closed)
        return replace(report, detail=report.detail or self.bars.progress)

    def _rest_standby(self) -> None:
        for code in list(self.codes.values())[1:]:
            self.board.tell(f"{code}:rest", State.STANDBY, WAITS)

    def _tell_off(self) -> None:
        """Say that the sources are asked no more; what was off before keeps its reason."""
        names = [f"{code}:rest" for code in self.codes.values()]
        for name in [*names, *([self._stream_name] if self._stream_name else [])]:
            self.board.tell(name, State.OFF, "the streamer was stopped")

    def _counters(self) -> dict[str, int]:
        return {**self.quotes.counters(), **self.bars.counters()}
