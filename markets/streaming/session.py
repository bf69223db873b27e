"""One run of the active streamer: the catalogue, the streams, the series, the books, the board."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from markets.failover import FailoverOrder, Health
from markets.models import Instrument
from markets.providers.base import InstrumentSpec, MarketStream, StreamState
from markets.quotes import store
from markets.registry import BookRest, DelayedRest, Source, SourceRest
from markets.selectors import day_references, instruments_of
from markets.services import SourceReport, candles_rewind, catalogue_sync
from markets.services.quarantine import QUARANTINE_EVERY_S, quarantine
from markets.streaming.board import Board
from markets.streaming.book_stats import stats
from markets.streaming.books import Books
from markets.streaming.comparing import Comparing
from markets.streaming.delayed import DelayedPrices
from markets.streaming.fallback import Fallback
from markets.streaming.feed import Feed
from markets.streaming.following import Following
from markets.streaming.history import History
from markets.streaming.ladder import Ladder
from markets.streaming.sealing import Sealing
from markets.streaming.series import SeriesKeeper
from markets.streaming.venue_clock import VenueClock
from markets.streaming.writer import Writer
from mystic.lib.backoff import Backoff
from mystic.lib.http import Blocked, SourceError

log = logging.getLogger(__name__)

CATALOGUE_EVERY_S = 3_600.0
CATALOGUE_SOON_S = 30.0
REFERENCES_EVERY_S = 60.0
REFERENCES_SOON_S = 5.0
STOP_WITHIN_S = 1.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What a streamer is asked to stream."""

    symbols: tuple[str, ...]
    timeframe: int
    history_days: int


async def _share(task: asyncio.Task[None]) -> None:
    """Fail when the task fails; it is not ended with the one who waits for it."""
    await asyncio.shield(task)


class RewoundError(Exception):
    """Raised when the venue's clock went back: a replay began again."""


class Session:
    """Everything that lives while one streamer is active; `run` ends only by a fault or a stop."""

    def __init__(
        self,
        plan: Plan,
        *,
        first: Source[BookRest],
        writer: Writer,
        on_progress: Callable[[str], None],
        fallbacks: Sequence[Source[SourceRest]] = (),
        delayed: tuple[str, DelayedRest] | None = None,
    ) -> None:
        self._plan = plan
        self._first = first
        self._writer = writer
        self._on_progress = on_progress
        self._stream: MarketStream | None = None
        self._is_refused = False
        self._is_told = False
        self._rewound = asyncio.Event()
        self.board = Board(writer)
        self.sealing = Sealing(writer)
        self.keeper = self._keeper(first)
        self.keeper.on_rewound = self._rewound.set
        self.books = Books(first.rest, source=first.code, is_official=first.is_official)
        self.feed = Feed(
            {},
            source=first.code,
            is_official=first.is_official,
            clock=self.keeper.clock,
            keeper=self.keeper,
            books=self.books,
            on_state=self._heard_state,
        )
        self.history = History(self.keeper, writer, days=plan.history_days, on_progress=on_progress)
        self._rest_name, self._stream_name = f"{first.code}:rest", f"{first.code}:stream"
        self.board.add(
            self._stream_name,
            is_official=first.is_official,
            counters=self._stream_counters,
            probe=self._stream_probe,
        )
        self.board.add(
            self._rest_name,
            is_official=first.is_official,
            counters=self._rest_counters,
            probe=self._rest_probe,
        )
        self.following = Following(
            first.code,
            writer=writer,
            keeper=self.keeper,
            feed=self.feed,
            books=self.books,
            names=first.names,
        )
        rungs = [self._rung(source) for source in fallbacks]
        self.ladder = Ladder(first.code, rungs, FailoverOrder())
        self._rests: dict[str, SourceRest] = {self._rest_name: first.rest}
        self._rests |= {f"{source.code}:rest": source.rest for source in fallbacks}
        self._comparing = [self._compared(s) for s in fallbacks if hasattr(s.rest, "prices")]
        self.delayed = None if delayed is None else self._delayed(*delayed)

    async def run(self, *, is_streaming: bool = True) -> None:
        """Stream until cancelled; what was sealed is written before this ends.

        Without `is_streaming` only the history is fetched.
        """
        sealing = asyncio.create_task(self.sealing.run(), name="sealing")
        board = asyncio.create_task(self.board.run(), name="board")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_refused(), name="quarantine")
                group.create_task(self._first_source(group, is_streaming), name="first source")
                group.create_task(self._watch_rewind(), name="rewind")
                # What could not be written is asked again by the next session.
                group.create_task(_share(sealing), name="sealing watch")
                group.create_task(_share(board), name="board watch")
                if is_streaming:
                    self._run_further(group)
        finally:
            await self._close()
            for task in (sealing, board):
                task.cancel()
            await asyncio.gather(sealing, board, return_exceptions=True)

    async def _first_source(self, group: asyncio.TaskGroup, is_streaming: bool) -> None:  # noqa: FBT001
        """Learn what there is to stream, then stream it."""
        instruments = await self._catalogue()
        await self._rewind(instruments)
        self.following.begin(instruments)
        group.create_task(self.history.run(), name="history")
        if not is_streaming:
            return
        stream = self._stream = self._first.stream(
            [row.native_id for row in instruments], self._plan.timeframe, self.feed
        )
        group.create_task(stream.run(), name="stream")
        group.create_task(self.following.run(stream), name="watch lists")
        stats.reset()
        group.create_task(stats.run(self._writer), name="book statistics")
        group.create_task(self._tick(), name="timer")
        group.create_task(self._refresh_catalogue(), name="catalogue")
        group.create_task(self._refresh_references(), name="references")

    async def _catalogue(self) -> list[Instrument]:
        """Return what is watched: as the venue tells, or as stored while it does not answer."""
        backoff = Backoff(base_s=1.0, cap_s=30.0)
        self._on_progress(f"asking {self._first.code} for its instruments")
        while True:
            try:
                instruments = await self._catalogue_ask()
            except SourceError as fault:
                self._on_progress(self._unreachable(fault))
                instruments = await self._stored()
            if instruments:
                return instruments
            await asyncio.sleep(backoff.next_delay_s())

    def _unreachable(self, fault: SourceError) -> str:
        text = f"{self._first.code} cannot be reached ({fault}); trying again"
        offer = "; meanwhile `make replay` plays recorded data"
        return text + offer if self._first.is_official else text

    async def _stored(self) -> list[Instrument]:
        """Return the stored watch list; a replay is asked first, for its clock decides."""
        if not self._first.is_official:
            return []
        code = self._first.code
        rows = await self._writer.insist(lambda: instruments_of(code, self._plan.symbols))
        return [row for row in rows if row.is_watched]

    async def _catalogue_ask(self) -> list[Instrument]:
        rest = self._first.rest
        try:
            wanted = dict.fromkeys((*self._plan.symbols, *self.following.instruments))
            specs = await rest.exchange_info([rest.native_id(symbol) for symbol in wanted])
            if not specs and not self._first.is_official:
                specs = await rest.exchange_info([])
        except SourceError as fault:
            self._is_refused = isinstance(fault, Blocked)
            self.board.failed(self._rest_name, fault)
            raise
        self._is_refused, self._is_told = False, True
        found = await self._writer.insist(lambda: self._catalogue_write(specs))
        missing = set(self._plan.symbols) - {row.symbol for row in found}
        detail = f"does not know {', '.join(sorted(missing))}" if missing else ""
        self.board.heard(self._rest_name, detail if found else "lists none of the symbols")
        return found

    def _catalogue_write(self, specs: list[InstrumentSpec]) -> list[Instrument]:
        return catalogue_sync(specs, venue_code=self._first.code, symbols=self._plan.symbols)

    async def _rewind(self, instruments: list[Instrument]) -> None:
        """Forget what a replay will tell again."""
        if self._first.is_official:
            return
        backoff = Backoff(base_s=0.5, cap_s=30.0)
        while True:
            try:
                venue_s = await self.keeper.venue_now()
                break
            except SourceError:
                await asyncio.sleep(backoff.next_delay_s())
        keys = [row.pk for row in instruments]
        timeframe = self._plan.timeframe
        begin = venue_s // timeframe * timeframe
        count = await self._writer.insist(
            lambda: candles_rewind(instrument_ids=keys, timeframe=timeframe, to=begin)
        )
        if count:
            log.warning("the replay began again: %d bars after its clock were removed", count)

    async def _keep_refused(self) -> None:
        """Write what was refused, some seconds later and off the streams' way."""
        while True:
            await asyncio.sleep(QUARANTINE_EVERY_S)
            if quarantine.is_waiting:
                await self._writer.insist(quarantine.flush)

    async def _watch_rewind(self) -> None:
        await self._rewound.wait()
        message = f"the clock of {self._first.code} went back"
        raise RewoundError(message)

    async def _tick(self) -> None:
        while True:
            self.keeper.tick()
            self.feed.is_quoting = self.books.is_showing = not self.ladder.is_first_replaced
            await asyncio.sleep(1.0)

    async def _refresh_catalogue(self) -> None:
        """Learn new trading rules about once an hour."""
        while True:
            await asyncio.sleep(CATALOGUE_EVERY_S if self._is_told else CATALOGUE_SOON_S)
            with suppress(SourceError):
                await self._catalogue_ask()

    async def _refresh_references(self) -> None:
        """Keep the prices of 24 hours ago at hand, from stored bars."""
        while True:
            keys = [row.pk for row in self.following.instruments.values()]
            found = await self._writer.insist(lambda keys=keys: day_references(keys))  # type: ignore[misc]
            store.put_references(found)
            await asyncio.sleep(REFERENCES_EVERY_S if found else REFERENCES_SOON_S)

    async def _close(self) -> None:
        """Stop the stream, write what is sealed, say that the sources are off."""
        if self._stream is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stream.stop(), STOP_WITHIN_S)
        await self.keeper.stop()
        await self.books.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.sealing.drained(), STOP_WITHIN_S)
        self.board.tell_all_off()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.board.write(), STOP_WITHIN_S)
        for rest in self._rests.values():
            await rest.aclose()
        if self.delayed is not None:
            await self.delayed.rest.aclose()

    def _keeper(self, source: Source[BookRest] | Source[SourceRest]) -> SeriesKeeper:
        return SeriesKeeper(
            rest=source.rest,
            timeframe=self._plan.timeframe,
            writer=self._writer,
            sealing=self.sealing,
            board=self.board,
            clock=VenueClock(self._plan.timeframe),
            page=source.page,
            source=source.code,
        )

    def _run_further(self, group: asyncio.TaskGroup) -> None:
        """Run what follows the first source, and what is compared with it."""
        group.create_task(self.ladder.run(self._first_health), name="order of sources")
        for one in self._comparing:
            group.create_task(one.run(), name="comparing")
        if self.delayed is not None:
            group.create_task(self.delayed.run(), name="delayed prices")

    def _rung(self, source: Source[SourceRest]) -> Fallback:
        return Fallback(
            source,
            symbols=lambda: tuple(self._watched()) or self._plan.symbols,
            first_instruments=self._watched,
            keeper=self._keeper(source),
            board=self.board,
            writer=self._writer,
        )

    def _compared(self, source: Source[Any]) -> Comparing:
        return Comparing(
            source.rest,
            code=source.code,
            instruments=self._watched,
            is_wanted=lambda: self._first_health() is Health.LIVE,
        )

    def _delayed(self, code: str, rest: DelayedRest) -> DelayedPrices:
        return DelayedPrices(
            rest,
            code=code,
            board=self.board,
            writer=self._writer,
            instruments=self._watched,
            is_any_live=lambda: self.ladder.is_any_live,
        )

    def _watched(self) -> Mapping[str, Instrument]:
        return self.following.instruments

    def _first_health(self) -> Health:
        """Return whether the first source is live, or refuses this place."""
        state = None if self._stream is None else self._stream.state
        if state is StreamState.LIVE:
            return Health.LIVE
        is_blocked = state is StreamState.BLOCKED or (state is None and self._is_refused)
        return Health.BLOCKED if is_blocked else Health.AWAY

    def _heard_state(self, state: StreamState, reason: str) -> None:
        self.board.tell(self._stream_name, state, reason)

    def _stream_counters(self) -> dict[str, int]:
        counted = {} if self._stream is None else dict(self._stream.counters)
        return {**counted, **self.feed.counters()}

    def _rest_counters(self) -> dict[str, int]:
        return {**self.keeper.counts, **self.keeper.refusals.as_dict()}

    def _stream_probe(self, report: SourceReport) -> SourceReport:
        return self.board.with_arrival(report, self._stream)

    def _rest_probe(self, report: SourceReport) -> SourceReport:
        budget = self._first.rest.budget
        detail = self._writer.fault or report.detail or self.history.progress
        return replace(report, weight_used=budget.used, weight_limit=budget.limit, detail=detail)
