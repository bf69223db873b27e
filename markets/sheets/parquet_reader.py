"""Read a Parquet file of bars, a piece at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from markets.sheets.checks import (
    LEAST_MS,
    VALUE_NAMES,
    Checker,
    Chunk,
    Fault,
    columns_read,
    refuse,
)

CHUNK_ROWS = 50_000


def parquet_chunks(path: Path, checker: Checker) -> Iterator[Chunk]:
    """Yield the rows of a file; lines are counted as in a CSV file, so the first row is 2.

    Raises
    ------
    FileRefused
        If it is no Parquet file, or a column is missing, unknown or of another kind.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as fault:
        raise refuse(1, "this is no Parquet file") from fault
    names = file.schema_arrow.names
    places = columns_read(names)
    wanted = {name: names[place] for name, place in places.items()}
    _refuse_kinds(file.schema_arrow, wanted)
    begun = 2
    is_ms: bool | None = None
    for batch in file.iter_batches(CHUNK_ROWS, columns=list(wanted.values())):
        _tell_nulls(batch, wanted, begun, checker)
        times, is_exact_ms = _times(batch.column(wanted["time"]), checker, begun)
        if is_ms is None and len(times):
            is_ms = is_exact_ms or bool(times[0] >= LEAST_MS)
        _tell_mixed(times, begun, checker, is_ms=bool(is_ms))
        columns = [_floats(batch.column(wanted[name])) for name in VALUE_NAMES]
        yield Chunk(
            np.arange(begun, begun + len(times)),
            times,
            np.stack(columns, axis=1),
            _trades(batch, wanted),
            bool(is_ms),
        )
        begun += len(times)


def _refuse_kinds(schema: Any, wanted: dict[str, str]) -> None:
    from pyarrow import types

    for name, column in wanted.items():
        kind = schema.field(column).type
        if name == "time" and types.is_timestamp(kind):
            if kind.tz is None:
                raise refuse(1, "the times name no zone; write them in UTC", column=column)
            continue
        is_whole = types.is_integer(kind)
        if not (is_whole or (types.is_floating(kind) and name not in {"time", "trades"})):
            reason = f"is of the kind {kind}; whole seconds or a timestamp are wanted"
            reason = reason if name == "time" else f"is of the kind {kind}; a number is wanted"
            raise refuse(1, reason, column=column)


def _times(column: Any, checker: Checker, begun: int) -> tuple[Any, bool]:
    """Return the times as int64, and whether they were timestamps, then in milliseconds."""
    import pyarrow as pa

    if not pa.types.is_timestamp(column.type):
        return column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64), False
    units = {"s": 1, "ms": 1, "us": 10**3, "ns": 10**6}
    numbers = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    unit = column.type.unit
    for place in np.flatnonzero(numbers % units[unit])[:1].tolist():
        checker.add(Fault(begun + place, "time", "", "is a fraction of a millisecond"))
    return (numbers * 1000 if unit == "s" else numbers // units[unit]), True


def _floats(column: Any) -> Any:
    import pyarrow as pa

    return column.cast(pa.float64()).fill_null(1.0).to_numpy(zero_copy_only=False)


def _trades(batch: Any, wanted: dict[str, str]) -> Any:
    if "trades" not in wanted:
        return np.full(batch.num_rows, -1, dtype=np.int64)
    numbers = batch.column(wanted["trades"]).fill_null(-1).to_numpy(zero_copy_only=False)
    return numbers.astype(np.int64).clip(-1, 2**31 - 1)


def _tell_nulls(batch: Any, wanted: dict[str, str], begun: int, checker: Checker) -> None:
    for name, column in wanted.items():
        values = batch.column(column)
        if name == "trades" or not values.null_count:
            continue
        for place in np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False)).tolist():
            checker.add(Fault(begun + place, name, "", "is empty"))


def _tell_mixed(times: Any, begun: int, checker: Checker, *, is_ms: bool) -> None:
    reason = "seconds and milliseconds are mixed"
    for place in np.flatnonzero((times >= LEAST_MS) != is_ms)[:50].tolist():
        if times[place] > 0:
            checker.add(Fault(begun + place, "time", str(times[place]), reason))
