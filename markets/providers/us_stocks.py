"""What the sources of US stocks and options share: names, trading days, bars, contracts."""

import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from markets.providers.base import CandleRow, InstrumentSpec, Status
from markets.providers.names import checked_name
from markets.providers.rows import OptionKind, OptionRow
from mystic.lib.http import Malformed

NEW_YORK = ZoneInfo("America/New_York")
DAY_S = 86_400
LONGEST_HALT_S = 90 * DAY_S
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST = 1e15
# Exchanges quote stocks from one dollar in cents, cheaper ones in hundredths of a cent.
PRICE_SCALE = 4
TICK = 100
SHARE_SCALE = 9
ONE_SHARE = 10**SHARE_SCALE
TICKER = re.compile(r"[A-Z][A-Z0-9]{0,9}([.-][A-Z0-9]{1,4})?")
OCC = re.compile(r"(?:O:)?([A-Z][A-Z0-9]{0,5})(\d{6})([CP])(\d{8})")
FIRST_MS = 631_152_000_000
LAST_MS = 4_102_444_800_000


def checked_ticker(native_id: str) -> str:
    """Return a ticker that may stand in an address.

    Raises
    ------
    Refused
        If it is no ticker such as AAPL or BRK.B.
    """
    return checked_name(native_id, TICKER, what="ticker", like="AAPL or BRK.B")


def rfc3339_ms(text: object) -> int:
    """Return an RFC 3339 time with up to nanoseconds as UTC epoch milliseconds, cut.

    Raises
    ------
    Malformed
        If it is not such a time with a zone, from 1990 to 2100.
    """
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Malformed(f"a time is {str(text)[:40]!r}, wanted RFC 3339 with a zone")
    return in_range((moment - EPOCH) // timedelta(milliseconds=1))


def ns_ms(value: int) -> int:
    """Return nanoseconds since the epoch as milliseconds, cut; raise `Malformed` outside."""
    return in_range(value // 1_000_000)


def in_range(epoch_ms: int) -> int:
    """Return a time in milliseconds from 1990 to 2100; raise `Malformed` for any other."""
    if not FIRST_MS <= epoch_ms < LAST_MS:
        raise Malformed(f"the time {epoch_ms} ms lies outside 1990 to 2100")
    return epoch_ms


def price(value: float | None) -> float | None:
    """Return a positive price, None for the 0 that stands for no quote.

    Raises
    ------
    Malformed
        If it is negative, not finite or absurdly large.
    """
    if value is None or value == 0:
        return None
    if not 0 < value < LARGEST:
        raise Malformed(f"a price is {value}")
    return value


def count(value: float | None) -> int | None:
    """Return a non-negative whole number; raise `Malformed` for any other."""
    if value is None:
        return None
    if not 0 <= value < LARGEST:
        raise Malformed(f"a count is {value}")
    return int(value)


def size(value: float) -> float | None:
    """Return a quoted size as told, None for the 0 of no quote; raise `Malformed` for others."""
    return price(value)


def figure(value: float | None) -> float | None:
    """Return a finite number of either sign; raise `Malformed` for any other."""
    if value is not None and not math.isfinite(value):
        raise Malformed(f"a figure is {value}")
    return value


def open_time(start_ms: int, timeframe: int) -> int:
    """Return the key of a bar that begins at `start_ms` (UTC epoch milliseconds), in seconds.

    A day's bar begins at midnight in New York; its key is midnight UTC of the same date, so that
    days lie on one grid the year round.

    Raises
    ------
    Malformed
        If the bar does not begin where bars of this timeframe begin.
    """
    second, rest = divmod(in_range(start_ms), 1000)
    if timeframe == DAY_S:
        local = datetime.fromtimestamp(second, tz=NEW_YORK)
        second = int(datetime(local.year, local.month, local.day, tzinfo=UTC).timestamp())
        rest = rest or local.hour or local.minute or local.second
    if rest or second % timeframe:
        raise Malformed(f"a bar of {timeframe} s begins at {start_ms} ms, off the grid")
    return second


def checked_row(start_s: int, bar: tuple[float, float, float, float, float], n: int) -> CandleRow:
    """Return a bar of open, high, low, close, volume; raise `Malformed` for an impossible one."""
    o, h, low, c, volume = bar
    is_possible = 0 < low <= o <= h < LARGEST and low <= c <= h and 0 <= volume < LARGEST
    if not is_possible or n < -1:
        raise Malformed(f"an impossible bar at {start_s}")
    return CandleRow(start_s, o, h, low, c, volume, n)


def ordered(rows: Iterable[CandleRow]) -> list[CandleRow]:
    """Return rows oldest first; raise `Malformed` when two have the same time."""
    found = sorted(rows, key=lambda row: row.open_time)
    if any(a.open_time == b.open_time for a, b in pairwise(found)):
        message = "bars are doubled"
        raise Malformed(message)
    return found


def is_closed(start_ms: int, timeframe: int, known_ms: int) -> bool:
    """Tell whether a bar had ended at a moment of the source's own clock."""
    return start_ms + timeframe * 1000 <= known_ms


def search_from(end_s: int, timeframe: int, limit: int) -> int:
    """Return from when to look for the newest `limit` bars.

    Markets are closed most of the time, and a stock may be halted for weeks: who finds nothing
    here takes it that there is nothing.
    """
    return max(0, end_s - 8 * limit * timeframe - LONGEST_HALT_S)


def stock_spec(
    ticker: str, name: str, status: Status, *, step: int = ONE_SHARE, quote: str = "USD"
) -> InstrumentSpec:
    """Return a stock's rules: cents, and whole shares where the source says nothing else."""
    return InstrumentSpec(
        symbol=f"{ticker}/{quote}",
        native_id=ticker,
        base=ticker,
        quote=quote,
        base_scale=SHARE_SCALE,
        quote_scale=PRICE_SCALE,
        price_scale=PRICE_SCALE,
        tick=TICK,
        step=step,
        min_quantity=0,
        min_notional=0,
        status=status,
        name=" ".join("".join(c if c.isprintable() else " " for c in name).split())[:120],
    )


def option_row(symbol: str, underlying: str, **told: Any) -> OptionRow:
    """Return a row of the contract that an OCC symbol names, with or without the prefix `O:`.

    Raises
    ------
    Malformed
        If it is no OCC symbol.
    """
    found = OCC.fullmatch(symbol) if symbol.isascii() else None
    if found is None:
        raise Malformed(f"{symbol[:30]!r} is no OCC symbol")
    _, day, letter, digits = found.groups()
    return OptionRow(
        contract=symbol.removeprefix("O:"),
        underlying=underlying,
        kind=OptionKind.CALL if letter == "C" else OptionKind.PUT,
        strike=int(digits) / 1000,
        expiry=day_of(f"20{day[:2]}-{day[2:4]}-{day[4:]}"),
        **told,
    )


def day_of(text: object) -> date:
    """Return a date written YYYY-MM-DD; raise `Malformed` for any other text."""
    try:
        found = date.fromisoformat(text) if isinstance(text, str) and len(text) == 10 else None
    except ValueError:
        found = None
    if found is None:
        raise Malformed(f"a date is {str(text)[:20]!r}, wanted YYYY-MM-DD")
    return found


def says_something(row: OptionRow) -> bool:
    """Tell whether a row holds any figure at all."""
    told = (row.bid, row.ask, row.last, row.open_interest, row.volume)
    return any(value is not None for value in (*told, row.implied_volatility, row.delta))
