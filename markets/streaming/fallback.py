"""One further source while those before it are away: quotes, books, and bars of its own."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import msgspec

from markets.events import QuoteChanged
from markets.failover import Health
from markets.models import Instrument
from markets.providers.base import (
    BookTickerEvent,
    DepthEvent,
    KlineEvent,
    MarketStream,
    StreamState,
    TradeEvent,
)
from markets.quality import Refusals, quote_fault
from markets.quotes import store
from markets.registry import Source, SourceRest
from markets.selectors import instruments_of
from markets.services import SourceReport, aliases_write, catalogue_sync
from markets.services.quarantine import quarantine
from markets.streaming.board import Board, State
from markets.streaming.feed import quote_of
from markets.streaming.series import SeriesKeeper
from markets.streaming.streamed_books import StreamedBooks
from markets.streaming.venue_clock import VenueClock
from markets.streaming.writer import Writer
from mystic.lib.backoff import Backoff
from mystic.lib.bus import publish
from mystic.lib.http import Blocked, SourceError

log = logging.getLogger(__name__)
# A price that is older than this by its own time when it comes is as old as it says.
LATE_MS = 10_000


class FallbackFeed:
    """The handler of a further source's stream: its quotes and books are shown while it is used."""

    def __init__(
        self,
        targets: Mapping[str, int],
        *,
        source: str,
        is_official: bool,
        clock: VenueClock,
        on_state: Callable[[StreamState, str], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._targets = dict(targets)
        self._source = source
        self._is_official = is_official
        self._clock = clock
        self._on_state = on_state
        self.refusals = Refusals(source, quarantine.note)
        self.books = StreamedBooks(source=source, is_official=is_official, on_lost=on_lost)
        self.counts = {"quotes": 0}
        self.is_quoting = False

    def use(self, *, is_used: bool) -> None:
        """Begin to show what is heard, or stop; what this source showed last is then dropped."""
        self.is_quoting = self.books.is_showing = is_used
        if not is_used:
            self.books.hide_all()

    def on_bad_frame(self, reason: str, raw: bytes) -> None:
        """Keep the beginning of a frame that could not be used."""
        self.refusals.add(reason, kind="frame", sample=raw)

    def on_book_ticker(self, event: BookTickerEvent) -> None:
        instrument_id = self._targets.get(event.native_id)
        fault = quote_fault(event.bid, event.bid_size, event.ask, event.ask_size)
        if fault is not None:
            known = instrument_id or 0
            self.refusals.add(fault, kind="quote", instrument_id=known, sample=event)
        if instrument_id is None or fault is not None:
            return
        self.counts["quotes"] += 1
        if event.event_ms is not None:
            self._clock.heard(event.event_ms)
        if not self.is_quoting:
            return
        quote = quote_of(instrument_id, event, self._source, self._is_official, event.last)
        late_ms = 0 if event.event_ms is None else event.received_at_ms - event.event_ms
        if late_ms > LATE_MS:
            mono_ms = event.received_mono_ms - late_ms
            quote = msgspec.structs.replace(quote, is_delayed=True, received_mono_ms=mono_ms)
        store.put(quote)
        publish(QuoteChanged(quote))

    def on_trade(self, event: TradeEvent) -> None:
        self._clock.heard(event.event_ms)

    def on_kline(self, event: KlineEvent) -> None:
        """Bars are asked by REST: the stream has none of one minute."""

    def on_depth(self, event: DepthEvent) -> None:
        instrument_id = self._targets.get(event.native_id)
        if instrument_id is not None:
            self.books.on_depth(instrument_id, event)

    def on_connected(self, *, is_overlap: bool) -> None:
        """After a cut every book comes whole again; quotes are complete, bars come by REST."""
        if not is_overlap:
            self.books.reset_all()

    def on_state(self, state: StreamState, reason: str) -> None:
        self._on_state(state, reason)

    def counters(self) -> dict[str, int]:
        return {
            **self.counts,
            **self.refusals.as_dict(),
            **self.books.counts,
            **self.books.refusals.as_dict(),
            "books_synced": self.books.synced(),
        }


class Fallback:
    """One further source: it runs while it is wanted, and is shown while it is the one in use."""

    def __init__(
        self,
        source: Source[SourceRest],
        *,
        symbols: Callable[[], Sequence[str]],
        first_instruments: Callable[[], Mapping[str, Instrument]],
        keeper: SeriesKeeper,
        board: Board,
        writer: Writer,
    ) -> None:
        self.source = source
        self._symbols = symbols
        self._first_instruments = first_instruments
        self._keeper = keeper
        self._board = board
        self._writer = writer
        self._stream: MarketStream | None = None
        self._task: asyncio.Task[None] | None = None
        self._feed: FallbackFeed | None = None
        self._served: tuple[str, ...] = ()
        self._is_used = False
        self._is_refused = False
        self._backoff = Backoff(base_s=1.0, cap_s=30.0)
        stream, rest = f"{source.code}:stream", f"{source.code}:rest"
        board.add(stream, is_official=source.is_official, counters=self._counters)
        board.add(rest, is_official=source.is_official, probe=self._weighed)
        self._rest_name, self._stream_name = rest, stream
        self._tell_standby()

    @property
    def is_live(self) -> bool:
        return self._stream is not None and self._stream.state is StreamState.LIVE

    @property
    def health(self) -> Health:
        if self.is_live:
            return Health.LIVE
        state = None if self._stream is None else self._stream.state
        is_blocked = state is StreamState.BLOCKED or (state is None and self._is_refused)
        return Health.BLOCKED if is_blocked else Health.AWAY

    async def look(self, *, is_wanted: bool, is_used: bool) -> None:
        """Run or rest, show or hide, as the order of the sources has it now."""
        self._is_used = is_used
        is_other_list = self._task is not None and self._served != tuple(self._symbols())
        if self._task is not None and (not is_wanted or is_other_list):
            await self.stop()
        if self._task is not None and self._task.done():
            await self._stop_failed(self._task)
        if is_wanted and self._task is None:
            self._served = tuple(self._symbols())
            self._task = asyncio.create_task(self._serve(), name=f"source {self.source.code}")
        if self._feed is not None and self._feed.is_quoting is not is_used:
            self._feed.use(is_used=is_used)
        if self._task is not None:
            self._keeper.tick()

    async def stop(self) -> None:
        """Close the stream and say that this source waits; nothing of it can be filled on."""
        stream, task, feed = self._stream, self._task, self._feed
        self._stream = self._task = None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if stream is not None:
            await stream.stop()
        if feed is not None:
            feed.use(is_used=False)
        await self._keeper.stop()
        self._is_refused = False
        self._tell_standby()

    async def _stop_failed(self, task: asyncio.Task[None]) -> None:
        """Clear away what ended by itself, so that the next look begins it again."""
        fault = None if task.cancelled() else task.exception()
        log.error("%s failed and begins again", self.source.code, exc_info=fault)
        await self.stop()
        await asyncio.sleep(self._backoff.next_delay_s())

    async def _serve(self) -> None:
        """Learn the pairs, then stream their quotes and keep their bars, until cancelled."""
        instruments = await self._catalogue()
        first = self._first_instruments()
        targets = {
            row.native_id: first[row.symbol].pk if row.symbol in first else row.pk
            for row in instruments
        }
        names = {first[row.symbol].pk: row.native_id for row in instruments if row.symbol in first}
        await self._writer.insist(lambda: aliases_write(source=self.source.code, native_ids=names))
        feed = FallbackFeed(
            targets,
            source=self.source.code,
            is_official=self.source.is_official,
            clock=self._keeper.clock,
            on_state=lambda state, reason: self._board.tell(self._stream_name, state, reason),
            on_lost=self._renew,
        )
        feed.use(is_used=self._is_used)
        stream = self._stream = self.source.stream(list(targets), self._keeper.timeframe, feed)
        self._feed = feed
        self._keeper.add(instruments)
        self._keeper.catch_up_all()
        await stream.run()

    def _renew(self) -> None:
        """Let a second connection bring every book whole again."""
        leave_soon = getattr(self._stream, "leave_soon", None)
        if leave_soon is not None:
            leave_soon()

    async def _catalogue(self) -> list[Instrument]:
        """Return the pairs that this source lists with the same quote asset."""
        rest, code = self.source.rest, self.source.code
        backoff = Backoff(base_s=1.0, cap_s=30.0)
        while True:
            try:
                specs = await rest.exchange_info([rest.native_id(s) for s in self._served])
            except SourceError as fault:
                self._is_refused = isinstance(fault, Blocked)
                self._board.failed(self._rest_name, fault)
                await asyncio.sleep(backoff.next_delay_s())
                continue
            self._is_refused = False
            self._board.heard(self._rest_name)
            # Its own list is watched only where the first venue never gave one.
            watched = () if self._first_instruments() else self._served
            await self._writer.insist(
                lambda specs=specs, watched=watched: catalogue_sync(  # type: ignore[misc]
                    specs, venue_code=code, symbols=watched
                )
            )
            symbols = [spec.symbol for spec in specs]
            return await self._writer.insist(lambda symbols=symbols: instruments_of(code, symbols))  # type: ignore[misc]

    def _counters(self) -> dict[str, int]:
        counted = {} if self._stream is None else dict(self._stream.counters)
        return {**counted, **({} if self._feed is None else self._feed.counters())}

    def _weighed(self, report: SourceReport) -> SourceReport:
        budget = self.source.rest.budget
        return replace(report, weight_used=budget.used, weight_limit=budget.limit)

    def _tell_standby(self) -> None:
        sentence = "waits until the sources before it are away"
        self._board.tell(self._stream_name, State.STANDBY, sentence)
        self._board.tell(self._rest_name, State.STANDBY, sentence)
