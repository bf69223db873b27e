"""Massive's stocks stream: one connection a key, channels by plan."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

import msgspec

from markets.providers.base import StreamHandler
from markets.providers.connection import Broken, Connection, Limits
from markets.providers.massive.decode import StatusFrame, decode
from markets.providers.signed_in import (
    AUTH_WAIT_S,
    CONNECTION_LIMIT_S,
    PLAN_WAIT_S,
    SignedInStream,
    always_open,
    limits_of,
)
from markets.providers.stock_frames import Frame

# In the order of need: minute bars, quotes, trades; seconds only where somebody asks for them.
CHANNELS = ("AM", "Q", "T", "A")
EMBARGO_S = 15 * 60.0
# Words of the connection that end it: the sentence, how long to stay away, whether refused.
ENDINGS: dict[str, tuple[str, float, bool]] = {
    "auth_failed": ("the key was refused; check MASSIVE_API_KEY", AUTH_WAIT_S, True),
    "auth_timeout": ("signing in took too long", 0.0, False),
    "max_connections": (
        "another connection uses this key; one is allowed",
        CONNECTION_LIMIT_S,
        False,
    ),
    "slow_consumer": ("we read too slowly", 0.0, False),
    "force_disconnect": ("it wants us to leave", 5.0, False),
}
# An error before the key was accepted: the free plan has no stream.
NO_STREAM = ("it lets this key have no stream", PLAN_WAIT_S, True)
CONFIRMED, GIVEN_UP = "subscribed to: ", "unsubscribed to: "


def streams_for(native_ids: Iterable[str], channels: Sequence[str] = CHANNELS[:3]) -> list[str]:
    """Return the streams of these stocks, such as `AM.AAPL`, the most needed first."""
    stocks = list(native_ids)
    return [f"{channel}.{stock}" for channel in channels for stock in stocks]


class MassiveStream(SignedInStream):
    """Bars, quotes and trades of stocks; trades do not say who was the aggressor.

    Parameters
    ----------
    url : str
        `wss://socket.massive.com`, or `wss://delayed.massive.com` for a plan that is 15 minutes
        late; `is_delayed` says which.
    streams : sequence of str
        Such as `AM.AAPL` (minutes), `A.AAPL` (seconds), `Q.AAPL`, `T.AAPL`.
    """

    provider = "massive"
    separator = "."
    quotes_channel = "Q"
    trades_channel = "T"

    def __init__(
        self,
        url: str,
        streams: Sequence[str],
        handler: StreamHandler,
        *,
        key: str,
        is_open: Callable[[], bool] = always_open,
        limits: Limits | None = None,
    ) -> None:
        self.is_delayed = (urlsplit(url).hostname or "").startswith("delayed.")
        patience = limits_of(90.0 + EMBARGO_S) if self.is_delayed else limits_of()
        super().__init__(url, streams, handler, is_open=is_open, limits=limits or patience)
        self._key = key
        self._signed_in: WeakSet[Connection] = WeakSet()

    def _address(self) -> str:
        return f"{self.url}/stocks"

    async def _sign_in(self, connection: Connection) -> None:
        await self._word(connection, "connected")
        await connection.send(_message("auth", self._key))
        await self._word(connection, "auth_success")

    async def _word(self, connection: Connection, wanted: str) -> None:
        """Wait for one status; those that end the connection do so in `_accept`."""
        while (await self._next_answer(connection)).status != wanted:
            continue

    async def _subscribe(self, connection: Connection, streams: Sequence[str]) -> None:
        """Ask channel by channel, so that one the plan lacks leaves the others."""
        for channel in dict.fromkeys(stream.partition(".")[0] for stream in streams):
            asked = [stream for stream in streams if stream.startswith(f"{channel}.")]
            await connection.send(_message("subscribe", ",".join(asked)))
            refusal = await self._confirmed(connection, asked, CONFIRMED)
            left = [stream for stream in asked if stream not in self.subscribed]
            reason = refusal or f"Massive did not confirm {len(left)} streams of {channel}"
            self.refused |= dict.fromkeys(left, reason)

    async def _unsubscribe(self, connection: Connection, streams: Sequence[str]) -> None:
        if streams:
            await connection.send(_message("unsubscribe", ",".join(streams)))
            await self._confirmed(connection, streams, GIVEN_UP)

    async def _confirmed(
        self, connection: Connection, asked: Sequence[str], words: str
    ) -> str | None:
        """Read the answers to one request; return the refusal, None without one."""
        waiting = set(asked)
        try:
            while waiting:
                async with self._in_time():
                    answer: StatusFrame = await self._next_answer(connection)
                if answer.status == "error":
                    return f"Massive refused {asked[0].partition('.')[0]}: {answer.message[:100]}"
                named = _named(answer.message, words) & waiting
                waiting -= named
                both = (self.subscribed | named, self.subscribed - named)
                self.subscribed = both[words == GIVEN_UP]
        except TimeoutError:
            return None
        return None

    def _decoded(self, raw: bytes, wall_ms: int, mono_ms: int) -> Frame[Any]:
        return decode(raw, wall_ms, mono_ms)

    def _hear(self, connection: Connection, told: StatusFrame) -> None:
        ending = ENDINGS.get(told.status)
        if told.status == "error" and connection not in self._signed_in:
            ending = NO_STREAM
        self.counters["control_errors"] += ending is not None or told.status == "error"
        if ending is not None:
            reason, wait_s, is_blocked = ending
            words = told.message.replace(self._key, "***")[:100]
            message = f"Massive: {reason} ({told.status}: {words})"
            raise Broken(message, retry_after_s=wait_s, is_blocked=is_blocked)
        if told.status == "auth_success":
            self._signed_in.add(connection)
        self._heard(connection, told)


def _message(action: str, params: str) -> str:
    return msgspec.json.encode({"action": action, "params": params}).decode()


def _named(message: str, words: str) -> set[str]:
    """Return the streams that an answer names: `subscribed to: AM.AAPL,T.AAPL`."""
    if not message.startswith(words):
        return set()
    return {name.strip() for name in message.removeprefix(words).split(",")}
