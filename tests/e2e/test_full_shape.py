"""The same thread on PostgreSQL and Redis, each process killed once while it runs."""

import os
import time

import pytest

from tests.e2e.full import FullProduct
from tests.e2e.ledger_audit import PostgresBooks, audit
from tests.e2e.outside import alert_texts, check_bars, check_deliveries, settle_in
from tests.product import Person, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.skipif(
        not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")),
        reason="needs DATABASE_URL and REDIS_URL",
    ),
]


@pytest.fixture
def product(tmp_path, venue, outside):
    made = FullProduct(tmp_path / "var", venue.address, **outside.settings())
    yield made
    made.stop()
    made.drop()


def is_whole(books, last_open):
    newest = books.one("select max(open_time) from markets_candle")
    decided = books.one("select max(bar_open) from signals_decision where strategy_id = 1")
    waiting = books.one(
        "select count(*) from notifications_delivery where state in ('pending', 'sending')"
    )
    return newest == decided == last_open and waiting == 0


def test_each_process_is_killed_and_nothing_is_lost_or_doubled(product, outside, bars):
    product.start()
    person = Person(product)
    settle_in(person, outside)
    last = bars[-1][0] // 1000
    for part in ("worker", "stream-1", "beat", "web"):
        time.sleep(1.5)  # noqa: TID251  the moments of the kills
        product.kill(part)
        time.sleep(0.5)  # noqa: TID251
        product.start_part(part)
    books = PostgresBooks(product.database_url)
    until("the end of the recording", lambda: is_whole(books, last), 300)
    until("the page to be back", product.answers, 120)
    person.sign_in("ann")
    portfolio = person.http.get("/api/portfolio").json()
    assert product.stop() == []
    audit(books)
    check_bars(books, bars)
    sent = check_deliveries(books, outside)
    told = alert_texts(outside)
    assert sent["telegram"] <= len(told) <= sent["telegram"] + 2
    cash = books.one(
        "select balance from trading_ledgeraccount where kind = 'cash' and asset = 'USDT'"
    )
    assert round(float(portfolio["data"]["cash"]) * 10**8) == cash
