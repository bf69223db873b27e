"""Whole series: the gate of each instrument, and what REST must answer before it opens."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from markets.bars import SeriesGate, Verdict
from markets.models import Instrument
from markets.providers.base import CandleRow, KlineEvent, MarketRest
from markets.quality import Refusals, bar_fault
from markets.quotes import store
from markets.selectors import Extent, series_extent
from markets.services.quarantine import quarantine
from markets.streaming.board import Board
from markets.streaming.sealing import Note, Sealing, notes_write
from markets.streaming.venue_clock import VenueClock
from markets.streaming.writer import Writer
from markets.types import Bar, Origin
from mystic.lib.backoff import Backoff
from mystic.lib.clock import monotonic_ms, now_ms
from mystic.lib.http import SourceError
from mystic.lib.ratelimit import Priority

log = logging.getLogger(__name__)

# A series that is further behind begins anew at the newest bars; the hole is filled from there.
LONGEST_CATCH_UP = 1_500
# A bar that the venue's clock says is over may still be on its way.
GRACE_S = 3.0
LONGEST_GRACE_S = 30.0
# A slot without a bar is believed to be empty once it is over for a bar's length, at least this.
LEAST_SETTLE_S = 10
# A bar beyond the venue's clock makes us ask for that clock, at most this often.
DOUBT_PAUSE_S = 5.0
# Between two questions for a slot that the venue may still be about to fill.
PAUSE_S = 0.6
REQUESTS_AT_ONCE = 4


@dataclass(slots=True, eq=False)
class Series:
    """One instrument's series while it is streamed.

    `start` is where the whole part in the store begins; a series without a gate is being seeded,
    and bars that close meanwhile wait in `early`.
    """

    instrument: Instrument
    gate: SeriesGate | None = None
    start: int | None = None
    bottom: int | None = None
    early: list[Bar] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    is_catch_up_wanted: bool = False
    due_since_ms: int | None = None
    grace_s: float = GRACE_S
    is_doubted: bool = False
    doubt_again_ms: int = 0


class SeriesKeeper:
    """Keeps the closed bars of many instruments of one venue without hole, double or disorder.

    All methods belong to one event loop.
    """

    def __init__(
        self,
        *,
        rest: MarketRest,
        timeframe: int,
        writer: Writer,
        sealing: Sealing,
        board: Board,
        clock: VenueClock,
        page: int,
        source: str,
    ) -> None:
        self.rest = rest
        self.timeframe = timeframe
        self.page = page
        self.clock = clock
        self.series: dict[int, Series] = {}
        self.refusals = Refusals(source, quarantine.note)
        self.counts = dict.fromkeys(
            ("sealed", "bar_duplicates", "late_bars", "gaps", "absent_slots"), 0
        )
        self.on_seeded: Callable[[], None] = lambda: None
        self.on_rewound: Callable[[], None] = lambda: None
        self._writer = writer
        self._sealing = sealing
        self._board = board
        self._source = source
        self._turns = asyncio.Semaphore(REQUESTS_AT_ONCE)

    def add(self, instruments: Iterable[Instrument]) -> None:
        """Begin to keep the series of these instruments."""
        for instrument in instruments:
            store.put_symbols({instrument.pk: instrument.symbol})
            if instrument.pk not in self.series:
                one = self.series[instrument.pk] = Series(instrument)
                self._ensure(one)

    def remove(self, instrument_id: int) -> None:
        """Stop keeping a series; what is stored stays, and `add` goes on from there."""
        one = self.series.pop(instrument_id, None)
        if one is not None and one.task is not None:
            one.task.cancel()

    def on_kline(self, instrument_id: int, event: KlineEvent) -> None:
        """Take a bar that the stream calls closed."""
        bar = Bar(
            instrument_id,
            event.timeframe,
            event.open_time,
            event.open,
            event.high,
            event.low,
            event.close,
            event.volume,
            event.trades,
            self._source,
            Origin.LIVE,
            event.received_at_ms,
        )
        fault = bar_fault(bar, venue_now=self.clock.now_s())
        if fault is None and bar.timeframe != self.timeframe:
            fault = "wrong_timeframe"
        one = self.series[instrument_id]
        if fault is not None:
            self.refusals.add(fault, kind="bar", instrument_id=instrument_id, sample=event)
            one.is_doubted |= fault == "in_the_future"
            return
        if one.gate is None:
            one.early.append(bar)
        else:
            self._offer(one, one.gate, bar)

    def catch_up_all(self) -> None:
        """Ask REST for what may have closed unseen: after every reconnect."""
        for one in self.series.values():
            one.is_catch_up_wanted = True
            self._ensure(one)

    def tick(self) -> None:
        """Ask REST for bars that should have closed by now; call it about once a second."""
        venue_s = self.clock.now_s()
        if venue_s is None:
            return
        mono_ms = monotonic_ms()
        for one in self.series.values():
            gate = one.gate
            if gate is None or gate.next_expected is None:
                continue
            if one.is_doubted and mono_ms >= one.doubt_again_ms:
                # Either the bar is impossible, or frames that would have told the time were missed.
                one.is_doubted, one.doubt_again_ms = False, mono_ms + int(DOUBT_PAUSE_S * 1000)
                one.is_catch_up_wanted = True
                self._ensure(one)
            if venue_s < gate.next_expected + self.timeframe:
                one.due_since_ms, one.grace_s = None, GRACE_S
            elif one.due_since_ms is None:
                one.due_since_ms = mono_ms
            elif mono_ms - one.due_since_ms >= one.grace_s * 1000:
                one.due_since_ms, one.grace_s = mono_ms, min(one.grace_s * 2, LONGEST_GRACE_S)
                one.is_catch_up_wanted = True
                self._ensure(one)

    async def stop(self) -> None:
        tasks = [one.task for one in self.series.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ask(
        self,
        instrument: Instrument,
        start: int | None,
        end: int | None,
        limit: int,
        priority: Priority,
    ) -> list[Bar]:
        """Return the venue's closed bars that pass the quality check, oldest first.

        Raises
        ------
        SourceError
            If the venue did not answer; the board knows.
        """
        try:
            async with self._turns:
                rows = await self.rest.klines(
                    instrument.native_id, self.timeframe, start, end, limit, priority=priority
                )
        except SourceError as fault:
            self._board.failed(f"{self._source}:rest", fault)
            raise
        self._board.heard(f"{self._source}:rest")
        return self._bars(instrument.pk, rows)

    async def venue_now(self) -> int:
        """Return the venue's clock in epoch seconds, as REST tells it."""
        try:
            server_ms = await self.rest.server_time()
        except SourceError as fault:
            self._board.failed(f"{self._source}:rest", fault)
            raise
        self.clock.set(server_ms)
        return server_ms // 1000

    async def write(self, notes: Sequence[Note]) -> None:
        """Write history, without telling anyone, after what the gates sealed before.

        Else a bar that waits to be told would be known already when its turn comes.
        """
        await self._sealing.drained()
        await self._writer.insist(lambda: notes_write(notes, is_announced=False))

    def _bars(self, instrument_id: int, rows: Iterable[CandleRow]) -> list[Bar]:
        received = now_ms()
        bars = []
        for row in rows:
            bar = Bar(
                instrument_id,
                self.timeframe,
                row.open_time,
                row.open,
                row.high,
                row.low,
                row.close,
                row.volume,
                row.trades,
                self._source,
                Origin.BACKFILL,
                received,
            )
            fault = bar_fault(bar)
            if fault is None:
                bars.append(bar)
            else:
                self.refusals.add(fault, kind="bar", instrument_id=instrument_id, sample=row)
        return bars

    def _ensure(self, one: Series) -> None:
        if one.task is None or one.task.done():
            name = f"series {one.instrument.symbol}"
            one.task = asyncio.get_running_loop().create_task(self._work(one), name=name)

    async def _work(self, one: Series) -> None:
        """Do what a series needs from REST, trying again for ever, until it needs nothing."""
        backoff = Backoff(base_s=0.5, cap_s=30.0)
        while True:
            try:
                if one.gate is None:
                    await self._seed(one)
                elif one.is_catch_up_wanted or one.gate.missing is not None:
                    await self._catch_up(one, one.gate)
                else:
                    return
            except SourceError as fault:
                log.info("%s: %s", one.instrument.symbol, fault)
                await asyncio.sleep(backoff.next_delay_s())
            except Exception:
                log.exception("the series of %s could not go on, again", one.instrument.symbol)
                await asyncio.sleep(backoff.next_delay_s())
            else:
                backoff.succeeded()

    async def _seed(self, one: Series) -> None:
        """Find where the stored series ends; store the newest page if it is far behind or new."""
        key = one.instrument.pk
        extent = await self._writer.insist(lambda: series_extent(key, self.timeframe))
        if extent is not None:
            venue_s = await self.venue_now()
            if venue_s - extent.through <= LONGEST_CATCH_UP * self.timeframe:
                self._open_gate(one, extent)
                return
        bars = await self.ask(one.instrument, None, None, self.page, Priority.CHART)
        if extent is not None:
            bars = [bar for bar in bars if bar.open_time >= extent.through]
        if bars:
            await self.write([self._first_page(one, bars, extent)])
            extent = await self._writer.insist(lambda: series_extent(key, self.timeframe))
        self._open_gate(one, extent)

    def _first_page(self, one: Series, bars: Sequence[Bar], extent: Extent | None) -> Note:
        first, last = bars[0].open_time, bars[-1].close_time
        gate = SeriesGate(self.timeframe, first)
        filling = gate.fill(bars, last)
        note = Note.of_filling(one.instrument.pk, self.timeframe, filling, (first, last))
        if extent is not None and first > extent.through:
            note.opened = (extent.through, first)
        return note

    def _open_gate(self, one: Series, extent: Extent | None) -> None:
        through = None if extent is None else extent.through
        one.gate = SeriesGate(self.timeframe, through)
        if extent is not None:
            one.start, one.bottom = extent.start, extent.bottom
        one.is_catch_up_wanted = through is not None
        early, one.early = one.early, []
        for bar in early:
            self._offer(one, one.gate, bar)
        self.on_seeded()

    def _offer(self, one: Series, gate: SeriesGate, bar: Bar) -> None:
        is_holed = gate.missing is not None
        answer = gate.offer(bar)
        key = one.instrument.pk
        if answer.verdict is Verdict.DUPLICATE:
            self.counts["bar_duplicates"] += 1
        if answer.older is not None:
            self.counts["late_bars"] += 1
            self._sealing.put(Note(key, self.timeframe, late=[answer.older]))
        if answer.sealed:
            one.start = answer.sealed[0].open_time if one.start is None else one.start
            self.counts["sealed"] += len(answer.sealed)
            # A hole that the stream itself closed late is on record as open: it is answered.
            span = (answer.sealed[0].open_time, answer.sealed[-1].close_time)
            answered = span if is_holed else None
            self._sealing.put(Note(key, self.timeframe, sealed=answer.sealed, answered=answered))
        if answer.missing is not None:
            self.counts["gaps"] += 1
            self._sealing.put(Note(key, self.timeframe, opened=answer.missing))
            self._ensure(one)

    async def _catch_up(self, one: Series, gate: SeriesGate) -> None:
        """Ask for every bar that closed by the venue's own clock."""
        one.is_catch_up_wanted = False
        try:
            suspects = gate.waiting_times()
            venue_s = await self.venue_now()
            begin = gate.next_expected
            if begin is None:
                return
            if venue_s < begin - self.timeframe:
                self.on_rewound()
                return
            through = venue_s // self.timeframe * self.timeframe
            self._drop_future(one, gate, suspects, through)
            # Newer slots may be late at the venue; older ones without a bar are absent.
            settled = (venue_s - max(self.timeframe, LEAST_SETTLE_S)) // self.timeframe
            await self._pages(one, gate, through, settled * self.timeframe)
        except SourceError:
            one.is_catch_up_wanted = True
            raise
        if gate.missing is not None:
            await asyncio.sleep(PAUSE_S)

    async def _pages(self, one: Series, gate: SeriesGate, through: int, settled: int) -> None:
        """Ask page by page up to `through`; slots before `settled` without a bar are absent."""
        begin = gate.next_expected
        while begin is not None and begin < through:
            end = min(through, begin + self.page * self.timeframe)
            bars = await self.ask(one.instrument, begin, end, self.page, Priority.LIVE)
            last = bars[-1].close_time if bars else begin
            self._take(one, gate, bars, max(last, min(end, settled)))
            if gate.next_expected == begin:
                return
            begin = gate.next_expected

    def _drop_future(
        self, one: Series, gate: SeriesGate, suspects: Sequence[int], through: int
    ) -> None:
        """Forget bars that waited before the venue told its time, and close after that time."""
        wrong = [time for time in suspects if time >= through]
        if not wrong:
            return
        gate.forget_waiting(wrong)
        self.refusals.counts["refused_in_the_future"] += len(wrong)
        self._sealing.put(Note(one.instrument.pk, self.timeframe, withdrawn=through))
        log.warning("%s: %d bars from the future were dropped", one.instrument.symbol, len(wrong))

    def _take(self, one: Series, gate: SeriesGate, bars: Sequence[Bar], through: int) -> None:
        """Let the gate have an answer, and write what it gives."""
        begin = gate.next_expected
        if begin is None or through <= begin:
            return
        filling = gate.fill(bars, through)
        self.counts["sealed"] += len(filling.sealed)
        self.counts["absent_slots"] += sum(
            (end - start) // self.timeframe for start, end in filling.absent
        )
        note = Note.of_filling(one.instrument.pk, self.timeframe, filling, (begin, through))
        self._sealing.put(note)
