"""Read a file of bars: CSV, gzipped CSV or parquet, checked before a single bar is played."""

import csv
import gzip
import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from markets.providers.decimals import places_of
from markets.replay.market import ReplayFileError, checked_symbol, split_symbol
from markets.types import TIMEFRAME_NAMES, TIMEFRAME_SECONDS

TIME_NAMES = ("ts", "time", "timestamp", "date", "datetime")
PRICE_NAMES = ("open", "high", "low", "close", "volume")
VENUE_COLUMNS = ("ts", *PRICE_NAMES, "close ts", "money", "trades", "taker", "taker money", "")
"""The columns of the files that Binance publishes, which have no header."""
DATE_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y.%m.%d %H:%M:%S", "%Y%m%d", "%Y-%m-%d %H:%M")
MOST_PLACES = 8
Times = np.ndarray[Any, np.dtype[np.int64]]
Values = np.ndarray[Any, np.dtype[np.float64]]
Table = tuple[Times, Values]


@dataclass(frozen=True, slots=True)
class Candles:
    """A series of bars: open times in epoch seconds, ascending, on the grid of the timeframe.

    `values` has a row for each bar: open, high, low, close, volume. `places` is how many decimal
    places the prices have; from it the smallest price step is taken.
    """

    name: str
    base: str
    quote: str
    timeframe: int
    times: Times
    values: Values
    places: int

    @property
    def native_id(self) -> str:
        return f"{self.base}{self.quote}"


def candles_read(path: Path, *, symbol: str | None = None, timeframe: str | None = None) -> Candles:
    """Return the bars of a file.

    Raises
    ------
    ReplayFileError
        With the first faults found: a missing column, a time that cannot be read, an impossible
        bar, times that do not ascend or lie off the grid.
    """
    table, own_symbol = (
        _parquet(path, symbol) if ".parquet" in path.suffixes else (_csv(path), None)
    )
    base, quote = _named(symbol, own_symbol, path)
    return candles_of(table, path.name, base, quote, timeframe)


def candles_of(table: Table, name: str, base: str, quote: str, timeframe: str | None) -> Candles:
    """Return open times and values as checked bars."""
    times, values = table
    if len(times) < 2:
        raise ReplayFileError(f"{name} holds fewer than two bars")
    _check_values(name, times, values)
    seconds = _timeframe(name, times, timeframe)
    _check_times(name, times, seconds)
    return Candles(name, base, quote, seconds, times, values, _places(values))


def table_of(rows: Iterable[tuple[int, float, float, float, float, float]]) -> Table:
    """Return rows of open time, open, high, low, close and volume as two arrays."""
    listed = list(rows)
    times = np.array([row[0] for row in listed], dtype=np.int64)
    return times, np.array([row[1:] for row in listed], dtype=np.float64).reshape(-1, 5)


def _csv(path: Path) -> Table:
    try:
        with _text(path) as file:
            return table_of(_csv_rows(path.name, csv.reader(file)))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as fault:
        raise ReplayFileError(f"{path.name} cannot be read: {fault}") from None


def _text(path: Path) -> Any:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _csv_rows(
    name: str, reader: Iterable[list[str]]
) -> list[tuple[int, float, float, float, float, float]]:
    lines = iter(reader)
    first = next(lines, [])
    header, first_line = [cell.strip().lower() for cell in first], 2
    if len(first) == len(VENUE_COLUMNS) and re.fullmatch(r"\d{13}|\d{16}", first[0]):
        header, lines, first_line = list(VENUE_COLUMNS), itertools.chain([first], lines), 1
    time_name = next((t for t in TIME_NAMES if t in header), None)
    missing = [column for column in PRICE_NAMES if column not in header]
    if time_name is None or missing:
        wanted = "ts (or time, date), open, high, low, close, volume"
        raise ReplayFileError(f"{name} wants a header with {wanted}; it has {', '.join(header)}")
    time_at = header.index(time_name)
    at = [header.index(column) for column in PRICE_NAMES]
    rows = []
    epoch: Callable[[str], int] | None = None
    for number, cells in enumerate(lines, start=first_line):
        try:
            epoch = epoch or _time_reader(cells[time_at])
            o, h, low, c, v = (float(cells[i]) for i in at)
            rows.append((epoch(cells[time_at]), o, h, low, c, v))
        except (ValueError, IndexError) as fault:
            raise ReplayFileError(f"{name} line {number} is not a bar: {fault}") from None
    return rows


def _time_reader(text: str) -> Callable[[str], int]:
    """Return how the times of this column are read, seen from its first cell."""
    text = text.strip()
    if re.fullmatch(r"\d{16}", text):
        return lambda cell: int(cell) // 1_000_000
    if re.fullmatch(r"\d{13}(\.0)?", text):
        return lambda cell: int(float(cell)) // 1000
    if re.fullmatch(r"\d{9,10}(\.0)?", text):
        return lambda cell: int(float(cell))
    for form in DATE_FORMS:
        try:
            datetime.strptime(text, form)  # noqa: DTZ007  only the form is tried
        except ValueError:
            continue
        return _by_form(form)
    try:
        datetime.fromisoformat(text)
    except ValueError:
        message = f"time {text[:30]!r} is neither epoch seconds, milliseconds nor a date"
        raise ValueError(message) from None
    return lambda cell: _epoch(datetime.fromisoformat(cell.strip()))


def _by_form(form: str) -> Callable[[str], int]:
    return lambda cell: _epoch(datetime.strptime(cell.strip(), form))  # noqa: DTZ007


def _epoch(moment: datetime) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _parquet(path: Path, symbol: str | None) -> tuple[Table, str | None]:
    try:
        import pandas as pd  # only where a parquet file is asked for: it is slow to import

        frame = pd.read_parquet(path)
    except ImportError:
        message = f"{path.name}: reading parquet wants the packages pandas and pyarrow"
        raise ReplayFileError(message) from None
    except (OSError, ValueError) as fault:
        raise ReplayFileError(f"{path.name} cannot be read: {fault}") from None
    frame.columns = [str(column).lower() for column in frame.columns]
    time_name = next((t for t in TIME_NAMES if t in frame.columns), None)
    if time_name is None or any(column not in frame.columns for column in PRICE_NAMES):
        raise ReplayFileError(f"{path.name} wants columns ts, open, high, low, close, volume")
    own = None
    if "symbol" in frame.columns:
        own = _chosen(path.name, sorted(frame["symbol"].unique()), symbol)
        frame = frame[frame["symbol"] == own]
    values = frame[list(PRICE_NAMES)].to_numpy(dtype=np.float64)
    return (_parquet_times(frame[time_name]), values), own


def _parquet_times(column: Any) -> Times:
    if column.dtype.kind != "i":
        epoch = _time_reader(str(column.iloc[0])) if len(column) else int
        return np.array([epoch(str(cell)) for cell in column], dtype=np.int64)
    times: Times = column.to_numpy(dtype=np.int64)
    digits = len(str(int(times[0]))) if len(times) else 10
    return times // {13: 1_000, 16: 1_000_000}.get(digits, 1)


def _chosen(name: str, found: list[str], symbol: str | None) -> str:
    """Return which of a file's symbols is played."""
    wanted = "".join(checked_symbol(symbol)) if symbol else found[0] if len(found) == 1 else None
    if wanted not in found:
        raise ReplayFileError(f"{name} holds {', '.join(found)}: choose one with --symbol")
    return wanted


def _named(symbol: str | None, own: str | None, path: Path) -> tuple[str, str]:
    """Return base and quote: as told, as the file says, or as its name suggests."""
    if symbol:
        return checked_symbol(symbol)
    if own:
        return split_symbol(own)
    stem = path.name.split(".")[0]
    for word in re.findall(r"[A-Z0-9]{5,20}", stem):
        try:
            return split_symbol(word)
        except ReplayFileError:
            continue
    words = re.findall(r"(?<![A-Za-z0-9])[A-Z]{1,10}(?![A-Za-z0-9])", stem)
    base = words[0] if words else re.sub(r"[^A-Z0-9]", "", stem.upper())[:10]
    return base or "FILE", "USD"


def _timeframe(name: str, times: Times, given: str | None) -> int:
    """Return the timeframe in seconds: as told, or the most frequent distance."""
    if given is not None:
        if given not in TIMEFRAME_SECONDS:
            raise ReplayFileError(f"{given!r} is not one of {', '.join(TIMEFRAME_SECONDS)}")
        return TIMEFRAME_SECONDS[given]
    distances, counts = np.unique(np.diff(times), return_counts=True)
    seconds = int(distances[np.argmax(counts)])
    if seconds not in TIMEFRAME_NAMES:
        wanted = ", ".join(TIMEFRAME_SECONDS)
        raise ReplayFileError(f"{name}: its bars lie {seconds} s apart, not one of {wanted}")
    return seconds


def _check_values(
    name: str,
    times: Times,
    values: Values,
) -> None:
    o, h, low, c, v = values.T
    with np.errstate(invalid="ignore"):
        is_good = (low > 0) & (low <= o) & (o <= h) & (low <= c) & (c <= h) & (h < 1e15)
        is_good &= (v >= 0) & (v < 1e15)
    bad = np.flatnonzero(~is_good)
    if len(bad):
        first = datetime.fromtimestamp(int(times[bad[0]]), UTC).isoformat()
        message = f"{name}: {len(bad)} impossible bars (price, range or volume), first at {first}"
        raise ReplayFileError(message)


def _check_times(name: str, times: Times, seconds: int) -> None:
    bad = np.flatnonzero(np.diff(times) <= 0)
    if len(bad):
        at = datetime.fromtimestamp(int(times[bad[0] + 1]), UTC).isoformat()
        raise ReplayFileError(f"{name}: times must ascend; the first that does not is {at}")
    bad = np.flatnonzero(times % seconds)
    if len(bad):
        at = datetime.fromtimestamp(int(times[bad[0]]), UTC).isoformat()
        grid = TIMEFRAME_NAMES[seconds]
        raise ReplayFileError(f"{name}: {at} is not the start of a {grid} bar in UTC")


def _places(values: Values) -> int:
    """Return how many decimal places 80 % of the prices need, in an even sample of the bars.

    Some venues' bars hold averages with many places; they do not make the tick smaller.
    """
    step = max(1, len(values) // 5000)
    prices, counts = np.unique(values[::step, :4], return_counts=True)
    needed = np.zeros(MOST_PLACES + 1, dtype=np.int64)
    for price, count in zip(prices, counts, strict=True):
        needed[min(places_of(Decimal(repr(float(price)))), MOST_PLACES)] += count
    return int(np.searchsorted(np.cumsum(needed), 0.8 * needed.sum()))
