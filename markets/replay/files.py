"""Open what a person names: recorded frames, a file of bars, or the named source `sp500`."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from markets.replay.bar_tape import BarTape
from markets.replay.candles import Candles, candles_of, candles_read, table_of
from markets.replay.frames import FrameTape
from markets.replay.market import Described, ReplayFileError

__all__ = ["Described", "ReplayFileError", "describe", "tape_open"]

SP500 = "sp500"


def describe(name: str, *, symbol: str | None = None, timeframe: str | None = None) -> Described:
    """Return what `name` holds: symbols, timeframe of its bars, quote asset."""
    return tape_open(name, symbol=symbol, timeframe=timeframe).describe()


def tape_open(
    name: str,
    *,
    symbol: str | None = None,
    timeframe: str | None = None,
    start: str | None = None,
    history: int | None = None,
) -> FrameTape | BarTape:
    """Return the tape of a file or of a named source.

    Raises
    ------
    ReplayFileError
        When there is no such file, or it cannot be played; the message says why.
    """
    if name == SP500:
        return BarTape(_sp500(), start=start, history=history)
    path = Path(name)
    if not path.is_file():
        raise ReplayFileError(f"there is no file {name}")
    if _holds_frames(path):
        return FrameTape(path, symbol=symbol)
    candles = candles_read(path, symbol=symbol, timeframe=timeframe)
    return BarTape(candles, start=start, history=history)


def _holds_frames(path: Path) -> bool:
    """Tell by the first bytes whether these are lines of nanoseconds and JSON."""
    if ".parquet" in path.suffixes:
        return False
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(64)
    except (OSError, EOFError) as fault:
        raise ReplayFileError(f"{path.name} cannot be read: {fault}") from None
    return re.match(rb"\d{15,20} [{\[]", head) is not None


def _sp500() -> Candles:
    """Return the daily S&P 500 that the optional package `arch` brings (1999 to 2018).

    Its prices carry the noise of 32-bit floats (1229.22998 for 1229.23); they are read as cents.
    """
    try:
        from arch.data import sp500
    except ImportError:
        message = (
            "the S&P 500 comes with the optional package arch: install it with "
            "`pip install -r requirements-replay.txt`, or name a file of your own"
        )
        raise ReplayFileError(message) from None
    table = sp500.load()

    def cents(price: float) -> float:
        return round(float(price), 2)

    def rows() -> Iterator[tuple[int, float, float, float, float, float]]:
        columns = (table[name] for name in ("Open", "High", "Low", "Close", "Volume"))
        for day, o, h, low, c, v in zip(table.index, *columns, strict=True):
            yield int(day.timestamp()), cents(o), cents(h), cents(low), cents(c), float(v)

    return candles_of(table_of(rows()), "sp500", "SPX", "USD", "1d")
