"""The values of the market as they travel: frozen, float64 prices, UTC epoch times."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import msgspec

TIMEFRAME_SECONDS = {
    "1s": 1,
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "1h": 3600,
    "4h": 14400,
    "1d": 86400,
}
SLUG_NOISE = re.compile(r"[^A-Za-z0-9_-]+")


@lru_cache(maxsize=8192)
def slug_of(symbol: str) -> str:
    """Return a symbol as it stands in addresses: BTCUSDT for BTC/USDT, BRK-B for BRK.B."""
    return SLUG_NOISE.sub("", symbol.replace(".", "-"))


TIMEFRAME_NAMES = {seconds: name for name, seconds in TIMEFRAME_SECONDS.items()}


class Origin(StrEnum):
    """How a bar reached us; a bar is never invented."""

    LIVE = "live"
    BACKFILL = "backfill"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Bar:
    """One closed bar of a series.

    Attributes
    ----------
    open_time : int
        Start of the bar, UTC epoch seconds, a multiple of the timeframe.
    timeframe : int
        Length of the bar in seconds.
    open, high, low, close : float
        Prices in the instrument's quote asset.
    volume : float
        Traded quantity in the base asset.
    trades : int
        Number of trades, -1 where the source does not say.
    """

    instrument_id: int
    timeframe: int
    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    source: str
    origin: Origin
    received_at_ms: int

    @property
    def close_time(self) -> int:
        """End of the bar, UTC epoch seconds: the first moment at which it may be known."""
        return self.open_time + self.timeframe


class FormingBar(msgspec.Struct, frozen=True, gc=False):
    """The bar that is still being traded: for charts, never for strategies."""

    instrument_id: int
    timeframe: int
    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    source: str
    received_at_ms: int


class Quote(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask of an instrument, with the last trade where known.

    `as_of_ms` is the venue's event time (None where the stream has none, as Binance bookTicker);
    `received_mono_ms` is the monotonic arrival time from which ages are computed.
    `is_official` says that it came over the provider's own host. A quote that was late by its own
    time when it arrived `is_delayed`, and `received_mono_ms` lies back by as much.
    """

    instrument_id: int
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    last: float | None
    source: str
    is_official: bool
    as_of_ms: int | None
    received_at_ms: int
    received_mono_ms: int
    is_delayed: bool = False

    @property
    def mid(self) -> float:
        return (self.bid + self.ask) / 2


class TradeTick(msgspec.Struct, frozen=True, gc=False):
    """One public trade; `is_sell` when the aggressor sold, None where the source is silent."""

    instrument_id: int
    trade_id: int
    price: float
    quantity: float
    is_sell: bool | None
    source: str
    as_of_ms: int
    received_at_ms: int


class BookView(msgspec.Struct, frozen=True, gc=False):
    """An immutable copy of the order book: best levels first, (price, quantity) pairs."""

    instrument_id: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    update_id: int
    source: str
    is_official: bool
    as_of_ms: int | None
    received_at_ms: int
    received_mono_ms: int


@dataclass(frozen=True, slots=True)
class DelayedPrice:
    """A price some minutes old, for display only: it has no bid, no ask, and fills nothing.

    With `is_cross_rate` it is the quotient of two prices of the source.
    """

    instrument_id: int
    last: float
    source: str
    is_official: bool
    is_cross_rate: bool
    as_of_ms: int | None
    received_at_ms: int
    received_mono_ms: int
