"""Binance's combined stream: one connection for all symbols, frames read once, nothing twice."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from markets.providers.base import (
    BookTickerEvent,
    DayEvent,
    DepthEvent,
    KlineEvent,
    StreamHandler,
    TradeEvent,
)
from markets.providers.binance.decode import INTERVALS, Control, FrameError, MarketEvent, decode
from markets.providers.connection import Broken, Connection, Limits
from markets.providers.supervised import SupervisedStream, received_now

BATCH = 200
MOST_STREAMS = 1024
NOTHING = (0, 0)


def streams_for(
    native_ids: Iterable[str], timeframe: int, *, has_depth: bool = True, has_trades: bool = True
) -> list[str]:
    """Return the stream names that give bars of `timeframe` seconds, quotes, trades and books."""
    names = []
    for native_id in native_ids:
        symbol = native_id.lower()
        names += [f"{symbol}@kline_{INTERVALS[timeframe]}", f"{symbol}@bookTicker"]
        names += [f"{symbol}@trade"] if has_trades else []
        names += [f"{symbol}@depth@100ms"] if has_depth else []
    return names


class Repeats:
    """Tells a frame that was already seen, while two connections carry the same streams.

    Each method takes one kind of event; they stand on the hot path and build nothing.
    """

    def __init__(self) -> None:
        self._trades: dict[str, int] = {}
        self._quotes: dict[str, int] = {}
        self._books: dict[str, int] = {}
        self._days: dict[str, int] = {}
        self._forming: dict[tuple[str, int], tuple[int, int]] = {}
        self._closed: dict[tuple[str, int], deque[int]] = {}

    def is_old_quote(self, event: BookTickerEvent) -> bool:
        return _is_old(self._quotes, event.native_id, event.update_id)

    def is_old_trade(self, event: TradeEvent) -> bool:
        return _is_old(self._trades, event.native_id, event.trade_id)

    def is_old_book(self, event: DepthEvent) -> bool:
        return _is_old(self._books, event.native_id, event.last_update_id)

    def is_old_day(self, event: DayEvent) -> bool:
        return _is_old(self._days, event.native_id, event.event_ms)

    def is_old_bar(self, event: KlineEvent) -> bool:
        """A close may come after the next bar's first frame, so the two are told apart."""
        key = (event.native_id, event.timeframe)
        closed = self._closed.get(key)
        if closed is not None and event.open_time in closed:
            return True
        if event.is_closed:
            self._closed.setdefault(key, deque(maxlen=8)).append(event.open_time)
            return False
        mark = (event.open_time, event.event_ms)
        if mark <= self._forming.get(key, NOTHING):
            return True
        self._forming[key] = mark
        return False


def _is_old(seen: dict[str, int], native_id: str, mark: int) -> bool:
    if mark <= seen.get(native_id, -1):
        return True
    seen[native_id] = mark
    return False


class BinanceStream(SupervisedStream):
    """Subscribed streams of Binance, such as those of `streams_for`.

    `on_day` hears the streams `<symbol>@miniTicker`, which no handler needs for trading.
    """

    provider = "binance"

    def __init__(
        self,
        url: str,
        streams: Sequence[str],
        handler: StreamHandler,
        *,
        limits: Limits | None = None,
        on_day: Callable[[DayEvent], None] | None = None,
    ) -> None:
        super().__init__(url, streams, handler, limits=limits)
        if len(self.streams) > MOST_STREAMS:
            message = f"one connection carries at most {MOST_STREAMS} streams"
            raise ValueError(message)
        self._on_day = on_day
        self._ids = itertools.count(1)
        self._waiting: WeakKeyDictionary[Connection, set[int]] = WeakKeyDictionary()
        self._forget()

    def _address(self) -> str:
        return f"{self.url}/stream"

    def _forget(self) -> None:
        repeats, handler = Repeats(), self.handler
        # By kind of event: whether it was seen already, and who takes it.
        self._takers: dict[type, tuple[Callable[[Any], bool], Callable[[Any], None]]] = {
            BookTickerEvent: (repeats.is_old_quote, handler.on_book_ticker),
            TradeEvent: (repeats.is_old_trade, handler.on_trade),
            DepthEvent: (repeats.is_old_book, handler.on_depth),
            KlineEvent: (repeats.is_old_bar, handler.on_kline),
        }
        if self._on_day is not None:
            self._takers[DayEvent] = (repeats.is_old_day, self._on_day)

    async def _greet(self, connection: Connection) -> None:
        await self._request(connection, "SUBSCRIBE", self.streams)

    async def _change(self, connection: Connection, old: set[str], new: set[str]) -> None:
        await self._request(connection, "UNSUBSCRIBE", sorted(old - new))
        await self._request(connection, "SUBSCRIBE", sorted(new - old))

    async def _request(self, connection: Connection, method: str, streams: Sequence[str]) -> None:
        """Ask in batches; the answers are awaited by `_hear`."""
        batches = list(itertools.batched(streams, BATCH))
        ids = list(itertools.islice(self._ids, len(batches)))
        self._waiting.setdefault(connection, set()).update(ids)
        for number, batch in zip(ids, batches, strict=True):
            message = {"method": method, "params": batch, "id": number}
            await connection.send(msgspec.json.encode(message).decode())

    def _accept(self, connection: Connection, raw: bytes) -> bool:
        wall_ms, mono_ms = received_now()
        try:
            event = decode(raw, wall_ms, mono_ms)
        except FrameError as fault:
            self.drop(connection, raw, fault)
            return False
        taker = self._takers.get(type(event))
        if taker is None:
            self._other(connection, event)
            return False
        self.note_valid(connection, mono_ms)
        is_old, take = taker
        if is_old(event):
            self.counters["duplicates"] += 1
        else:
            take(event)
        return True

    def _other(self, connection: Connection, event: MarketEvent | Control | None) -> None:
        if isinstance(event, Control):
            self._hear(connection, event)
        else:
            self.counters["unknown_frames"] += 1

    def _hear(self, connection: Connection, told: Control) -> None:
        """Act on what the venue says about the connection itself."""
        if told.is_shutdown:
            self.leave_soon()
            return
        if told.error is not None:
            self.counters["control_errors"] += 1
            message = f"the venue refused a request: {told.error}"
            raise Broken(message)
        waiting = self._waiting.get(connection, set())
        if isinstance(told.id, int):
            waiting.discard(told.id)
        if not waiting and not connection.is_greeted:
            connection.greeted()
