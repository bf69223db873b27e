"""One WebSocket connection of a source: opened, greeted, read, watched from the first moment."""

import asyncio
import logging
import math
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSInvalidStatusError,
    WSListener,
    WSMsgType,
    WSProtocolError,
    WSTransport,
    ws_connect,
)

from mystic.lib.http import retry_after_s

# What a frame or a header carries, a key perhaps, is never logged; ends are told by `End`.
wire_logger = logging.getLogger(f"{__name__}.wire")
wire_logger.setLevel(logging.CRITICAL + 1)
# A tuple: its test compares, where a set would first compute what an enum hashes to.
WHOLE = (WSMsgType.TEXT, WSMsgType.BINARY)
LARGEST_MESSAGE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient a stream is; all in seconds but the counts.

    Attributes
    ----------
    silence_s : float
        A connection without valid data for so long is given up, from the moment of connecting.
    refresh_s : float
        Age at which a second connection takes over, before the venue cuts the first.
    linger_s : float
        How long the old connection is still read after the new one is complete.
    healthy_s : float
        How long data must have come before the back-off starts again from its base.
    greet_s : float
        How long signing in and subscribing may take; without it `silence_s` counts from the start.
    ping_s : float, optional
        How often we ping, and how long we wait for the pong; None where the venue pings.
    """

    silence_s: float = 10.0
    refresh_s: float = 23 * 3600.0
    linger_s: float = 1.0
    healthy_s: float = 10.0
    control_gap_s: float = 0.4
    connect_gap_s: float = 1.0
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 30.0
    blocked_s: float = 900.0
    bad_frames: int = 5
    bad_window_s: float = 10.0
    down_after: int = 3
    greet_s: float = math.inf
    ping_s: float | None = None


class Broken(Exception):  # noqa: N818  not an error of ours: the connection is to be replaced
    """Raised inside a connection to give it up; the message is shown to people.

    `retry_after_s` is how long the venue is then left alone; `is_blocked` when it refused us.
    """

    def __init__(
        self, message: str, *, retry_after_s: float = 0.0, is_blocked: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.is_blocked = is_blocked


@dataclass(frozen=True, slots=True)
class End:
    """Why a connection is over, and how long the venue wants to be left alone."""

    reason: str
    retry_after_s: float = 0.0
    is_blocked: bool = False


def _end_of(fault: Exception, limits: Limits) -> End:
    """Say in a few words what ended a connection."""
    if isinstance(fault, WSInvalidStatusError) and fault.response is not None:
        status = int(fault.response.status)
        wait_s = retry_after_s(lower_case(fault.response.headers), wall_s=time.time()) or 0.0
        if status in {403, 451}:
            return End(
                f"refused with HTTP {status}", max(wait_s, limits.blocked_s), is_blocked=True
            )
        return End(f"refused with HTTP {status}", wait_s)
    if isinstance(fault, ssl.SSLError):
        return End("no valid certificate")
    if isinstance(fault, TimeoutError):
        return End(f"no data for {limits.silence_s:g} s")
    if isinstance(fault, Broken):
        return End(str(fault), fault.retry_after_s, is_blocked=fault.is_blocked)
    if isinstance(fault, WSProtocolError):
        return End("closed: the other side broke the protocol")
    return End(f"cannot connect: {type(fault).__name__}")


def lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class _Listener(WSListener):
    """Puts fragments together and hands whole messages over, where the bytes arrive.

    What `take` raises ends the connection and comes out of `wait_disconnected`.
    """

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self.close_code = 1006
        self._take = take
        self._parts = bytearray()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind in WHOLE and frame.fin:
            self._take(frame.get_payload_as_bytes())
        elif kind in WHOLE or kind == WSMsgType.CONTINUATION:
            self._parts += frame.get_payload_as_bytes()
            if len(self._parts) > LARGEST_MESSAGE:
                message = f"a message of more than {LARGEST_MESSAGE} bytes"
                raise Broken(message)
            if frame.fin:
                whole, self._parts = bytes(self._parts), bytearray()
                self._take(whole)
        elif kind == WSMsgType.CLOSE:
            self.close_code = frame.get_close_code().value
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()


class Connection:
    """A connection that ends for exactly one reason, told in `end`.

    Parameters
    ----------
    accept : callable
        Takes one raw frame and returns whether it was valid market data.
    greet : callable
        Subscribes; it may be awaited while frames already arrive.
    changed : callable
        Called when `is_live`, `is_ready` or `end` changed.
    is_quiet : callable, optional
        Tells that silence is normal now, as while a market is closed.
    """

    def __init__(
        self,
        url: str,
        limits: Limits,
        *,
        accept: Callable[["Connection", bytes], bool],
        greet: Callable[["Connection"], Awaitable[None]],
        changed: Callable[[], None],
        is_quiet: Callable[[], bool] | None = None,
    ) -> None:
        self.url = url
        self.end: End | None = None
        self.is_live = False
        self.is_greeted = False
        self.live_since = 0.0
        self._limits = limits
        self._accept = accept
        self._greet = greet
        self._changed = changed
        self._is_quiet = is_quiet
        self._socket: WSTransport | None = None
        self._patience: asyncio.Timeout | None = None
        self._renew_at = 0.0
        self._bad: deque[float] = deque(maxlen=limits.bad_frames)
        self._sending = asyncio.Lock()
        self._may_send_at = 0.0
        self._loop = asyncio.get_running_loop()
        self.task = asyncio.create_task(self._run(), name=f"connection {urlsplit(url).netloc}")

    @property
    def is_ready(self) -> bool:
        """Whether every subscription was accepted and data flow."""
        return self.is_live and self.is_greeted

    async def send(self, text: str) -> None:
        """Send one control message, never faster than the venue allows."""
        async with self._sending:
            await asyncio.sleep(max(0.0, self._may_send_at - self._loop.time()))
            self._may_send_at = self._loop.time() + self._limits.control_gap_s
            if self._socket is not None and not self._socket.is_disconnected:
                self._socket.send(WSMsgType.TEXT, text.encode())

    def note_bad(self) -> None:
        """Count one unusable frame and give the connection up when too many came at once."""
        now = self._loop.time()
        self._bad.append(now)
        is_full = len(self._bad) == self._limits.bad_frames
        if is_full and now - self._bad[0] <= self._limits.bad_window_s:
            message = f"{len(self._bad)} unusable frames in {self._limits.bad_window_s:g} s"
            raise Broken(message)

    def greeted(self) -> None:
        self.is_greeted = True
        self._changed()

    async def close(self) -> None:
        """Close politely, within a second, and wait for the end."""
        if self._socket is not None and not self._socket.is_disconnected:
            self._socket.send_close(WSCloseCode.OK)
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await asyncio.wait({self.task})
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    async def _run(self) -> None:
        try:
            await self._live()
        except (OSError, TimeoutError, WSError, Broken) as fault:
            is_hasty = self._limits.greet_s < self._limits.silence_s and not self.is_greeted
            if isinstance(fault, TimeoutError) and is_hasty:
                self.end = End(f"not signed in within {self._limits.greet_s:g} s")
            else:
                self.end = _end_of(fault, self._limits)
        finally:
            self.end = self.end or End("closed")
            if self._socket is not None:
                self._socket.disconnect(graceful=False)
            self._changed()

    async def _live(self) -> None:
        """Connect, greet and read, all under the one watchdog."""
        first_s = min(self._limits.silence_s, self._limits.greet_s)
        async with asyncio.timeout(first_s) as patience:
            self._patience = patience
            listener = _Listener(self._take)
            self._socket, _ = await ws_connect(
                lambda: listener,
                self.url,
                disconnect_on_exception=True,
                websocket_handshake_timeout=None,
                logger_name=wire_logger,
                enable_auto_ping=self._limits.ping_s is not None,
                auto_ping_idle_timeout=self._limits.ping_s or 10.0,
                auto_ping_reply_timeout=self._limits.ping_s or 10.0,
                enable_auto_pong=True,
                max_frame_size=LARGEST_MESSAGE,
                max_redirects=0,
                extra_headers={"User-Agent": "Mystic"},
            )
            greeting = asyncio.create_task(self._greet_then_tell(patience))
            try:
                await self._socket.wait_disconnected()
            finally:
                greeting.cancel()
        self.end = End(f"closed by the other side ({listener.close_code})")

    async def _greet_then_tell(self, patience: asyncio.Timeout) -> None:
        await self._greet(self)
        if not self.is_greeted:
            return
        if self._limits.greet_s < math.inf and not patience.expired():
            patience.reschedule(self._loop.time() + self._limits.silence_s)
        while self._is_quiet is not None:
            await asyncio.sleep(self._limits.silence_s / 4)
            if self._is_quiet() and not patience.expired():
                patience.reschedule(self._loop.time() + self._limits.silence_s)

    def _take(self, raw: bytes) -> None:
        """Read one frame; a valid one renews the patience, at most four times a second."""
        if not self._accept(self, raw):
            return
        now = self._loop.time()
        if not self.is_live:
            self.is_live = True
            self.live_since = now
            self._changed()
        if now >= self._renew_at and self._patience is not None and not self._patience.expired():
            self._patience.reschedule(now + self._limits.silence_s)
            self._renew_at = now + min(0.25, self._limits.silence_s / 4)
