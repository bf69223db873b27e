"""Paper orders on SQLite, alone and beside a back-fill that writes without a pause."""

import threading
import time
from typing import Any

from benchmarks.children import answer
from benchmarks.inputs import series, walk
from benchmarks.ours import paper_order, platform

from django.contrib.auth import get_user_model  # isort: skip  # once Django is set up
from django.db import connections  # isort: skip

from markets.quotes import store  # isort: skip
from markets.services.bulk import candles_bulk  # isort: skip
from markets.types import Origin  # isort: skip
from trading.models import Order  # isort: skip
from trading.services.accounts import account_open  # isort: skip

PAGE = 1_000


def work(count: int) -> dict[str, Any]:
    store.is_local = True
    instrument = platform.instruments()[0]
    person = get_user_model().objects.create_user("ann", "ann@example.org", "a long phrase 1")
    account = account_open(user=person)
    sides = (Order.Side.BUY, Order.Side.SELL)

    def trades(number: int) -> list[float]:
        return [paper_order.trade(account, instrument, sides[n % 2])[0] for n in range(number)]

    trades(10)
    alone = trades(count)
    over, written = threading.Event(), [0]

    def hog() -> None:
        made = walk(500_000)
        first = 0
        while not over.is_set():
            part = slice(first, first + PAGE)
            page = series(made, part, source="x")
            candles_bulk(instrument_id=999, bars=page, origin=Origin.BACKFILL, received_at_ms=1)
            written[0] += len(page)
            first = (first + PAGE) % 499_000
        connections.close_all()

    thread = threading.Thread(target=hog)
    thread.start()
    over.wait(0.3)
    began, before = time.perf_counter(), written[0]
    beside = trades(count)
    rate = (written[0] - before) / (time.perf_counter() - began)
    over.set()
    thread.join()
    return {"alone": alone, "beside": beside, "bars_per_s": rate}


if __name__ == "__main__":
    answer(work)
