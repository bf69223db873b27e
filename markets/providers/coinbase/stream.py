"""Coinbase's market feed: heartbeats keep it open, a jump in its count means a lost frame."""

from collections.abc import Iterable, Sequence

import msgspec

from markets.providers.base import DepthEvent, StreamHandler
from markets.providers.coinbase.decode import Frame, FrameError, decode
from markets.providers.coinbase.jwt import Key
from markets.providers.connection import Broken, Connection, Limits
from markets.providers.supervised import SupervisedStream, received_now

CHANNELS = ("heartbeats", "ticker", "market_trades", "level2")


def streams_for(native_ids: Iterable[str]) -> list[str]:
    """Return the subscriptions of these products: Coinbase's streams are its product ids."""
    return list(native_ids)


class CoinbaseStream(SupervisedStream):
    """Quotes, trades and books of products such as BTC-USDT; Coinbase streams no one-minute bars.

    With a key every request carries a fresh token, which the venue calls more reliable.
    """

    provider = "coinbase"

    def __init__(
        self,
        url: str,
        streams: Sequence[str],
        handler: StreamHandler,
        *,
        limits: Limits | None = None,
        key: Key | None = None,
    ) -> None:
        super().__init__(url, streams, handler, limits=limits or Limits(control_gap_s=0.2))
        self._key = key
        self._last_trades: dict[str, int] = {}
        # While two connections overlap, a book goes on with the one that told it whole last.
        self._books: dict[str, Connection] = {}
        self._sequences: dict[Connection, int] = {}

    def _forget(self) -> None:
        self._last_trades = {}
        self._sequences = {}
        self._books = {}

    async def _greet(self, connection: Connection) -> None:
        """Subscribe within the five seconds that the venue allows; heartbeats come first."""
        await connection.send(self._message("subscribe", "heartbeats", ()))
        await self._ask(connection, "subscribe", self.streams)
        connection.greeted()

    async def _change(self, connection: Connection, old: set[str], new: set[str]) -> None:
        await self._ask(connection, "unsubscribe", sorted(old - new))
        await self._ask(connection, "subscribe", sorted(new - old))

    async def _ask(self, connection: Connection, kind: str, products: Sequence[str]) -> None:
        for channel in CHANNELS[1:] if products else ():
            await connection.send(self._message(kind, channel, products))

    def _accept(self, connection: Connection, raw: bytes) -> bool:
        wall_ms, mono_ms = received_now()
        try:
            frame = decode(raw, wall_ms, mono_ms)
        except FrameError as fault:
            self.drop(connection, raw, fault)
            return False
        if frame.error is not None:
            self.counters["control_errors"] += 1
            message = f"the venue refused a request: {frame.error}"
            raise Broken(message)
        self._count(connection, frame)
        self.counters["unknown_frames"] += not frame.is_known
        if not (frame.quotes or frame.trades or frame.depths):
            return False
        self.note_valid(connection, mono_ms)
        self._hand_over(frame)
        for depth in frame.depths:
            self._hand_over_book(connection, depth)
        return True

    def _count(self, connection: Connection, frame: Frame) -> None:
        """Notice a lost frame: the count covers every frame of one connection."""
        if frame.sequence is None:
            return
        last = self._sequences.get(connection)
        self._sequences[connection] = frame.sequence
        if last is not None and frame.sequence > last + 1:
            self.counters["lost_frames"] = self.counters.get("lost_frames", 0) + 1
            message = f"frames {last + 1} to {frame.sequence - 1} were lost"
            raise Broken(message)

    def _hand_over(self, frame: Frame) -> None:
        for quote in frame.quotes:
            if quote.native_id in self.streams:
                self.handler.on_book_ticker(quote)
            else:
                self.counters["unknown_frames"] += 1
        for trade in sorted(frame.trades, key=lambda t: t.trade_id):
            if trade.native_id not in self.streams:
                self.counters["unknown_frames"] += 1
            elif trade.trade_id <= self._last_trades.get(trade.native_id, -1):
                self.counters["duplicates"] += 1
            else:
                self._last_trades[trade.native_id] = trade.trade_id
                self.handler.on_trade(trade)

    def _hand_over_book(self, connection: Connection, depth: DepthEvent) -> None:
        if depth.native_id not in self.streams:
            self.counters["unknown_frames"] += 1
            return
        if depth.is_snapshot:
            self._books[depth.native_id] = connection
        if self._books.get(depth.native_id) is connection:
            self.handler.on_depth(depth)
        else:
            self.counters["duplicates"] += 1

    def _message(self, kind: str, channel: str, products: Sequence[str]) -> str:
        message: dict[str, object] = {"type": kind, "channel": channel}
        if products:
            message["product_ids"] = list(products)
        if self._key is not None:
            message["jwt"] = self._key.token()
        return msgspec.json.encode(message).decode()
