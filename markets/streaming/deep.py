"""Years of bars of some pairs, from any source that gives bars, beside whatever is live."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import connection, transaction

from markets.bars import BarArrays, bars_fault
from markets.models import Instrument
from markets.providers.base import CandleRow
from markets.services import gap_open, gap_resolve
from markets.services.blocks import blocks_pack
from markets.services.bulk import candles_bulk
from markets.services.holes import Range, bar_after, has_bar_before, ranges_missing
from markets.streaming.writer import Writer
from markets.types import Origin
from mystic.lib.backoff import Backoff
from mystic.lib.clock import now_ms
from mystic.lib.http import RateLimited, SourceError
from mystic.lib.ratelimit import Priority

log = logging.getLogger(__name__)

DAY_S = 86_400
# So many days of daily bars tell at once where a venue has anything at all.
PROBE_DAYS = 300
PAIRS_AT_ONCE = 4
MOST_TRIES = 8
PACK_AT_ONCE = 50
PACK_PAUSE_S = 0.05


@dataclass(slots=True)
class PairProgress:
    """How far one pair is: slots that are settled, bars that were stored, and since when."""

    symbol: str
    slots: int
    settled: int = 0
    bars: int = 0
    begun_s: float = field(default_factory=time.monotonic)
    fault: str = ""

    def line(self) -> str:
        took = max(time.monotonic() - self.begun_s, 1e-3)
        share = self.settled / self.slots if self.slots else 1.0
        filled = int(20 * share)
        bar = "#" * filled + "." * (20 - filled)
        left = took * (1 - share) / share if share else 0.0
        rest = f"{int(left) // 3600}:{int(left) // 60 % 60:02}:{int(left) % 60:02}"
        said = f"{self.symbol:12} [{bar}] {100 * share:5.1f} %  {self.bars:>11,} bars"
        said += f"  {self.bars / took:>9,.0f} bars/s  ETA {rest if share else 'not known'}"
        return f"{said}  {self.fault}" if self.fault else said


class DeepBackfill:
    """Fills what is missing of [since, until) for each pair, the newest hole first.

    Each page is one transaction: its bars, and what the venue lacks between them. Nothing else
    is remembered, so after a kill another run finds what is still missing and goes on. Requests
    wait behind everything live: they have the lowest priority of the source's budget.
    """

    def __init__(
        self,
        *,
        rest: Any,
        source: str,
        timeframe: int,
        page: int,
        writer: Writer,
    ) -> None:
        self._rest = rest
        self._source = source
        self._timeframe = timeframe
        self._page = page
        self._writer = writer
        self._now_at_start_s = 0
        self._turns = asyncio.Semaphore(PAIRS_AT_ONCE)
        self.progress: list[PairProgress] = []

    async def run(self, instruments: Sequence[Instrument], since: int, until: int) -> None:
        """Fill every pair; one that fails keeps its fault and holds up no other."""
        now_s = self._now_at_start_s = await self._now_s()
        frame = self._timeframe
        since, until = -(-since // frame) * frame, min(until, now_s) // frame * frame
        async with asyncio.TaskGroup() as group:
            for instrument in instruments:
                group.create_task(self._pair(instrument, since, until))
        is_packed = False
        while not is_packed:
            packed = await self._writer.insist(lambda: blocks_pack(most=PACK_AT_ONCE))
            is_packed = packed.is_all
            await asyncio.sleep(PACK_PAUSE_S)

    async def _pair(self, instrument: Instrument, since: int, until: int) -> None:
        key, frame = instrument.pk, self._timeframe
        missing = await self._writer.insist(lambda: ranges_missing(key, frame, since, until))
        slots = sum((end - start) // frame for start, end in missing)
        told = PairProgress(instrument.symbol, slots)
        self.progress.append(told)
        for one in reversed(missing):
            async with self._turns:
                try:
                    await self._range(instrument, one, told)
                except SourceError as fault:
                    told.fault = str(fault)
                    return

    async def _range(self, instrument: Instrument, wanted: Range, told: PairProgress) -> None:
        """Walk one hole from its newest end down; at every moment the rest of it is on record."""
        low, high = wanted
        key, frame = instrument.pk, self._timeframe
        await self._writer.insist(lambda: self._open(key, low, high))
        while high > low:
            begin = max(low, high - self._page * frame)
            rows = await self._ask(instrument, frame, begin, high)
            if not rows and begin > low:
                begin = await self._emptied(instrument, low, begin)
            told.bars += await self._store(key, rows, (begin, high))
            told.settled += (high - begin) // frame
            high = begin

    def _open(self, key: int, low: int, high: int) -> None:
        """Put holes on record before anything is stored beyond them."""
        frame = self._timeframe
        with transaction.atomic():
            if has_bar_before(key, frame, low):
                gap_open(instrument_id=key, timeframe=frame, start=low, end=high)
            above = bar_after(key, frame, high)
            if above is not None and ranges_missing(key, frame, high, above) == [(high, above)]:
                gap_open(instrument_id=key, timeframe=frame, start=high, end=above)

    async def _emptied(self, instrument: Instrument, low: int, high: int) -> int:
        """Return how far down the venue has nothing at all, by its daily bars; `high` if unsure."""
        end = -(-high // DAY_S) * DAY_S
        first = max(low // DAY_S * DAY_S, end - PROBE_DAYS * DAY_S)
        # A day that is not over has no daily bar yet, whatever was traded in it.
        if self._timeframe >= DAY_S or end - first < 2 * DAY_S or end > self._now_at_start_s:
            return high
        try:
            days = await self._rest.klines(
                instrument.native_id, DAY_S, first, end, PROBE_DAYS, priority=Priority.BACKFILL
            )
        except SourceError:
            return high
        newest = max((row.open_time + DAY_S for row in days), default=first)
        return min(high, max(low, newest))

    async def _ask(
        self, instrument: Instrument, frame: int, begin: int, end: int
    ) -> list[CandleRow]:
        backoff = Backoff(base_s=0.5, cap_s=60.0)
        for tries in range(MOST_TRIES):
            try:
                rows: list[CandleRow] = await self._rest.klines(
                    instrument.native_id, frame, begin, end, self._page, priority=Priority.BACKFILL
                )
            except SourceError as fault:
                if tries == MOST_TRIES - 1:
                    raise
                log.info("back-fill of %s: %s", instrument.symbol, fault)
                wait_s = fault.retry_after_s if isinstance(fault, RateLimited) else None
                await asyncio.sleep(wait_s or backoff.next_delay_s())
            else:
                return [row for row in rows if begin <= row.open_time < end]
        return []

    async def _store(self, key: int, rows: Sequence[CandleRow], span: Range) -> int:
        bars, trades = self._possible(rows)
        begun = time.monotonic()
        await self._writer.insist(lambda: self._write(key, bars, trades, span))
        if connection.vendor == "sqlite":
            # Another process that serves orders meets the file's lock at most one time in four.
            await asyncio.sleep(3 * (time.monotonic() - begun))
        return len(bars)

    def _write(self, key: int, bars: BarArrays, trades: Any, span: Range) -> None:
        frame, (begin, end) = self._timeframe, span
        edges = np.concatenate((bars.open_time, [end]))
        befores = np.concatenate(([begin], bars.open_time + frame))
        is_hole = edges > befores
        absent = zip(befores[is_hole].tolist(), edges[is_hole].tolist(), strict=True)
        with transaction.atomic():
            gap_resolve(
                instrument_id=key, timeframe=frame, start=begin, end=end, absent=list(absent)
            )
            candles_bulk(
                instrument_id=key,
                bars=bars,
                origin=Origin.BACKFILL,
                received_at_ms=now_ms(),
                trades=trades,
            )

    def _possible(self, rows: Sequence[CandleRow]) -> tuple[BarArrays, Any]:
        """Return the rows as arrays, without those that cannot be bars."""
        kept = list(rows)
        while True:
            table = [(r.open_time, r.open, r.high, r.low, r.close, r.volume) for r in kept]
            bars = BarArrays.from_rows(table, timeframe=self._timeframe, source=self._source)
            fault = bars_fault(bars) if kept else None
            if fault is None:
                return bars, np.array([row.trades for row in kept], dtype=np.int64)
            log.warning(
                "%s: a bar at %d is refused: %s", self._source, table[fault[0]][0], fault[1]
            )
            del kept[fault[0]]

    async def _now_s(self) -> int:
        told: int = await self._rest.server_time()
        return told // 1000


async def tell(work: DeepBackfill, say: Callable[[list[str]], None], every_s: float) -> None:
    """Tell the progress of all pairs every so often, for ever."""
    while True:
        await asyncio.sleep(every_s)
        say([one.line() for one in work.progress])
