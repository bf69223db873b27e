"""One minute of many instruments closes: bars stored, strategies asked, signals out."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.children import answer
from benchmarks.inputs import MINUTE, Walk, walk
from benchmarks.ours import platform

platform.start()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from markets.services.candles import candles_store  # noqa: E402
from markets.types import Bar, Origin  # noqa: E402
from mystic.lib import bus  # noqa: E402
from signals.columns.engine import history_needed  # noqa: E402
from signals.events import SignalRaised  # noqa: E402
from signals.models import Decision, Strategy  # noqa: E402
from signals.services import evaluate, patterns_store, strategies_sync  # noqa: E402
from signals.strategies.registry import CLASSES  # noqa: E402

# The others look at feeds and symbols that the walks do not have.
ASKED = ("SmcConfluence", "TrendPullback")
# Every timeframe of a strategy closes with it.
STEP = 5 * MINUTE


class Market:
    """The instruments, their walks, and how far they are told."""

    def __init__(self, closes: int) -> None:
        self.instruments = platform.instruments()
        needs = [max(history_needed(cls()).values()) for cls in map(CLASSES.get, ASKED) if cls]
        self.history = max(1500, max(needs) // MINUTE + 10)
        end = int(time.time()) // STEP * STEP - MINUTE
        count = self.history + 1 + closes * STEP // MINUTE
        self.walks: list[Walk] = [walk(count, seed=one.pk, end=end) for one in self.instruments]
        self.told = 0
        self.tell(self.history, is_announced=False)

    def tell(self, count: int, *, is_announced: bool) -> int:
        """Store the next bars of every instrument; return the time at which they closed."""
        part = slice(self.told, self.told + count)
        self.told += count
        bars = [
            self.bar(one.pk, values)
            for one, made in zip(self.instruments, self.walks, strict=True)
            for values in zip(*(column[part].tolist() for column in made), strict=True)
        ]
        for first in range(0, len(bars), 20_000):
            candles_store(bars[first : first + 20_000], is_announced=is_announced)
        return bars[-1].close_time

    @staticmethod
    def bar(instrument_id: int, values: tuple[Any, ...]) -> Bar:
        opened, *prices, volume = values
        open_, high, low, close = prices
        return Bar(
            instrument_id=instrument_id,
            timeframe=MINUTE,
            open_time=opened,
            open=open_,
            high=high,
            low=low,
            close=close,
            volume=volume,
            trades=10,
            source="replay:binance",
            origin=Origin.LIVE,
            received_at_ms=1,
        )


signals: list[int] = []


def close(market: Market) -> dict[str, float]:
    """Close one bar of every instrument and time what follows, in milliseconds."""
    signals.clear()
    before = Decision.objects.count()
    began = time.perf_counter()
    at = market.tell(1, is_announced=True)
    stored = time.perf_counter()
    evaluate(MINUTE, at)
    decided = time.perf_counter()
    patterns_store(at)
    drawn = time.perf_counter()
    return {
        "stored": 1000 * (stored - began),
        "decided": 1000 * (decided - stored),
        "total": 1000 * (decided - began),
        "patterns": 1000 * (drawn - decided),
        "decisions": Decision.objects.count() - before,
        "signals": len(signals),
    }


def bare(at: int) -> float:
    """Write the rows of the close at `at` again in one bare transaction: the limit."""
    tables = {
        "markets_candle": f"open_time = {at - MINUTE}",
        "signals_decision": f"bar_open in ({at - MINUTE}, {at - STEP})",
        "signals_signal": f"bar_close = {at}",
    }
    rows = {}
    with connection.cursor() as cursor:
        for table, condition in tables.items():
            cursor.execute(f"SELECT * FROM {table} WHERE {condition}")
            rows[table] = cursor.fetchall()
            cursor.execute(f"CREATE TABLE bare_{table} AS SELECT * FROM {table} WHERE 0")
    path = Path(settings.DATABASES["default"]["NAME"])
    with closing(sqlite3.connect(path, autocommit=False)) as database:
        database.autocommit = True
        database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        began = time.perf_counter()
        database.execute("BEGIN IMMEDIATE")
        for table, found in rows.items():
            if found:
                marks = ", ".join("?" * len(found[0]))
                database.executemany(f"INSERT INTO bare_{table} VALUES ({marks})", found)
        database.execute("COMMIT")
        return 1000 * (time.perf_counter() - began)


def work(closes: int) -> dict[str, Any]:
    strategies_sync()
    Strategy.objects.exclude(class_name__in=ASKED).update(is_active=False)
    bus.subscribe(SignalRaised, lambda event: signals.append(event.signal_id))
    market = Market(closes)
    # The first evaluation after a start reads all the history; then each minute only the new.
    cold = close(market)
    at = 0
    found = []
    for _ in range(closes):
        for _ in range(STEP // MINUTE - 1):
            at = market.tell(1, is_announced=True)
            evaluate(MINUTE, at)
            patterns_store(at)
        found.append(close(market))
    verdicts = sorted(set(Decision.objects.values_list("verdict", flat=True)))
    limit = bare(int(market.walks[0].open_time[market.told - 1]) + MINUTE)
    return {
        "cold": cold,
        "closes": found,
        "limit": limit,
        "history": market.history,
        "verdicts": verdicts,
    }


if __name__ == "__main__":
    answer(work)
