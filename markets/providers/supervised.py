"""A stream that keeps itself alive: back-off, and a second connection before a planned end."""

import asyncio
import logging
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from markets.providers.base import StreamHandler, StreamState, is_official, source_name
from markets.providers.connection import Connection, End, Limits
from mystic.lib.backoff import Backoff

logger = logging.getLogger(__name__)

KEPT_BYTES = 200
# What our own checks say; the words of a parser name places and would be many reasons.
PLAIN_WORDS = re.compile(r"[a-z ]{1,40}")
COUNTERS = (
    "frames",
    "bad_frames",
    "unknown_frames",
    "duplicates",
    "control_errors",
    "connects",
    "reconnects",
    "overlaps",
)


class SupervisedStream(ABC):
    """The part that all venues share; a venue says how to subscribe and how to read a frame."""

    provider: str
    has_hours = False

    def __init__(
        self,
        url: str,
        streams: Sequence[str],
        handler: StreamHandler,
        *,
        limits: Limits | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.source = source_name(self.provider, url)
        self.is_official = is_official(self.provider, url)
        self.state = StreamState.CONNECTING
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.last_message_mono_ms: int | None = None
        self.streams = tuple(dict.fromkeys(streams))
        self.handler = handler
        self.limits = limits or Limits()
        self._host = urlsplit(url).netloc.rpartition("@")[2]
        self._current: Connection | None = None
        self._next: Connection | None = None
        self._is_stopping = False
        self._is_leaving = False
        self._failures = 0
        self._not_before = 0.0
        self._opened_at = 0.0
        self._ready_at: float | None = None
        self._wake = asyncio.Event()
        self._is_over = asyncio.Event()
        self._is_over.set()
        self._reason = ""
        self._closing: set[asyncio.Task[None]] = set()
        self._backoff = Backoff(self.limits.backoff_base_s, self.limits.backoff_cap_s)

    @abstractmethod
    async def _greet(self, connection: Connection) -> None:
        """Subscribe to `streams` on a fresh connection."""

    @abstractmethod
    async def _change(self, connection: Connection, old: set[str], new: set[str]) -> None:
        """Tell an open connection what is wanted now."""

    @abstractmethod
    def _accept(self, connection: Connection, raw: bytes) -> bool:
        """Read one frame, call the handler, and return whether it was valid market data."""

    @abstractmethod
    def _forget(self) -> None:
        """Drop what is known of earlier frames: a connection starts that overlaps with none."""

    def _address(self) -> str:
        return self.url

    def _is_quiet(self) -> bool:
        """Tell whether silence is normal now, as while a market is closed."""
        return False

    async def run(self) -> None:
        """Stay connected, calling the handler, until `stop` is called."""
        self._is_over.clear()
        loop = asyncio.get_running_loop()
        try:
            while not self._is_stopping:
                self._wake.clear()
                due = self._tend(loop.time())
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), max(0.0, due - loop.time()))
        finally:
            await self._close_all()
            self._is_over.set()

    async def stop(self) -> None:
        """End `run` and close the connection."""
        self._is_stopping = True
        self._wake.set()
        await self._is_over.wait()

    async def set_streams(self, streams: Sequence[str]) -> None:
        """Change what is subscribed to, without a reconnect."""
        old, new = set(self.streams), set(streams)
        self.streams = tuple(dict.fromkeys(streams))
        for connection in (self._current, self._next):
            if connection is not None and connection.is_greeted and old != new:
                await self._change(connection, old, new)

    def drop(self, connection: Connection, raw: bytes, fault: Exception) -> None:
        """Count a frame that cannot be used, and tell who keeps such; too many end the connection.

        The handler hears its reason in a few fixed words, `unreadable` for what is no such frame.
        """
        self.counters["bad_frames"] += 1
        keep = getattr(self.handler, "on_bad_frame", None)
        if keep is not None:
            text = str(fault)
            reason = text.replace(" ", "_") if PLAIN_WORDS.fullmatch(text) else "unreadable"
            keep(reason, raw[:KEPT_BYTES])
        connection.note_bad()

    def leave_soon(self) -> None:
        """Open a second connection at once: this one was announced to end."""
        self._is_leaving = True
        self._wake.set()

    def note_valid(self, connection: Connection, received_mono_ms: int) -> None:
        """Hear, before the handler does, that `connection` gave valid data."""
        self.counters["frames"] += 1
        self.last_message_mono_ms = received_mono_ms
        if connection.is_live:
            return
        is_overlap = connection is not self._current
        self._tell(StreamState.LIVE, f"data from {self._host}")
        self.handler.on_connected(is_overlap=is_overlap)

    def _tend(self, now: float) -> float:
        """Do what is due and return when to look again (loop time)."""
        self._drop_ended(now)
        self._take_over(now)
        current = self._current
        if current is None:
            if now < self._not_before:
                return self._not_before
            self._forget()
            self._current = self._open()
            return now + 3600
        if current.is_live and now - current.live_since >= self.limits.healthy_s:
            self._backoff.succeeded()
            self._failures = 0
        return self._plan_successor(current, now)

    def _plan_successor(self, current: Connection, now: float) -> float:
        """Open the second connection when the first grows old; return when to look again."""
        if not current.is_live:
            return now + 3600
        if self._next is not None:
            return now + self.limits.linger_s if self._next.is_ready else now + 3600
        due = now if self._is_leaving else current.live_since + self.limits.refresh_s
        due = max(due, self._not_before)
        if due > now:
            healthy_at = current.live_since + self.limits.healthy_s
            return min(due, healthy_at) if healthy_at > now else due
        self.counters["overlaps"] += 1
        self._next = self._open()
        return now + 3600

    def _take_over(self, now: float) -> None:
        """Let the second connection replace the first once both have run for a moment."""
        successor = self._next
        if successor is None or not successor.is_ready:
            self._ready_at = None
            return
        self._ready_at = self._ready_at or now
        if self._current is not None and now - self._ready_at < self.limits.linger_s:
            return
        old, self._current, self._next = self._current, successor, None
        self._is_leaving = False
        self._ready_at = None
        if old is not None:
            self._retire(old)

    def _drop_ended(self, now: float) -> None:
        if self._next is not None and self._next.end is not None:
            self._fail(self._next, now, is_visible=False)
            self._next = None
        if self._current is not None and self._current.end is not None:
            ended, self._current = self._current, self._next
            self._next = None
            self._is_leaving = False
            self.counters["reconnects"] += 1
            if self._current is not None and not self._current.is_live:
                self._forget()
            self._fail(ended, now, is_visible=self._current is None)

    def _fail(self, connection: Connection, now: float, *, is_visible: bool) -> None:
        """Book the end of a connection: when to try again and what to tell."""
        end = connection.end or End("closed")
        if connection.task.done() and not connection.task.cancelled():
            fault = connection.task.exception()
            if fault is not None:
                logger.error("a stream handler failed", exc_info=fault)
                end = End("a fault of our own; see the log")
        self._failures += 1
        wait_s = max(self._backoff.next_delay_s(), end.retry_after_s)
        self._not_before = max(now + wait_s, self._opened_at + self.limits.connect_gap_s)
        if is_visible:
            self._tell(self._state_after(end, connection), f"{end.reason}; again in {wait_s:.1f} s")

    def _state_after(self, end: End, connection: Connection) -> StreamState:
        if end.is_blocked:
            return StreamState.BLOCKED
        if self._failures >= self.limits.down_after:
            return StreamState.DOWN
        return StreamState.STALE if connection.is_live else StreamState.CONNECTING

    def _open(self) -> Connection:
        self.counters["connects"] += 1
        self._opened_at = asyncio.get_running_loop().time()
        if self._current is None and self.state not in {StreamState.DOWN, StreamState.BLOCKED}:
            self._tell(StreamState.CONNECTING, f"connecting to {self._host}")
        return Connection(
            self._address(),
            self.limits,
            accept=self._accept,
            greet=self._greet,
            changed=self._wake.set,
            is_quiet=self._is_quiet if self.has_hours else None,
        )

    def _retire(self, connection: Connection) -> None:
        closing = asyncio.create_task(connection.close(), name="retire connection")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _close_all(self) -> None:
        left = [c for c in (self._current, self._next) if c is not None]
        self._current = self._next = None
        await asyncio.gather(*(c.close() for c in left), *self._closing)

    def _tell(self, state: StreamState, reason: str) -> None:
        if (state, reason) != (self.state, self._reason):
            self.state, self._reason = state, reason
            self.handler.on_state(state, reason)


def received_now() -> tuple[int, int]:
    """Return the wall and the monotonic clock in milliseconds, as every event carries them."""
    return time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000
