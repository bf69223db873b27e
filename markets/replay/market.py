"""What the replayed venue knows at its present moment, for its REST side."""

import bisect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

Row = list[Any]
"""A bar as Binance's REST writes it: open ms, o, h, l, c, volume, close ms, quote volume, ..."""

QUOTES = (
    "FDUSD",
    "USDT",
    "USDC",
    "TUSD",
    "BUSD",
    "USD",
    "EUR",
    "TRY",
    "BRL",
    "JPY",
    "BTC",
    "ETH",
    "BNB",
)


class ReplayFileError(Exception):
    """Raised for a file that cannot be replayed; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a file holds: canonical symbols, the name of its bars' timeframe, their quote asset."""

    symbols: tuple[str, ...]
    timeframe: str
    quote: str


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of a tape: its time in the venue's milliseconds and what the tape needs."""

    at_ms: int
    what: Any


Published = tuple[str, bytes]
"""A stream's name and the whole frame of the combined stream."""


class Board(Protocol):
    """One symbol of the replayed venue."""

    native_id: str
    base: str
    quote: str

    def info(self) -> dict[str, Any]:
        """Return its part of exchangeInfo."""

    def klines(
        self, seconds: int, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Row] | None:
        """Return its bars, the running one last; None for an interval it does not have."""

    def last(self) -> str | None:
        """Return the last price."""

    def best(self) -> tuple[str, str, str, str] | None:
        """Return bid, its size, ask, its size."""

    def depth(self, limit: int) -> dict[str, Any] | None:
        """Return the book at this moment, None while it is not known."""

    def day(self, now_ms: int) -> list[Row]:
        """Return the known bars of the last 24 hours."""


class Tape(Protocol):
    """A recording: steps in the order of time, and the boards that they change."""

    name: str
    start_ms: int
    pace: float
    boards: dict[str, Board]

    def steps(self) -> Iterator[Step]: ...

    def apply(self, step: Step) -> Iterable[Published]:
        """Let the step happen and return what the venue sends, in order."""


def split_symbol(native_id: str) -> tuple[str, str]:
    """Return base and quote of a name such as BTCUSDT by the quotes that are in use."""
    for quote in QUOTES:
        if native_id.endswith(quote) and len(native_id) > len(quote):
            return native_id.removesuffix(quote), quote
    raise ReplayFileError(f"{native_id}: which part is the quote? say --symbol BASE/QUOTE")


def checked_symbol(text: str) -> tuple[str, str]:
    """Return base and quote of a canonical symbol."""
    found = re.fullmatch(r"([A-Z0-9]{1,20})/([A-Z0-9]{1,10})", text.upper())
    if not found:
        raise ReplayFileError(f"{text!r} is not a symbol such as BTC/USDT")
    return found.group(1), found.group(2)


def plain(value: Decimal) -> str:
    """Return a decimal in plain digits, as venues write numbers."""
    return f"{value:f}"


def symbol_info(native_id: str, base: str, quote: str, tick: str, step: str) -> dict[str, Any]:
    """Return an exchangeInfo entry with the two rules that the data themselves show."""
    return {
        "symbol": native_id,
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "0", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "0", "stepSize": step},
        ],
        "permissionSets": [["SPOT"]],
    }


@dataclass(slots=True)
class Series:
    """Closed bars of one interval in the order of time, and the one that is forming."""

    rows: list[Row] = field(default_factory=list)
    forming: Row | None = None
    is_recorded: bool = False

    def close(self, row: Row) -> None:
        """Add a closed bar; a second word about the same bar replaces the first."""
        at = bisect.bisect_left(self.rows, row[0], key=_open_ms)
        if at < len(self.rows) and self.rows[at][0] == row[0]:
            self.rows[at] = row
        else:
            self.rows.insert(at, row)
        if self.forming is not None and self.forming[0] <= row[0]:
            self.forming = None

    def part(self, start_ms: int | None, end_ms: int | None, limit: int) -> list[Row]:
        """Return the newest bars, or from `start_ms` the oldest, as the venue does."""
        rows = [*self.rows, self.forming] if self.forming is not None else self.rows
        low = 0 if start_ms is None else bisect.bisect_left(rows, start_ms, key=_open_ms)
        high = len(rows) if end_ms is None else bisect.bisect_right(rows, end_ms, key=_open_ms)
        if start_ms is None:
            low = max(low, high - limit)
        return rows[low : min(high, low + limit)]


def _open_ms(row: Row) -> int:
    return int(row[0])
