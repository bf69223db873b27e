"""Bars in and out of SQLite and, where it answers, PostgreSQL; orders beside a back-fill."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.children import Child
from benchmarks.figures import Figure, higher, lower, median, percentile
from benchmarks.ours.platform import environment

SERVER = "postgres://postgres@127.0.0.1:5432/postgres"


def measure(*, is_quick: bool) -> dict[str, Figure]:
    size = {"count": 100_000 if is_quick else 1_000_000, "rounds": 10 if is_quick else 60}
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory(prefix="mystic-") as folder:
        found = _child(folder, size)
    figures |= _figures("sqlite", found)
    with _database() as url:
        if url:
            with tempfile.TemporaryDirectory(prefix="mystic-") as folder:
                found = _child(folder, size, DATABASE_URL=url)
            figures |= _figures("postgres", found)
        else:
            print(f"  PostgreSQL does not answer at {SERVER}: not measured")
    with tempfile.TemporaryDirectory(prefix="mystic-") as folder:
        settings = environment(folder, ["L00/USDT"])
        with Child("benchmarks.ours.order_beside", environment=settings) as child:
            beside = child.ask(count=60 if is_quick else 400)
    print(f"  the back-fill beside the orders wrote {beside['bars_per_s']:,.0f} bars/s")
    return figures | {
        "order_beside_backfill_p99": lower(
            percentile(beside["beside"], 99),
            "ms",
            limit=percentile(beside["alone"], 99),
            goal="ours <= 20",
        ),
    }


def _child(folder: str, size: dict[str, int], **more: str) -> dict[str, Any]:
    settings = {**environment(folder, ["L00/USDT"]), **more}
    with Child("benchmarks.ours.candles", environment=settings) as child:
        return child.ask(**size)


def _figures(database: str, found: dict[str, Any]) -> dict[str, Figure]:
    fill, minute = found["fill"], found["minute"]
    print(f"  {database}: packing a day {found['pack_ms_a_day']:.1f} ms, bytes {found['bytes']}")
    figures = {
        f"candles_fill_{database}": higher(
            fill["ours"], "bars/s", peer=fill["orm"], goal="ratio >= 5"
        ),
        f"candles_minute_{database}_p99": lower(
            percentile(minute["ours"], 99), "ms", goal="ours <= 15"
        ),
        f"candles_minute_{database}": lower(
            median(minute["ours"]), "ms", peer=median(minute["orm"]), goal="ratio >= 3"
        ),
    }
    if "bare" in fill:
        figures[f"candles_fill_{database}_of_limit"] = higher(
            fill["ours"], "bars/s", limit=fill["bare"], goal="ratio >= 0.5"
        )
    for count, wanted in (("1000", 6), ("100000", 30)):
        load = found[f"load_{count}"]
        figures[f"candles_load_{count}_{database}"] = lower(
            load["ours"], "ms", peer=load["orm"], goal=f"ratio >= {wanted}"
        )
        figures[f"candles_load_{count}_{database}_unremembered"] = lower(
            load["stored"], "ms", peer=load["orm"]
        )
    return figures


@contextmanager
def _database() -> Iterator[str]:
    """Give the address of a database of our own, or nothing where no server answers."""
    import psycopg

    name = f"mystic_bench_{os.getpid()}"
    try:
        with psycopg.connect(SERVER, autocommit=True, connect_timeout=2) as connection:
            connection.execute(f"CREATE DATABASE {name}")
    except psycopg.OperationalError:
        yield ""
        return
    try:
        yield f"{SERVER.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(SERVER, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
