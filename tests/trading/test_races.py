"""What two at once may not do; Postgres is the proof, SQLite serialises writers itself."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import IntegrityError, InternalError, connection, connections, transaction

from markets.quotes import store
from mystic.lib.append_only import AppendOnlyError
from tests.trading.conftest import units
from trading.models import Account, Fill, LedgerEntry, Order, OrderEvent, Position, RiskDay
from trading.services.fills import paper_execute, position_exit
from trading.services.ledger import ledger_verify
from trading.services.limits import limits_change
from trading.services.orders import order_place
from trading.services.risk_days import daily_loss_check

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("exact")]


def together(work, count=4):
    """Run `work(n)` in `count` threads that begin at once; return what they raised."""
    gate, faults = threading.Barrier(count), []

    def run(number):
        try:
            gate.wait()
            work(number)
        except Exception as fault:  # noqa: BLE001  whatever it is, the test shows it
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite hides this race")
def test_four_threads_never_pass_the_daily_loss_cap(account, btc, market, ticket):
    store.is_local = False  # what is approved stays at work, so only approval is measured
    limits_change(
        account=account,
        max_position_fraction=1.0,
        max_position_notional=units("5000"),
        max_daily_loss=units("20"),
    )
    wish = ticket(
        quantity="0.0005", type="limit", limit_price=units("60000"), stop_loss=units("59000")
    )

    def work(_number):
        for _ in range(100):
            order_place(wish)

    assert together(work) == []
    assert Order.objects.count() == 400
    # each risks 0.0005 * 1000 = 0.5, so 40 fit into 20
    assert Order.objects.filter(risk_verdict="approved").count() == 40
    denied = Order.objects.filter(status="denied").values_list("reason_code", flat=True)
    assert set(denied) == {"risk_daily_loss_budget"}


def test_no_entry_is_approved_after_the_halt(account, btc, market, ticket):
    quote = market.quote(btc, 60000.0, 60010.0)
    assert quote
    order_place(ticket())
    paper_execute(Order.objects.get().pk)
    limits_change(account=account, max_daily_loss=1)

    def work(number):
        if number == 0:
            daily_loss_check(account.pk)
        else:
            for _ in range(5):
                order_place(ticket())

    assert together(work) == []
    day = RiskDay.objects.get()
    assert day.is_halted
    assert Order.objects.filter(risk_verdict="approved").count() == 1
    exit_order = position_exit(Position.objects.get().pk, cause="by hand", actor="ann")
    assert paper_execute(exit_order.pk).status == "filled"


def test_one_order_executed_by_four_threads_fills_once(account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order = order_place(ticket())
    assert together(lambda _: paper_execute(order.pk)) == []
    assert Fill.objects.count() == 1
    assert Position.objects.get().quantity == units("0.001")


def test_one_position_left_by_four_threads_is_left_once(account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.0)
    paper_execute(order_place(ticket()).pk)
    position = Position.objects.get()
    assert together(lambda _: position_exit(position.pk, cause="stop", actor="watch")) == []
    assert Order.objects.filter(side="sell").count() == 1


def test_one_key_sent_by_four_threads_is_one_order(account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.0)
    wish = ticket(idempotency_key="the-same")
    assert together(lambda _: order_place(wish)) == []
    assert Order.objects.count() == 1


LOOP = """
import os, sys
import django
django.setup()
from django.db import connections
from markets.models import Instrument
from markets.quotes import store
from mystic.lib import bus
from tests.trading.conftest import LISTENERS, Market, units
from trading.models import Account
from trading.services.fills import position_exit
from trading.services.orders import order_place
from trading.tickets import Ticket
for kind, handler in LISTENERS:
    bus.subscribe(kind, handler)
store.is_local = True
market, btc, account = Market(), Instrument.objects.get(), Account.objects.get()
while True:
    market.quote(btc, 60000.0, 60010.0)
    ticket = Ticket(account.pk, btc.pk, "buy", quantity=units("0.001"))
    order = order_place(ticket)
    print("order", order.pk, order.status, flush=True)
    order = position_exit(order.position_id, cause="loop", actor="loop")
    print("order", order.pk, order.status, flush=True)
"""


@pytest.mark.parametrize("after", [5, 12])
def test_a_killed_process_loses_and_doubles_nothing(account, btc, after):
    name = str(connection.settings_dict["NAME"])
    environ = os.environ | {"DJANGO_SETTINGS_MODULE": "mystic.settings"}
    if connection.vendor == "postgresql":
        environ["DATABASE_URL"] = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}"
        program = LOOP
    else:
        point = (
            f"from django.conf import settings; settings.DATABASES['default']['NAME'] = {name!r}\n"
        )
        program = point + LOOP
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    acknowledged = [process.stdout.readline().split() for _ in range(after)]
    os.kill(process.pid, signal.SIGKILL)
    acknowledged += [line.split() for line in process.stdout.read().splitlines()]
    process.wait()
    process.stdout.close()
    connection.close()

    assert ledger_verify() == []
    statuses = dict(Order.objects.values_list("pk", "status"))
    for word in acknowledged:
        if len(word) == 3:
            assert statuses[int(word[1])] == word[2] == "filled"
    for order in Order.objects.prefetch_related("fills"):
        assert order.filled == sum(fill.quantity for fill in order.fills.all())
        assert order.fills.count() <= 1
    working = Order.objects.filter(status__in=Order.WORKING)
    assert working.count() <= 1
    # what was cut off between approval and fill goes on after the restart
    for order in working:
        assert paper_execute(order.pk).status in {"accepted", "expired"}


def refused(build):
    """Run a write that the database must refuse, whole."""
    with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
        build()


@pytest.fixture
def filled(account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.0)
    return paper_execute(order_place(ticket()).pk)


INSERT_FILL = """
    INSERT INTO trading_fill (order_id, trade_id, quantity, price, notional, fee, fee_asset,
        realised, source, origin, quote_received_at_ms, quote_age_ms, max_age_ms, filled_at)
    SELECT order_id, {trade}, quantity, price, notional, fee, fee_asset,
        realised, source, origin, quote_received_at_ms, {age}, 3000, filled_at FROM trading_fill
"""


def run(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE trading_ledgerentry SET amount = amount + 1",
        "UPDATE trading_orderevent SET actor = 'nobody'",
        "UPDATE trading_fill SET price = price + 1",
        "UPDATE trading_account SET mode = 'live'",
        "UPDATE trading_order SET mode = 'live'",
        "UPDATE trading_order SET filled = quantity + 1",
        "UPDATE trading_order SET risk_decision_id = NULL",
        "UPDATE trading_order SET risk_verdict = 'denied'",
        "UPDATE trading_ledgeraccount SET balance = -1 WHERE kind = 'cash'",
        "UPDATE trading_position SET quantity = -1",
        INSERT_FILL.format(trade="'paper-9'", age="3001"),
        INSERT_FILL.format(trade="trade_id", age="quote_age_ms"),
    ],
)
def test_the_database_refuses_what_the_services_never_do(filled, sql):
    before = list(LedgerEntry.objects.values()), Fill.objects.count(), Account.objects.get().mode
    refused(lambda: run(sql))
    after = list(LedgerEntry.objects.values()), Fill.objects.count(), Account.objects.get().mode
    assert after == before


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the type check is SQLite's")
def test_sqlite_refuses_money_that_is_not_whole(filled):
    refused(lambda: run("UPDATE trading_position SET cost = 1.5"))


def test_postgres_refuses_to_delete_the_record(filled):
    if connection.vendor == "postgresql":
        refused(lambda: run("DELETE FROM trading_ledgerentry"))
    for model in (LedgerEntry, Fill, OrderEvent):
        row = model.objects.first()
        with pytest.raises(AppendOnlyError):
            row.delete()
        with pytest.raises(AppendOnlyError):
            row.save()
        with pytest.raises(AppendOnlyError):
            model.objects.all().delete()
        with pytest.raises(AppendOnlyError):
            model.objects.update(pk=1)
