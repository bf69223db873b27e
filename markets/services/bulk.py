"""Write many bars at once: PostgreSQL takes them as one binary copy, SQLite as one statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from markets.bars import BarArrays, BarsError, bars_fault
from markets.models import CandleRevision
from markets.services.blocks import blocks_drop
from markets.services.holes import is_inside_absent
from markets.services.locks import series_lock
from markets.services.stamps import series_stamp
from markets.stored import DAY_S, fetched, rows_read
from markets.types import Bar, Origin

type Array = npt.NDArray[Any]

LARGEST_COUNT = 2**62
_COLUMNS = (
    "instrument_id, timeframe, open_time, open, high, low, close, volume, trades, received_at_ms, "
    "source, origin"
)
_INSERT = (
    f"INSERT INTO markets_candle ({_COLUMNS}) "  # noqa: S608  constant names only
    f"VALUES ({', '.join(['%s'] * 12)})"
)
COPY = f"COPY markets_candle ({_COLUMNS}) FROM STDIN (FORMAT BINARY)"
_UPDATE = (
    "UPDATE markets_candle SET open = %s, high = %s, low = %s, close = %s, volume = %s, "
    "trades = %s, received_at_ms = %s, source = %s, origin = %s "
    "WHERE instrument_id = %s AND timeframe = %s AND open_time = %s"
)
_BEYOND = """
SELECT 1 FROM markets_candle
WHERE instrument_id = %s AND timeframe = %s AND open_time > %s LIMIT 1
"""
_SOURCES = """
SELECT open_time, source FROM markets_candle
WHERE instrument_id = %s AND timeframe = %s AND open_time >= %s AND open_time <= %s
"""
# The numbers of a bar in the order of `_COLUMNS`.
_FIELDS = attrgetter(*_COLUMNS.split(", ")[:-2])
# How many fields there are, then each number behind its size.
_ROW = Struct(">hiqiiiqidididididiiiq")
# PostgreSQL's binary copy: a signature, flags, no extension; at the end -1 fields.
_COPY_BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"


@dataclass(frozen=True, slots=True)
class BulkStored:
    """How many bars were new, corrected, or stored already with the same values."""

    new: int = 0
    revised: int = 0
    same: int = 0

    def __add__(self, other: "BulkStored") -> "BulkStored":
        return BulkStored(
            self.new + other.new, self.revised + other.revised, self.same + other.same
        )


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Rows of `Candle` as arrays of one length, all from one source by one way."""

    instrument_id: Array
    timeframe: Array
    open_time: Array
    values: tuple[Array, ...]
    trades: Array
    received_at_ms: Array
    source: str
    origin: str

    def __len__(self) -> int:
        return len(self.open_time)

    def kept(self, mask: Array) -> "Columns":
        return Columns(
            self.instrument_id[mask],
            self.timeframe[mask],
            self.open_time[mask],
            tuple(column[mask] for column in self.values),
            self.trades[mask],
            self.received_at_ms[mask],
            self.source,
            self.origin,
        )

    def numbers(self) -> tuple[Array, ...]:
        return (
            self.instrument_id,
            self.timeframe,
            self.open_time,
            *self.values,
            self.trades,
            self.received_at_ms,
        )


def bars_insert(bars: Sequence[Bar]) -> None:
    """Insert bars of any series that are known to be new, as `candles_insert` does."""
    if not bars:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with connection.wrap_database_errors, cursor.copy(COPY) as copy:
                copy.write(bars_buffer(bars))
            return
        cursor.executemany(_INSERT, [(*_FIELDS(bar), bar.source, str(bar.origin)) for bar in bars])


def bars_buffer(bars: Iterable[Bar]) -> bytes:
    """Return bars in PostgreSQL's binary copy format: of few bars this is faster than arrays."""
    texts: dict[tuple[str, str], bytes] = {}
    rows = [_COPY_BEGIN]
    for bar in bars:
        key, frame, at, *values, trades, received = _FIELDS(bar)
        opened, high, low, close, volume = values
        numbers = (8, opened, 8, high, 8, low, 8, close, 8, volume, 4, trades, 8, received)
        rows.append(_ROW.pack(12, 8, key, 4, frame, 8, at, *numbers))
        way = (bar.source, str(bar.origin))
        if way not in texts:
            texts[way] = b"".join(len(text).to_bytes(4) + text for text in map(str.encode, way))
        rows.append(texts[way])
    rows.append(_COPY_END)
    return b"".join(rows)


def candles_insert(columns: Columns) -> None:
    """Insert rows that are known to be new, inside the caller's transaction.

    The caller holds the lock of the series; a row that is there nevertheless is an error of the
    database, never overwritten.
    """
    if not len(columns):
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with connection.wrap_database_errors, cursor.copy(COPY) as copy:
                copy.write(copy_buffer(columns))
            return
        lists = (column.tolist() for column in columns.numbers())
        same = (repeat(columns.source, len(columns)), repeat(columns.origin, len(columns)))
        cursor.executemany(_INSERT, list(zip(*lists, *same, strict=True)))


def copy_buffer(columns: Columns) -> bytes:
    """Return rows in PostgreSQL's binary copy format, laid out by numpy in one piece."""
    kinds = [">i8", ">i4", ">i8", *[">f8"] * 5, ">i4", ">i8"]
    texts = [columns.source.encode(), columns.origin.encode()]
    layout: list[tuple[str, Any]] = [("fields", ">i2")]
    for number, kind in enumerate(kinds):
        layout += [(f"l{number}", ">i4"), (f"v{number}", kind)]
    for number, text in enumerate(texts):
        layout += [(f"m{number}", ">i4"), (f"t{number}", f"V{len(text)}")]
    rows = np.zeros(len(columns), dtype=layout)
    rows["fields"] = len(kinds) + len(texts)
    for number, column in enumerate(columns.numbers()):
        rows[f"l{number}"] = rows.dtype[f"v{number}"].itemsize
        rows[f"v{number}"] = column
    for number, text in enumerate(texts):
        rows[f"m{number}"] = len(text)
        rows[f"t{number}"] = np.void(text)
    return _COPY_BEGIN + rows.tobytes() + _COPY_END


def candles_bulk(
    *,
    instrument_id: int,
    bars: BarArrays,
    origin: Origin,
    received_at_ms: int,
    trades: Array | None = None,
) -> BulkStored:
    """Write bars of one series in one transaction; nobody is told of them.

    The rule is that of `candles_store`: a bar that is stored with the same values changes
    nothing, one with other values replaces the row and what it replaced becomes a
    `CandleRevision`. Once the values are compared, new rows go in without any further question.

    Parameters
    ----------
    bars : BarArrays
        Ascending bars; `bars.source` is written into every row.
    trades : ndarray of int, optional
        Number of trades of each bar; -1, not said, without it.

    Raises
    ------
    BarsError
        If a bar is impossible or out of order; nothing is stored then.
    """
    fault = bars_fault(bars)
    if fault is not None:
        position, reason = fault
        message = f"bar {position} at {int(bars.open_time[position])} is refused: {reason}"
        raise BarsError(message)
    if not len(bars):
        return BulkStored()
    told = columns_told(instrument_id, bars, str(origin), received_at_ms, trades)
    with transaction.atomic():
        series_lock([instrument_id])
        is_known, is_changed = _compared(instrument_id, bars)
        new = told.kept(~is_known)
        is_appended = not is_changed.any() and not _is_below(new)
        candles_insert(new)
        if is_changed.any():
            _revise(told.kept(is_changed))
        if not is_appended:
            touched = bars.open_time[~is_known | is_changed] // DAY_S * DAY_S
            days = np.unique(touched).tolist()
            blocks_drop((instrument_id, bars.timeframe, day) for day in days)
        series_stamp([(instrument_id, bars.timeframe)], is_changed=not is_appended)
    revised = int(is_changed.sum())
    return BulkStored(len(new), revised, len(bars) - len(new) - revised)


def columns_told(
    instrument_id: int,
    bars: BarArrays,
    origin: str,
    received_at_ms: int,
    trades: Array | None,
) -> Columns:
    """Return the bars of one series as rows."""

    def same(value: int) -> Array:
        return np.full(len(bars), value, dtype=np.int64)

    return Columns(
        same(instrument_id),
        same(bars.timeframe),
        bars.open_time,
        (bars.open, bars.high, bars.low, bars.close, bars.volume),
        same(-1) if trades is None else trades,
        same(received_at_ms),
        bars.source,
        origin,
    )


def _compared(instrument_id: int, bars: BarArrays) -> tuple[Array, Array]:
    """Return which bars are stored already, and which of those with other values."""
    first, last = int(bars.open_time[0]), int(bars.open_time[-1])
    stored = rows_read(instrument_id, bars.timeframe, first, last + 1, LARGEST_COUNT)
    is_known = np.isin(bars.open_time, stored.open_time, assume_unique=True)
    if not len(stored):
        return is_known, is_known
    places = stored.open_time.searchsorted(bars.open_time).clip(max=len(stored) - 1)
    is_same = np.ones(len(bars), dtype=bool)
    for name in ("open", "high", "low", "close", "volume"):
        is_same &= getattr(stored, name)[places] == getattr(bars, name)
    return is_known, is_known & ~is_same


def _is_below(new: Columns) -> bool:
    """Tell whether these are no mere end: a newer bar is stored, or they were believed absent."""
    if not len(new):
        return False
    key = [int(column[0]) for column in (new.instrument_id, new.timeframe, new.open_time)]
    if fetched(_BEYOND, key):
        return True
    return is_inside_absent([(key[0], key[1])], key[2], int(new.open_time[-1]))


def _revise(changed: Columns) -> None:
    """Keep what these rows said as revisions, and let them say the new values."""
    key, frame = int(changed.instrument_id[0]), int(changed.timeframe[0])
    times = changed.open_time
    first, last = int(times[0]), int(times[-1])
    sources = dict(fetched(_SOURCES, [key, frame, first, last]))
    old = rows_read(key, frame, first, last + 1, LARGEST_COUNT)
    places = old.open_time.searchsorted(times).tolist()
    CandleRevision.objects.bulk_create(
        (
            CandleRevision(
                instrument_id=key,
                timeframe=frame,
                open_time=time,
                open=float(old.open[place]),
                high=float(old.high[place]),
                low=float(old.low[place]),
                close=float(old.close[place]),
                volume=float(old.volume[place]),
                source=sources[time],
            )
            for time, place in zip(times.tolist(), places, strict=True)
        ),
        batch_size=500,
    )
    with connection.cursor() as cursor:
        cursor.executemany(_UPDATE, list(_updates(changed)))


def _updates(changed: Columns) -> Iterable[tuple[Any, ...]]:
    numbers = (*changed.values, changed.trades, changed.received_at_ms)
    keys = (changed.instrument_id, changed.timeframe, changed.open_time)
    said = zip(*(column.tolist() for column in numbers), strict=True)
    for values, key in zip(said, zip(*(c.tolist() for c in keys), strict=True), strict=True):
        yield (*values, changed.source, changed.origin, *key)
