"""A stream made of requests: the newest best prices of a source without a socket of its own."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from markets.providers.base import (
    BookTickerEvent,
    StreamHandler,
    StreamState,
    TickerRow,
)
from markets.providers.supervised import received_now
from mystic.lib.backoff import Backoff
from mystic.lib.http import Blocked, SourceError

POLL_EVERY_S = 2.0
# So many failures in a row make a source that was live stale, then down.
STALE_AFTER = 2
DOWN_AFTER = 4


class TickerRest(Protocol):
    """The one request that is repeated."""

    source: str
    is_official: bool

    async def tickers(self, native_ids: Sequence[str]) -> list[TickerRow]: ...


class PolledStream:
    """Best bid and ask of these instruments, asked for again and again until it is stopped.

    A row without a bid and an ask is no quote and is left out; a size that is not told is 0, so
    that nothing is filled on it.
    """

    def __init__(
        self,
        rest: TickerRest,
        native_ids: Sequence[str],
        handler: StreamHandler,
        *,
        every_s: float = POLL_EVERY_S,
    ) -> None:
        self.source = rest.source
        self.is_official = rest.is_official
        self.state = StreamState.CONNECTING
        self.counters = {"frames": 0, "polls": 0, "failures": 0}
        self.last_message_mono_ms: int | None = None
        self._rest = rest
        self._native_ids = tuple(native_ids)
        self._handler = handler
        self._every_s = every_s
        self._failures = 0
        self._stopping = asyncio.Event()
        self._is_over = asyncio.Event()
        self._is_over.set()

    async def run(self) -> None:
        """Ask until `stop` is called, less and less often while there is no answer."""
        self._is_over.clear()
        backoff = Backoff(base_s=self._every_s, cap_s=60.0)
        try:
            while not self._stopping.is_set():
                pause_s = self._every_s
                try:
                    await self._poll()
                except SourceError as fault:
                    self._failed(fault)
                    pause_s = max(pause_s, backoff.next_delay_s())
                else:
                    backoff.succeeded()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause_s)
        finally:
            self._is_over.set()

    async def stop(self) -> None:
        """End `run`; a request that is on its way is waited for."""
        self._stopping.set()
        await self._is_over.wait()

    async def set_streams(self, streams: Sequence[str]) -> None:
        """Ask for these instruments from the next time on."""
        self._native_ids = tuple(streams)

    async def _poll(self) -> None:
        self.counters["polls"] += 1
        rows = await self._rest.tickers(self._native_ids) if self._native_ids else []
        wall_ms, mono_ms = received_now()
        quotes = [quote for row in rows if (quote := _quote(row, wall_ms, mono_ms)) is not None]
        self._failures = 0
        if quotes and self.state is not StreamState.LIVE:
            is_first = self.last_message_mono_ms is None
            self._tell(StreamState.LIVE, "answers requests")
            self._handler.on_connected(is_overlap=not is_first)
        for quote in quotes:
            self.counters["frames"] += 1
            self.last_message_mono_ms = mono_ms
            self._handler.on_book_ticker(quote)

    def _failed(self, fault: SourceError) -> None:
        self.counters["failures"] += 1
        self._failures += 1
        if isinstance(fault, Blocked):
            self._tell(StreamState.BLOCKED, str(fault))
        elif self._failures >= DOWN_AFTER:
            self._tell(StreamState.DOWN, str(fault))
        elif self._failures >= STALE_AFTER and self.state is StreamState.LIVE:
            self._tell(StreamState.STALE, str(fault))

    def _tell(self, state: StreamState, reason: str) -> None:
        self.state = state
        self._handler.on_state(state, reason)


def _quote(row: TickerRow, wall_ms: int, mono_ms: int) -> BookTickerEvent | None:
    if row.bid is None or row.ask is None or row.is_delayed:
        return None
    return BookTickerEvent(
        native_id=row.native_id,
        bid=row.bid,
        bid_size=row.bid_size or 0.0,
        ask=row.ask,
        ask_size=row.ask_size or 0.0,
        last=row.last,
        update_id=0,
        event_ms=row.as_of_ms,
        received_at_ms=wall_ms,
        received_mono_ms=mono_ms,
    )
