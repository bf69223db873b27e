"""A paper market order, from the call to the booked fill, on SQLite with full sync."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.children import answer
from benchmarks.ours import platform
from mystic.lib import bus
from trading.events import OrderFilled

booked: list[float] = []
# Before the platform attaches its own listeners: this one hears of the commit first.
bus.subscribe(OrderFilled, lambda event: booked.append(time.perf_counter()))

platform.start()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection  # noqa: E402

from markets.models import Instrument  # noqa: E402
from markets.quotes import store  # noqa: E402
from markets.types import BookView, Quote  # noqa: E402
from trading.models import Account, Order  # noqa: E402
from trading.services.accounts import account_open  # noqa: E402
from trading.services.orders import order_place  # noqa: E402
from trading.tickets import Ticket  # noqa: E402

BID, ASK = 999.99, 1000.01
QUANTITY = 10**6  # a hundredth of the base asset
SOURCE = "replay:binance"


def tell_quote(instrument: Instrument) -> None:
    """Put a fresh quote and book where the streamer would."""
    wall, mono = time.time_ns() // 10**6, time.monotonic_ns() // 10**6
    levels = tuple(range(20))
    store.put(
        Quote(instrument.pk, BID, 5.0, ASK, 5.0, BID, SOURCE, False, None, wall, mono)  # noqa: FBT003
    )
    store.put_book(
        BookView(
            instrument.pk,
            tuple((BID - 0.01 * i, 5.0) for i in levels),
            tuple((ASK + 0.01 * i, 5.0) for i in levels),
            1,
            SOURCE,
            False,  # noqa: FBT003
            wall,
            wall,
            mono,
        )
    )


def trade(account: Account, instrument: Instrument, side: str) -> tuple[float, float]:
    """Place one order; return the milliseconds until its fill was booked and until all know."""
    tell_quote(instrument)
    booked.clear()
    began = time.perf_counter()
    order = order_place(
        Ticket(
            account_id=account.pk,
            instrument_id=instrument.pk,
            side=side,
            quantity=QUANTITY,
            is_reduce_only=side == Order.Side.SELL,
        )
    )
    told = time.perf_counter()
    if order.status != Order.Status.FILLED:
        raise RuntimeError(f"the order was {order.status}: {order.reason_code}")
    return 1000 * (booked[0] - began), 1000 * (told - began)


class Statements:
    """Counts what an order says to the database."""

    def __init__(self) -> None:
        self.writes = 0
        self.reads = 0

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: Any, context: Any
    ) -> Any:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            self.writes += 1
        else:
            self.reads += 1
        return execute(sql, params, many, context)


def bare(writes: int, reads: int, count: int) -> list[float]:
    """Time transactions of as many plain statements: the limit."""
    path = Path(settings.DATABASES["default"]["NAME"]).with_name("bare.sqlite3")
    with closing(sqlite3.connect(path, autocommit=True)) as database:
        database.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, a, b, c, d);"
        )
        took = []
        for _ in range(count):
            began = time.perf_counter()
            database.execute("BEGIN IMMEDIATE")
            for _ in range(reads):
                database.execute("SELECT * FROM row WHERE id = ?", (1,)).fetchall()
            for number in range(writes):
                database.execute(
                    "INSERT INTO row (a, b, c, d) VALUES (?, ?, ?, ?)", (number, 1.0, "x", "y")
                )
            database.execute("COMMIT")
            took.append(1000 * (time.perf_counter() - began))
        return took


def work(count: int) -> dict[str, Any]:
    store.is_local = True  # as in the one process: who streams also executes
    instrument = platform.instruments()[0]
    person = get_user_model().objects.create_user("ann", "ann@example.org", "a long phrase 1")
    account = account_open(user=person)
    sides = (Order.Side.BUY, Order.Side.SELL)
    statements = Statements()
    for side in sides * 5:
        trade(account, instrument, side)
    with connection.execute_wrapper(statements):
        for side in sides:
            trade(account, instrument, side)
    took = [trade(account, instrument, sides[number % 2]) for number in range(count)]
    writes, reads = statements.writes // 2, statements.reads // 2
    return {
        "booked": [one for one, _ in took],
        "told": [one for _, one in took],
        "writes": writes,
        "reads": reads,
        "limit": bare(writes, reads, count),
        "fills": Order.objects.filter(status=Order.Status.FILLED).count(),
    }


if __name__ == "__main__":
    answer(work)
