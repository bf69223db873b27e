"""A stream of a market with hours that wants a sign-in and answers what it is asked."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from markets.providers.base import StreamHandler, StreamState
from markets.providers.connection import Connection, Limits
from markets.providers.stock_frames import Frame, FrameError
from markets.providers.supervised import SupervisedStream, received_now

# One connection a key is allowed, so none is opened before the old one ended.
NEVER_S = 10 * 365 * 86_400.0
CONNECTION_LIMIT_S = 30.0
AUTH_WAIT_S = 3_600.0
PLAN_WAIT_S = 6 * 3_600.0
# A greeting asks up to so many questions; each may take its share of the time.
ANSWERS = 6


def always_open() -> bool:
    """Tell that the market has no hours."""
    return True


def limits_of(silence_s: float = 90.0) -> Limits:
    """Return the patience with a market whose minute bars come once a minute."""
    return Limits(
        silence_s=silence_s,
        greet_s=30.0,
        ping_s=20.0,
        refresh_s=NEVER_S,
        control_gap_s=0.05,
        backoff_base_s=1.0,
    )


class SignedInStream(SupervisedStream):
    """What the streams of stocks share: questions with answers, hours, what was refused.

    Parameters
    ----------
    is_open : callable
        Tells whether the market trades now. While it does not, silence is normal; that the
        connection lives is then known from its pongs.

    Attributes
    ----------
    subscribed : frozenset of str
        What the venue said that it sends.
    refused : dict
        What it refused or what was not asked for, with the reason.
    """

    has_hours = True
    # How a stream is written, channel first, and the channels of quotes and trades.
    separator: str
    quotes_channel: str
    trades_channel: str

    def __init__(
        self,
        url: str,
        streams: Sequence[str],
        handler: StreamHandler,
        *,
        is_open: Callable[[], bool] = always_open,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(url, streams, handler, limits=limits or limits_of())
        self.subscribed: frozenset[str] = frozenset()
        self.refused: dict[str, str] = {}
        self.counters |= dict.fromkeys(("bad_rows", "one_sided_quotes", "refused_streams"), 0)
        self._is_open = is_open
        self._answers: WeakKeyDictionary[Connection, asyncio.Queue[Any]] = WeakKeyDictionary()
        self._asking = asyncio.Lock()

    @abstractmethod
    async def _sign_in(self, connection: Connection) -> None:
        """Say who we are and wait until the venue accepted it."""

    @abstractmethod
    async def _subscribe(self, connection: Connection, streams: Sequence[str]) -> None:
        """Ask for streams and note in `subscribed` and `refused` what came of it."""

    @abstractmethod
    async def _unsubscribe(self, connection: Connection, streams: Sequence[str]) -> None:
        """Give streams up."""

    @abstractmethod
    def _decoded(self, raw: bytes, wall_ms: int, mono_ms: int) -> Frame[Any]:
        """Return what a frame says; raises `FrameError`."""

    @abstractmethod
    def _hear(self, connection: Connection, told: Any) -> None:
        """Act on a word about the connection."""

    def _accept(self, connection: Connection, raw: bytes) -> bool:
        wall_ms, mono_ms = received_now()
        try:
            frame = self._decoded(raw, wall_ms, mono_ms)
        except FrameError as fault:
            self.drop(connection, raw, fault)
            return False
        for told in frame.controls:
            self._hear(connection, told)
        self.counters["bad_rows"] += frame.bad
        self.counters["one_sided_quotes"] += frame.one_sided
        self.counters["unknown_frames"] += frame.unknown
        if not (frame.bars or frame.quotes or frame.trades or frame.one_sided):
            return False
        self.note_valid(connection, mono_ms)
        self._hand_over(frame)
        return True

    def _hand_over(self, frame: Frame[Any]) -> None:
        for channel, bar in frame.bars:
            if self._is_wanted(channel, bar.native_id):
                self.handler.on_kline(bar)
        for quote in frame.quotes:
            if self._is_wanted(self.quotes_channel, quote.native_id):
                self.handler.on_book_ticker(quote)
        for trade in frame.trades:
            if self._is_wanted(self.trades_channel, trade.native_id):
                self.handler.on_trade(trade)

    def _is_wanted(self, channel: str, stock: str) -> bool:
        is_wanted = f"{channel}{self.separator}{stock}" in self.streams
        self.counters["unknown_frames"] += not is_wanted
        return is_wanted

    def _kept(self, streams: Sequence[str]) -> Sequence[str]:
        """Return those of the streams, the most needed first, that the plan has room for."""
        return streams

    def _is_quiet(self) -> bool:
        return not self._is_open()

    def _forget(self) -> None:
        self.subscribed = frozenset()
        self.refused = {}

    async def _greet(self, connection: Connection) -> None:
        async with self._asking:
            await self._sign_in(connection)
            await self._subscribe(connection, self.streams)
        connection.greeted()
        self._tell_subscribed()

    async def _change(self, connection: Connection, old: set[str], new: set[str]) -> None:
        async with self._asking:
            for stream in old - new:
                self.refused.pop(stream, None)
            kept = set(self._kept(self.streams))
            gone = [one for one in sorted((old | new) - kept) if one in self.subscribed]
            await self._unsubscribe(connection, gone)
            wanted = [stream for stream in self.streams if stream not in self.subscribed]
            await self._subscribe(connection, wanted)
        self._tell_subscribed()

    def _tell_subscribed(self) -> None:
        """Say what is missing, and why there are no data yet while the market is closed."""
        self.counters["refused_streams"] = len(self.refused)
        parts = [f"subscribed to {len(self.subscribed)} of {len(self.streams)} streams"]
        parts += sorted(set(self.refused.values()))
        is_waiting = self.state is not StreamState.LIVE
        if is_waiting:
            parts += [] if self._is_open() else ["the market is closed"]
            self._tell(StreamState.CONNECTING, "; ".join(parts))
        elif self.refused:
            self._tell(StreamState.LIVE, "; ".join(parts))

    def _heard(self, connection: Connection, answer: Any) -> None:
        """Keep an answer for the one who waits for it."""
        self._queue(connection).put_nowait(answer)

    async def _next_answer(self, connection: Connection) -> Any:
        """Return the venue's next answer on this connection, however long it takes."""
        return await self._queue(connection).get()

    def _in_time(self) -> asyncio.Timeout:
        """Return the time that one answer to a request may take."""
        return asyncio.timeout(self.limits.greet_s / ANSWERS)

    def _queue(self, connection: Connection) -> asyncio.Queue[Any]:
        return self._answers.setdefault(connection, asyncio.Queue())
