"""Bars in and out of the database: many at once, a minute of many pairs, reads into arrays."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks import inputs
from benchmarks.children import answer
from benchmarks.figures import median
from benchmarks.inputs import MINUTE, walk
from benchmarks.ours import platform

platform.start()

from django.db import connection, transaction  # noqa: E402

from markets import series  # noqa: E402
from markets.bars import BarArrays  # noqa: E402
from markets.models import Candle, SeriesStamp  # noqa: E402
from markets.series import bars_load  # noqa: E402
from markets.services import bulk, candles_store  # noqa: E402
from markets.services.blocks import blocks_pack  # noqa: E402
from markets.stored import stored_read  # noqa: E402
from markets.types import Bar, Origin  # noqa: E402

DAY = 86_400
END = 1_700_000_000 // DAY * DAY + 12 * 3600  # half a day is not packed: the usual case
SOURCE = "replay:binance"
PIECE = 50_000
FIELDS = ("open", "high", "low", "close", "volume", "trades", "source", "origin", "received_at_ms")


def made(count: int, *, seed: int = 1) -> BarArrays:
    return inputs.series(walk(count, seed=seed, end=END - MINUTE), slice(None), source=SOURCE)


def pieces(bars: BarArrays) -> Iterator[BarArrays]:
    for first in range(0, len(bars), PIECE):
        yield bars.cut(slice(first, first + PIECE))


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def model_rows(key: int, bars: BarArrays) -> list[Candle]:
    columns = (bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume)
    names = ("open_time", "open", "high", "low", "close", "volume")
    return [
        Candle(
            instrument_id=key,
            timeframe=MINUTE,
            trades=-1,
            source=SOURCE,
            origin="backfill",
            received_at_ms=1,
            **dict(zip(names, row, strict=True)),
        )
        for row in zip(*(c.tolist() for c in columns), strict=True)
    ]


def upsert(rows: list[Candle]) -> None:
    Candle.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["instrument_id", "timeframe", "open_time"],
        update_fields=list(FIELDS),
        batch_size=5_000 if connection.vendor == "postgresql" else None,
    )


def fill(count: int) -> dict[str, Any]:
    """Write `count` bars our way, a tenth of them through the ORM, and, on PostgreSQL, barely."""
    bars = made(count)

    def ours() -> None:
        for piece in pieces(bars):
            bulk.candles_bulk(instrument_id=1, bars=piece, origin=Origin.BACKFILL, received_at_ms=1)

    def orm() -> None:
        for piece in pieces(made(count // 10)):
            upsert(model_rows(2, piece))

    found = {"ours": count / timed(ours), "orm": count // 10 / timed(orm)}
    if connection.vendor == "postgresql":
        found["bare"] = count / bare_copy(bars)
    return found


def bare_copy(bars: BarArrays) -> float:
    """Time nothing but COPY of buffers that are ready, into a table like ours."""
    buffers = [
        bulk.copy_buffer(bulk.columns_told(3, piece, "backfill", 1, None)) for piece in pieces(bars)
    ]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare_candle (LIKE markets_candle INCLUDING ALL)")
        statement = bulk.COPY.replace("markets_candle", "bare_candle")
        began = time.perf_counter()
        for buffer in buffers:
            with transaction.atomic(), cursor.copy(statement) as copy:
                copy.write(buffer)
        took = time.perf_counter() - began
        cursor.execute("DROP TABLE bare_candle")
    return took


def load(count: int, rounds: int) -> dict[str, float]:
    """Read the newest `count` bars: remembered, from the store, and by values_list; in ms."""
    names = ("open_time", "open", "high", "low", "close", "volume")
    rows = Candle.objects.filter(instrument_id=1, timeframe=MINUTE).order_by("-open_time")

    def orm() -> None:
        list(rows.values_list(*names)[:count])

    def stored() -> None:
        assert len(stored_read(1, MINUTE, 0, 2**62, count)) == count

    def ours() -> None:
        assert len(bars_load(1, MINUTE, limit=count)) == count

    series.forget()
    ours()
    timers = {"orm": orm, "stored": stored, "ours": ours}
    took: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, work in timers.items():
            took[name].append(1000 * timed(work))
    return {name: median(values) for name, values in took.items()}


def minutes(rounds: int) -> dict[str, list[float]]:
    """Upsert one bar of each of 500 pairs, again and again, our way and through the ORM."""
    keys = range(1000, 1500)
    SeriesStamp.objects.bulk_create(
        SeriesStamp(instrument_id=key, timeframe=MINUTE, stamp=key) for key in keys
    )
    values = (100.0, 102.0, 99.0, 101.0, 3.5)
    took: dict[str, list[float]] = {"ours": [], "orm": []}
    for number in range(rounds):
        at = END + number * MINUTE
        bars = [Bar(key, MINUTE, at, *values, 9, SOURCE, Origin.LIVE, 1) for key in keys]
        took["ours"].append(1000 * timed(lambda bars=bars: candles_store(bars, is_announced=False)))  # type: ignore[misc]
        one = BarArrays.from_rows([(at, *values)], timeframe=MINUTE, source=SOURCE)
        rows = [row for key in range(2000, 2500) for row in model_rows(key, one)]
        took["orm"].append(1000 * timed(lambda rows=rows: upsert(rows)))  # type: ignore[misc]
    return took


def sizes(count: int) -> dict[str, Any]:
    """Return bytes a bar of rows with their index, and of blocks."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE markets_candle")
            cursor.execute(
                "SELECT pg_total_relation_size('markets_candle'), "
                "pg_total_relation_size('markets_candleblock')"
            )
        else:
            cursor.execute(
                "SELECT (SELECT sum(pgsize) FROM dbstat WHERE name LIKE '%%markets_candle' "
                "OR name LIKE '%%autoindex_markets_candle_%%'), "
                "(SELECT sum(pgsize) FROM dbstat WHERE name LIKE '%%candleblock%%')"
            )
        rows, blocks = cursor.fetchone()
    return {"rows": rows / Candle.objects.count(), "blocks": blocks / count}


def work(count: int, rounds: int) -> dict[str, Any]:
    found: dict[str, Any] = {"fill": fill(count)}
    before = time.perf_counter()
    days = blocks_pack(most=10**6).days
    found["pack_ms_a_day"] = 1000 * (time.perf_counter() - before) / days
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE markets_candle")
            cursor.execute("VACUUM ANALYZE markets_candleblock")
    found["load_1000"] = load(1_000, rounds)
    found["load_100000"] = load(min(100_000, count - 1), max(5, rounds // 6))
    found["minute"] = minutes(rounds * 4)
    try:
        found["bytes"] = sizes(count)
    except Exception as fault:  # noqa: BLE001  a SQLite that was built without dbstat
        found["bytes"] = {"fault": str(fault)}
    assert np.isfinite(found["pack_ms_a_day"])
    return found


if __name__ == "__main__":
    answer(work)
