"""Alpaca's data stream v2: signed in within its ten seconds, one connection a key."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from markets.providers.alpaca.decode import Control, decode
from markets.providers.base import StreamHandler
from markets.providers.connection import Broken, Connection, Limits
from markets.providers.signed_in import (
    AUTH_WAIT_S,
    CONNECTION_LIMIT_S,
    PLAN_WAIT_S,
    SignedInStream,
    always_open,
    limits_of,
)
from markets.providers.stock_frames import Frame

# In the order of need: what is asked first is kept when the plan allows no more.
CHANNELS = ("bars", "quotes", "trades", "updatedBars")
FREE_PLAN = 30
EMBARGO_S = 15 * 60.0
SYMBOL_LIMIT = 405
# What an error means: the sentence, how long to stay away, whether we were refused.
ENDINGS: dict[int, tuple[str, float, bool]] = {
    402: (
        "the key was refused; check ALPACA_API_KEY and ALPACA_API_SECRET",
        AUTH_WAIT_S,
        True,
    ),
    404: ("signing in took too long", 0.0, False),
    406: ("another connection uses this key; one is allowed", CONNECTION_LIMIT_S, False),
    407: ("we read too slowly", 0.0, False),
    409: ("the plan has no such feed; change ALPACA_FEED", PLAN_WAIT_S, True),
    410: ("this feed has no such channel; change ALPACA_FEED", PLAN_WAIT_S, True),
}


def streams_for(native_ids: Iterable[str], channels: Sequence[str] = CHANNELS[:3]) -> list[str]:
    """Return the streams of these stocks, such as `quotes:AAPL`, the most needed first."""
    stocks = list(native_ids)
    return [f"{channel}:{stock}" for channel in channels for stock in stocks]


class AlpacaStream(SignedInStream):
    """Minute bars, quotes and trades of stocks; trades do not say who was the aggressor.

    Parameters
    ----------
    streams : sequence of str
        Such as `bars:AAPL`, `quotes:AAPL`, `trades:AAPL`, `updatedBars:AAPL`.
    feed : str
        `iex` (one venue), `sip` or `delayed_sip`.
    most : int, optional
        How many streams the plan allows; by default 30 on every feed but `sip`. What is beyond is
        not asked for, because Alpaca refuses a whole message for one stream too many.
    """

    provider = "alpaca"
    separator = ":"
    quotes_channel = "quotes"
    trades_channel = "trades"

    def __init__(
        self,
        url: str,
        streams: Sequence[str],
        handler: StreamHandler,
        *,
        key: str,
        secret: str,
        feed: str = "iex",
        most: int | None = None,
        is_open: Callable[[], bool] = always_open,
        limits: Limits | None = None,
    ) -> None:
        self.is_delayed = feed == "delayed_sip"
        patience = limits_of(90.0 + EMBARGO_S) if self.is_delayed else limits_of()
        super().__init__(url, streams, handler, is_open=is_open, limits=limits or patience)
        self.most = most if most is not None or feed == "sip" else FREE_PLAN
        self._feed = feed
        self._key = key
        self._secret = secret

    def _address(self) -> str:
        return f"{self.url}/v2/{self._feed}"

    async def _sign_in(self, connection: Connection) -> None:
        await self._success(connection, "connected")
        message = {"action": "auth", "key": self._key, "secret": self._secret}
        await connection.send(msgspec.json.encode(message).decode())
        await self._success(connection, "authenticated")

    async def _success(self, connection: Connection, wanted: str) -> None:
        """Wait for one word; errors end the connection in `_accept`."""
        while (await self._next_answer(connection)).msg != wanted:
            continue

    async def _subscribe(self, connection: Connection, streams: Sequence[str]) -> None:
        """Ask channel by channel, so that a refusal of one leaves the others."""
        allowed = self._allowed(streams)
        for channel, stocks in _by_channel(allowed).items():
            answer = await self._ask(connection, "subscribe", {channel: stocks})
            if answer.T == "error":
                reason = f"Alpaca refused {len(stocks)} streams of {channel}: {answer.msg[:100]}"
                self.refused |= {f"{channel}:{stock}": reason for stock in stocks}
        for stream in allowed:
            if stream not in self.subscribed:
                self.refused.setdefault(stream, "Alpaca did not confirm a stream")

    def _kept(self, streams: Sequence[str]) -> Sequence[str]:
        return streams if self.most is None else streams[: self.most]

    def _allowed(self, streams: Sequence[str]) -> list[str]:
        room = len(streams) if self.most is None else max(0, self.most - len(self.subscribed))
        reason = f"the plan allows {self.most} streams"
        self.refused |= dict.fromkeys(streams[room:], reason)
        for stream in streams[:room]:
            self.refused.pop(stream, None)
        return list(streams[:room])

    async def _unsubscribe(self, connection: Connection, streams: Sequence[str]) -> None:
        if streams:
            await self._ask(connection, "unsubscribe", _by_channel(streams))

    async def _ask(
        self, connection: Connection, action: str, channels: dict[str, list[str]]
    ) -> Control:
        """Send a request and return the answer to it, noting the whole list it tells."""
        message: dict[str, Any] = {"action": action, **channels}
        await connection.send(msgspec.json.encode(message).decode())
        while True:
            try:
                async with self._in_time():
                    answer: Control = await self._next_answer(connection)
            except TimeoutError:
                return Control("error", msg="no answer")
            if answer.T == "subscription":
                self.subscribed = frozenset(
                    f"{channel}:{stock}"
                    for channel in CHANNELS
                    for stock in getattr(answer, channel)
                )
            if answer.T != "success":
                return answer

    def _decoded(self, raw: bytes, wall_ms: int, mono_ms: int) -> Frame[Any]:
        return decode(raw, wall_ms, mono_ms)

    def _hear(self, connection: Connection, control: Control) -> None:
        if control.T == "error":
            self.counters["control_errors"] += 1
            if control.code != SYMBOL_LIMIT:
                told = f"error {control.code}, {control.msg[:100]}"
                reason, wait_s, is_blocked = ENDINGS.get(control.code, ("refused", 0.0, False))
                message = f"Alpaca: {reason} ({told})"
                raise Broken(message, retry_after_s=wait_s, is_blocked=is_blocked)
        self._heard(connection, control)


def _by_channel(streams: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for stream in streams:
        channel, _, stock = stream.partition(":")
        found.setdefault(channel, []).append(stock)
    return found
