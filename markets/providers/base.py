"""What every source of market data gives: plain values, a REST side, a stream side, one handler."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from mystic.lib.provenance import REPLAY_PREFIX
from mystic.lib.ratelimit import Priority as Priority  # noqa: PLC0414  part of this interface

OFFICIAL_HOSTS: Mapping[str, frozenset[str]] = {
    "binance": frozenset(
        {
            "data-api.binance.vision",
            "data-stream.binance.vision",
            "api.binance.com",
            "api-gcp.binance.com",
            "api1.binance.com",
            "api2.binance.com",
            "api3.binance.com",
            "api4.binance.com",
            "stream.binance.com",
        }
    ),
    "coinbase": frozenset({"api.coinbase.com", "advanced-trade-ws.coinbase.com"}),
    "coingecko": frozenset({"api.coingecko.com", "pro-api.coingecko.com"}),
    "yahoo": frozenset({"query1.finance.yahoo.com", "query2.finance.yahoo.com"}),
    "massive": frozenset(
        {"api.massive.com", "socket.massive.com", "delayed.massive.com", "api.polygon.io"}
    ),
    "alpaca": frozenset(
        {
            "data.alpaca.markets",
            "stream.data.alpaca.markets",
            "paper-api.alpaca.markets",
            "api.alpaca.markets",
        }
    ),
    "fred": frozenset({"api.stlouisfed.org"}),
    "fear_greed": frozenset({"api.alternative.me"}),
}


def is_official(provider: str, url: str) -> bool:
    """Tell whether `url` is an encrypted address on one of the provider's own hosts."""
    parts = urlsplit(url)
    hosts = OFFICIAL_HOSTS.get(provider, frozenset())
    return parts.scheme in {"https", "wss"} and (parts.hostname or "") in hosts


def source_name(provider: str, url: str) -> str:
    """Return `provider` for its own hosts and `replay:<provider>` for any other address."""
    return provider if is_official(provider, url) else f"{REPLAY_PREFIX}{provider}"


class Status(StrEnum):
    """Whether an instrument may be traded, in the words of `Instrument.Status`."""

    TRADING = "trading"
    HALTED = "halted"
    DELISTED = "delisted"


class StreamState(StrEnum):
    """How a stream is doing, in the words of `SourceState.State`."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    DOWN = "down"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class InstrumentSpec:
    """The trading rules of one pair, in integer units.

    `step` and `min_quantity` count 10**-base_scale of the base asset, `tick` 10**-price_scale and
    `min_notional` 10**-quote_scale of the quote asset. A rule the source does not state is 0
    (minima) or 1 (tick, step). `name` is what people call it: Apple Inc.
    """

    symbol: str
    native_id: str
    base: str
    quote: str
    base_scale: int
    quote_scale: int
    price_scale: int
    tick: int
    step: int
    min_quantity: int
    min_notional: int
    status: Status
    name: str = ""


class CandleRow(msgspec.Struct, frozen=True, gc=False):
    """One closed bar: `open_time` in UTC epoch seconds, `trades` is -1 where not said."""

    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int = -1


class TradeRow(msgspec.Struct, frozen=True, gc=False):
    """One past trade; `is_sell` when the aggressor sold, `at_ms` in UTC epoch milliseconds."""

    trade_id: int
    price: float
    quantity: float
    is_sell: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class TickerRow:
    """The newest prices of one pair and its rolling 24 hours; None where the source is silent.

    A delayed price is shown and never fills an order. A cross rate is the quotient of two prices
    of the source, for a quote asset in which it does not tell prices itself.
    """

    native_id: str
    last: float
    bid: float | None
    ask: float | None
    open_24h: float | None
    high_24h: float | None
    low_24h: float | None
    volume_24h: float | None
    quote_volume_24h: float | None
    as_of_ms: int | None
    is_delayed: bool = False
    is_cross_rate: bool = False
    bid_size: float | None = None
    ask_size: float | None = None


Levels = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class DepthSnapshot:
    """An order book at one update id: best levels first, (price, quantity) pairs."""

    native_id: str
    last_update_id: int
    bids: Levels
    asks: Levels


class KlineEvent(msgspec.Struct, frozen=True, gc=False):
    """A bar as it forms; final when `is_closed`. `open_time` and `timeframe` are in seconds."""

    native_id: str
    timeframe: int
    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    is_closed: bool
    event_ms: int
    received_at_ms: int
    received_mono_ms: int


class BookTickerEvent(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask; `event_ms` and `last` None, `update_id` 0 where the source is silent."""

    native_id: str
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    last: float | None
    update_id: int
    event_ms: int | None
    received_at_ms: int
    received_mono_ms: int


class DayEvent(msgspec.Struct, frozen=True, gc=False):
    """The rolling 24 hours of one pair, about once a second while it trades."""

    native_id: str
    last: float
    open: float
    high: float
    low: float
    volume: float
    quote_volume: float
    event_ms: int
    received_at_ms: int
    received_mono_ms: int


class TradeEvent(msgspec.Struct, frozen=True, gc=False):
    """One public trade; `is_sell` when the aggressor sold, None where the source is silent."""

    native_id: str
    trade_id: int
    price: float
    quantity: float
    is_sell: bool | None
    event_ms: int
    received_at_ms: int
    received_mono_ms: int


class DepthEvent(msgspec.Struct, frozen=True, gc=False):
    """A change of the book: absolute quantities of the levels, 0 removes; ids first..last.

    With `is_snapshot` it is the whole book, which a source without ids sends by its stream.
    """

    native_id: str
    first_update_id: int
    last_update_id: int
    bids: Levels
    asks: Levels
    event_ms: int
    received_at_ms: int
    received_mono_ms: int
    is_snapshot: bool = False


class StreamHandler(Protocol):
    """Who receives a stream; every method is called on the stream's loop and must be quick."""

    def on_kline(self, event: KlineEvent) -> None: ...

    def on_book_ticker(self, event: BookTickerEvent) -> None: ...

    def on_trade(self, event: TradeEvent) -> None: ...

    def on_depth(self, event: DepthEvent) -> None: ...

    def on_connected(self, *, is_overlap: bool) -> None:
        """Hear of the first valid data of a connection.

        With `is_overlap` it took over from one that was still open, so nothing is missing;
        otherwise frames may have been lost: gaps want a look and books want a new snapshot.
        """

    def on_state(self, state: StreamState, reason: str) -> None: ...


class MarketStream(Protocol):
    """A connection that keeps itself alive until it is stopped."""

    source: str
    is_official: bool
    state: StreamState
    counters: dict[str, int]
    last_message_mono_ms: int | None

    async def run(self) -> None:
        """Stay connected, calling the handler, until `stop` is called."""

    async def stop(self) -> None:
        """End `run` and close the connection."""

    async def set_streams(self, streams: Sequence[str]) -> None:
        """Change what is subscribed to, without a reconnect."""


class MarketRest(Protocol):
    """The request side of a source; every method may raise `mystic.lib.http.SourceError`."""

    source: str
    is_official: bool

    def native_id(self, symbol: str) -> str:
        """Return the source's name of a symbol such as BTC/USDT."""

    async def server_time(self) -> int:
        """Return the source's clock, UTC epoch milliseconds."""

    async def exchange_info(self, native_ids: Sequence[str]) -> list[InstrumentSpec]:
        """Return the rules of those of `native_ids` that the source knows."""

    async def klines(
        self,
        native_id: str,
        timeframe: int,
        start: int | None = None,
        end: int | None = None,
        limit: int = 1000,
        *,
        priority: Priority = Priority.CHART,
    ) -> list[CandleRow]:
        """Return closed bars with start <= open_time < end (epoch seconds), oldest first.

        `timeframe` is in seconds. Without `start` the newest `limit` bars before `end` are
        returned. One call makes one request, so at most the source's own page comes back.
        """

    async def tickers(self, native_ids: Sequence[str]) -> list[TickerRow]:
        """Return the newest prices."""
