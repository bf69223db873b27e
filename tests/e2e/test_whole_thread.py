"""The whole thread, from recorded frames to alerts, in real processes, killed and not killed."""

import os
import signal
import time

import pytest

from tests.e2e.backtest import check_decisions
from tests.e2e.ledger_audit import Books, audit
from tests.e2e.market import FRAMES, Venue
from tests.e2e.outside import alert_texts, check_bars, check_deliveries, settle_in
from tests.product import Person, Product, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(os.environ.get("DATABASE_URL")), reason="the embedded shape is run on SQLite"
    ),
]


@pytest.fixture
def product(tmp_path, venue, outside):
    made = Product(tmp_path / "var", venue.address, **outside.settings())
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


def series_is_whole(product, last_open):
    books = Books(product.folder)
    newest = books.one("select max(open_time) from markets_candle")
    decided = books.one("select max(bar_open) from signals_decision where strategy_id = 1")
    waiting = books.one(
        "select count(*) from notifications_delivery where state in ('pending', 'sending')"
    )
    return newest == decided == last_open and waiting == 0


# Whoever concludes three bars behind may not act on it. So many bars a second are decided by every
# strategy also where another test keeps the machine busy.
@pytest.mark.parametrize("speed", [10])
def test_one_unattended_run_agrees_with_itself_to_the_unit(product, venue, outside, bars):
    product.start()
    person = Person(product)
    settle_in(person, outside)
    last = bars[-1][0] // 1000
    until("the end of the recording", lambda: series_is_whole(product, last), 300)
    portfolio = person.http.get("/api/portfolio").json()
    page = person.http.get("/portfolio/").text
    status = person.http.get("/api/health").json()
    assert product.stop() == 0
    books = audit(Books(product.folder))
    check_bars(books, bars)
    assert check_decisions(books) > 500
    entries = books.one("select count(*) from trading_order where side='buy' and status='filled'")
    exits = books.one("select count(*) from trading_order where side='sell' and status='filled'")
    assert entries >= 1
    assert exits >= 1
    bought = books.rows("select * from trading_order where side = 'buy' and status = 'filled'")
    assert all(order["stop_loss"] and order["take_profit"] for order in bought)
    sent = check_deliveries(books, outside)
    assert len(outside.subjects()) == sent["email"] > 1
    told = alert_texts(outside)
    assert len(told) == sent["telegram"] > 0
    cash = books.one(
        "select balance from trading_ledgeraccount where kind = 'cash' and asset = 'USDT'"
    )
    assert round(float(portfolio["data"]["cash"]) * 10**8) == cash
    assert portfolio["live_data"] is False
    assert "REPLAY" in page
    assert status["live_data"] is False


def test_killed_again_and_again_it_loses_nothing_and_doubles_nothing(product, venue, outside, bars):
    product.start()
    person = Person(product)
    settle_in(person, outside)
    last = bars[-1][0] // 1000
    kills = 0
    for wait_s in (2.3, 4.1, 3.2, 5.7):
        time.sleep(wait_s)  # noqa: TID251  the moments of the kills
        product.kill()
        kills += 1
        product.start()
    until("the end of the recording", lambda: series_is_whole(product, last), 300)
    assert product.stop(signal.SIGINT) == 0
    books = audit(Books(product.folder))
    check_bars(books, bars)
    assert check_decisions(books) > 500
    sent = check_deliveries(books, outside)
    told = alert_texts(outside)
    assert sent["telegram"] <= len(told) <= sent["telegram"] + kills
    repeated = [text for text in told if "may be a repeat" in text]
    assert len(told) - len(set(told)) <= len(repeated) <= kills


def test_real_frames_become_the_venues_own_quotes_bars_and_fills(tmp_path, outside):
    if not FRAMES.exists():
        pytest.skip("needs the recorded frames")
    venue = Venue(tmp_path, str(FRAMES), "--speed", "12")
    product = Product(tmp_path / "var", venue.address, **outside.settings())
    try:
        product.start()
        person = Person(product)
        person.sign_up("ann", "ann@example.org")
        until("a quote", lambda: person.http.get("/api/v1/market-data/BTCUSDT").status_code == 200)
        bought = person.post(
            "/trading/ticket/BTCUSDT/",
            {"side": "buy", "type": "market", "quantity": "0.002", "idempotency_key": "first"},
        )
        assert bought.status_code == 200, bought.text
        until("the end of the recording", lambda: venue.is_over, 180)
        assert product.stop() == 0
    finally:
        venue.stop()
        if product.process is not None and product.process.poll() is None:
            product.kill()
    books = audit(Books(product.folder))
    fill = books.rows("select * from trading_fill")[0]
    assert fill["quantity"] == 200_000
    assert 61_600 * 10**2 < fill["price"] / 10 ** (price_scale(books) - 2) < 61_900 * 10**2
    assert fill["fee"] == -(-fill["notional"] // 1000)
    opens = [
        row["open_time"] for row in books.rows("select * from markets_candle order by 1, 2, 3")
    ]
    assert opens[-1] % 60 == 0
    assert len(opens) == len(set(opens)) >= 4


def price_scale(books):
    return books.one("select price_scale from markets_instrument where symbol = 'BTC/USDT'")
