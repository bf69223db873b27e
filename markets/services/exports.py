"""Write stored bars as CSV or Parquet, a piece at a time, with where each bar came from."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from markets.stored import fetched

PIECE_ROWS = 10_000
LARGEST_TIME = 2**62
FORMATS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
HEADER = (
    "open_time", "open", "high", "low", "close", "volume", "trades", "source", "origin",
)  # fmt: skip
# A spreadsheet takes a cell that begins with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROWS = """
SELECT open_time, open, high, low, close, volume, trades, source, origin FROM markets_candle
WHERE instrument_id = %s AND timeframe = %s AND open_time >= %s AND open_time < %s
ORDER BY open_time LIMIT %s
"""


def candles_export(
    *, instrument_id: int, timeframe: int, start: int, end: int, form: str
) -> Iterator[bytes]:
    """Yield the stored bars with start <= open_time < end as a file, oldest first.

    Whatever is stored is written, on both sides of a hole; a hole is left out, not filled. What
    comes out goes in again by `candles_import` with the same bits.

    Parameters
    ----------
    start, end : int
        UTC epoch seconds.
    form : str
        `csv` or `parquet`.
    """
    pieces = _pieces(instrument_id, timeframe, start, end)
    return _csv(pieces) if form == "csv" else _parquet(pieces)


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula, quoted where CSV wants it."""
    plain = f"'{text}" if text.startswith(FORMULA) else text
    if any(mark in plain for mark in ',"\r\n'):
        return '"' + plain.replace('"', '""') + '"'
    return plain


def _pieces(instrument_id: int, timeframe: int, start: int, end: int) -> Iterator[list[Any]]:
    edge = start
    while rows := fetched(_ROWS, [instrument_id, timeframe, edge, end, PIECE_ROWS]):
        yield rows
        edge = rows[-1][0] + 1


def _csv(pieces: Iterator[list[Any]]) -> Iterator[bytes]:
    yield (",".join(HEADER) + "\n").encode()
    for rows in pieces:
        yield "".join(map(_line, rows)).encode()


def _line(row: Any) -> str:
    time, opened, high, low, close, volume, trades, source, origin = row
    said = "" if trades < 0 else trades
    moment = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = f"{opened!r},{high!r},{low!r},{close!r},{volume!r}"
    return f"{moment},{values},{said},{safe_cell(source)},{safe_cell(origin)}\n"


class _Sink:
    """A file that is only written: what came since the last look can be taken away."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        found, self._parts = b"".join(self._parts), []
        return found

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def _parquet(pieces: Iterator[list[Any]]) -> Iterator[bytes]:
    import pyarrow as pa
    from pyarrow import parquet

    names = list(HEADER)
    kinds = [pa.timestamp("ms", "UTC"), *[pa.float64()] * 5, pa.int32(), pa.string(), pa.string()]
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema) as writer:
        for rows in pieces:
            columns = [list(column) for column in zip(*rows, strict=True)]
            columns[0] = [1000 * time for time in columns[0]]
            arrays = [pa.array(c, kind) for c, kind in zip(columns, kinds, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield sink.taken()
    yield sink.taken()
