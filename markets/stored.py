"""Read what is stored of a series: packed days where there are any, rows elsewhere."""

import functools
import json
import logging
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection

from markets.bars import BAR_BYTES, BarArrays

type Array = npt.NDArray[Any]

log = logging.getLogger(__name__)

DAY_S = 86_400
# Less than so many bars are read as rows at once: a look for packed days would cost more.
FEW_BARS = 120
MOST_BLOCKS_AT_ONCE = 128
# Room is laid out for at most so many bars at once; a longer series doubles it.
MOST_ROOM = 150_000
# Blocks whose checksum this process found right, by series and day; so many are remembered.
MOST_CHECKED = 20_000
_checked: dict[tuple[int, int, int], int] = {}

_ROWS = """
SELECT open_time, open, high, low, close, volume FROM markets_candle
WHERE instrument_id = %s AND timeframe = %s AND open_time >= %s AND open_time < %s
ORDER BY open_time DESC LIMIT %s
"""
_BLOCKS = """
SELECT day, count, data, digest FROM markets_candleblock
WHERE instrument_id = %s AND timeframe = %s AND day > %s AND day < %s
ORDER BY day DESC LIMIT %s
"""


def fetched(sql: str, parameters: Sequence[Any], *, is_kept: bool = False) -> list[Any]:
    """Return the rows of a query; PostgreSQL sends numbers and bytes as they are, not as text.

    With `is_kept` a connection plans it once and keeps the plan, whatever the parameters are:
    for a query that is asked all the time and that has only one good plan.
    """
    with opened(sql, parameters, is_kept=is_kept) as cursor:
        rows: list[Any] = cursor.fetchall()
    return rows


@contextmanager
def opened(sql: str, parameters: Sequence[Any], *, is_kept: bool = False) -> Iterator[Any]:
    """Give a cursor that stands before the first row: large rows need not be held all at once."""
    with _cursor(is_kept=is_kept) as cursor:
        cursor.execute(sql, parameters)
        yield cursor


def any_of(column: str, values: Iterable[int]) -> tuple[str, Any]:
    """Return the condition that a column is one of many numbers, and its one parameter."""
    if connection.vendor == "postgresql":
        # As text: a list would be examined number by number, which takes longer than the query.
        return f"{column} = ANY(%s::bigint[])", f"{{{','.join(map(str, values))}}}"
    condition = f"{column} IN (SELECT value FROM json_each(%s))"  # noqa: S608  a constant name
    return condition, json.dumps(list(values))


def each_of(values: Iterable[int]) -> tuple[str, Any]:
    """Return a table `one` of numbers in `id`, to stand after FROM, and its parameter."""
    _, listed = any_of("id", values)
    if connection.vendor == "postgresql":
        return "unnest(%s::bigint[]) AS one(id)", listed
    return "(SELECT value AS id FROM json_each(%s)) AS one", listed


def _cursor(*, is_kept: bool) -> Any:
    """Return a cursor of Django's connection, on PostgreSQL one that takes binary results.

    Django's own cursors bind parameters on the client, and such cursors read text only.
    """
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    # Django switches plans off that are kept; its own cursors keep none in any case.
    connection.connection.prepare_threshold = 0
    bare = _binary_cursor()(connection.connection)
    bare.is_kept = is_kept
    is_logged = connection.queries_logged
    return connection.make_debug_cursor(bare) if is_logged else connection.make_cursor(bare)


@functools.cache
def _binary_cursor() -> Any:
    import psycopg

    class BinaryCursor(psycopg.Cursor[Any]):
        """Takes its answers as bytes; keeps the plan of a query where that is wanted."""

        is_kept = False

        def execute(self, query: Any, params: Any = None, **how: Any) -> Any:
            return super().execute(query, params, prepare=self.is_kept, binary=True, **how)

    return BinaryCursor


def rows_read(
    instrument_id: int, timeframe: int, low: int, high: int, count: int, *, source: str = ""
) -> BarArrays:
    """Return the newest `count` bars with low <= open_time < high from the rows, oldest first."""
    table = _table(instrument_id, timeframe, low, high, count)
    return BarArrays.from_table(table, timeframe=timeframe, source=source)


def _table(instrument_id: int, timeframe: int, low: int, high: int, count: int) -> Array:
    """Return rows as an (n, 6) table, oldest first: open_time, open, high, low, close, volume."""
    rows = fetched(_ROWS, [instrument_id, timeframe, low, high, count])
    # An epoch second is far below 2**53, so the way through float64 loses nothing.
    flat = np.fromiter(chain.from_iterable(rows), dtype=np.float64, count=6 * len(rows))
    return flat.reshape(-1, 6)[::-1]


def stored_read(
    instrument_id: int, timeframe: int, low: int, high: int, count: int, *, source: str = ""
) -> BarArrays:
    """Return the newest `count` bars with low <= open_time < high, oldest first.

    A packed day is read as its block, everything else as rows; the values are the same bits.
    A block whose checksum is wrong is left aside and its day read as rows.
    """
    slots = min(count, -(-(high - low) // timeframe))
    if slots <= FEW_BARS:
        return rows_read(instrument_id, timeframe, low, high, count, source=source)
    reader = _Reader(instrument_id, timeframe, low, high, count)
    while reader.need > 0:
        most = min(MOST_BLOCKS_AT_ONCE, reader.need * timeframe // DAY_S + 2)
        found, oldest = 0, low
        with opened(_BLOCKS, [instrument_id, timeframe, low - DAY_S, reader.edge, most]) as blocks:
            for oldest, number, data, digest in blocks:
                reader.take(oldest, number, data, digest)
                found += 1
        if found < most:
            reader.rows_down_to(low)
            break
        reader.rows_down_to(max(low, oldest))
    return reader.shelf.bars(timeframe, source)


class _Reader:
    """Collects bars from the newest to the oldest; what is below `edge` was not looked at yet."""

    def __init__(self, instrument_id: int, timeframe: int, low: int, high: int, count: int) -> None:
        self._series = (instrument_id, timeframe)
        self._low = low
        self.shelf = Shelf(min(count, -(-(high - low) // timeframe), MOST_ROOM))
        self.edge = high
        self.need = count

    def take(self, day: int, count: int, data: bytes, digest: int) -> None:
        """Take a packed day, after the rows between it and what was taken before."""
        if self.need <= 0:
            return
        if not self._is_whole(day, count, data, digest):
            log.warning(
                "the packed day %d of series %s is damaged: rows are read", day, self._series
            )
            return
        self.rows_down_to(max(self._low, day + DAY_S))
        if self.need <= 0:
            return
        times = np.frombuffer(data, "<i8", count)
        values = np.frombuffer(data, "<f8", 5 * count, 8 * count).reshape(5, count)
        if day < self._low or day + DAY_S > self.edge:
            first, last = times.searchsorted((self._low, self.edge))
            times, values = times[first:last], values[:, first:last]
        self._add(times, values)
        self.edge = day

    def _is_whole(self, day: int, count: int, data: bytes, digest: int) -> bool:
        """Tell whether a block is what was packed; its checksum is computed once a process."""
        if len(data) != count * BAR_BYTES:
            return False
        key = (*self._series, day)
        if _checked.get(key) == digest:
            return True
        if zlib.crc32(data) != digest:
            return False
        if len(_checked) >= MOST_CHECKED:
            _checked.clear()
        _checked[key] = digest
        return True

    def rows_down_to(self, low: int) -> None:
        if self.need > 0 and low < self.edge:
            table = _table(*self._series, low, self.edge, self.need)
            self._add(table[:, 0].astype(np.int64), table[:, 1:].T)
            self.edge = low

    def _add(self, times: Array, values: Array) -> None:
        first = max(0, len(times) - self.need)
        self.shelf.put(times[first:], values[:, first:])
        self.need -= len(times) - first


class Shelf:
    """Columns that are filled from their end: each piece is copied once, to where it stays.

    A piece may be forgotten at once, so that a long series never lies in memory twice.
    """

    def __init__(self, size: int) -> None:
        self._times = np.empty(size, np.int64)
        self._values = np.empty((5, size))
        self._at = size

    def put(self, times: Array, values: Array) -> None:
        """Put bars before those that were put earlier; `values` has a row a column."""
        if len(times) > self._at:
            self._grow(len(times))
        part = slice(self._at - len(times), self._at)
        self._times[part] = times
        self._values[:, part] = values
        self._at = part.start

    def _grow(self, more: int) -> None:
        used = len(self._times) - self._at
        larger = Shelf(2 * (used + more))
        larger.put(self._times[self._at :], self._values[:, self._at :])
        self._times, self._values, self._at = larger._times, larger._values, larger._at

    def bars(self, timeframe: int, source: str) -> BarArrays:
        times, values = self._times[self._at :], self._values[:, self._at :]
        if 2 * len(times) < len(self._times):
            # A few bars must not hold the room of many.
            times, values = times.copy(), values.copy()
        opens, highs, lows, closes, volumes = values
        return BarArrays(times, opens, highs, lows, closes, volumes, timeframe, source)
