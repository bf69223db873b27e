"""Signals become orders of every deployment, once, sized by its account."""

from datetime import timedelta

import pytest
from django.utils import timezone

from markets.models import Venue
from mystic.lib import bus
from tests.trading.conftest import units
from trading import desk, tasks
from trading.events import OrderSubmitted, RiskHalted
from trading.models import Order, Position, RiskDay
from trading.services.accounts import account_open
from trading.services.deployments import deployment_start, deployment_stop, signals_act
from trading.services.fills import orders_expire, paper_execute
from trading.services.limits import limits_change
from trading.services.locks import lock_set
from trading.services.orders import order_place
from trading.services.risk_days import daily_loss_check

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("flow", "exact")]


@pytest.fixture
def running(account, strategy, market, btc):
    market.quote(btc, 60000.0, 60010.0)
    return deployment_start(account=account, strategy=strategy)


def test_a_buy_is_sized_stopped_and_filled(running, make_signal):
    signal = make_signal(stop=58999.999, take=63000.0)
    signals_act(signal.pk)
    order = Order.objects.get()
    assert (order.status, order.quantity) == ("filled", units("0.00333"))
    position = Position.objects.get()
    assert position.deployment == running
    assert position.stop_price == units("58999.99")
    assert position.take_price == units("63000")
    signal.refresh_from_db()
    assert signal.acted_at is not None


def test_the_second_ring_changes_nothing(running, make_signal):
    signal = make_signal()
    signals_act(signal.pk)
    type(signal).objects.update(acted_at=None)
    signals_act(signal.pk)
    assert Order.objects.count() == 1


def test_every_users_deployment_gets_its_own_order(running, make_signal, ben, cid, strategy):
    account = account_open(user=ben)
    limits_change(account=account, max_position_fraction=0.01)
    deployment_start(account=account, strategy=strategy)
    account_open(user=cid)
    signals_act(make_signal().pk)
    orders = {o.account.owner.username: o.quantity for o in Order.objects.all()}
    assert orders == {"ann": units("0.00333"), "ben": units("0.00166")}


def test_a_sell_leaves_the_deployments_position_and_no_other(
    running, make_signal, ticket, market, btc
):
    order_place(ticket())
    signals_act(make_signal().pk)
    assert Position.objects.filter(closed_at=None).count() == 2
    signals_act(make_signal("SELL").pk)
    left = Position.objects.get(closed_at=None)
    assert left.deployment is None
    exit_order = Order.objects.get(side="sell")
    assert (exit_order.status, exit_order.deployment) == ("filled", running)
    signals_act(make_signal("SELL").pk)
    assert Order.objects.filter(side="sell").count() == 1


@pytest.mark.parametrize("waited", [61, 3600])
def test_a_stale_signal_is_denied_with_its_reason(running, make_signal, waited):
    running.created_at = timezone.now() - timedelta(days=1)
    running.save()
    signal = make_signal(created_at=timezone.now() - timedelta(seconds=waited))
    signals_act(signal.pk)
    order = Order.objects.get()
    assert (order.status, order.reason_code) == ("denied", "stale_signal")
    assert order.fills.count() == 0


def test_a_live_signal_concluded_long_after_its_bar_is_stale(running, make_signal):
    signals_act(make_signal(is_live=True).pk)
    assert Order.objects.get().reason_code == "stale_signal"


def test_without_a_quote_a_signal_is_denied(account, strategy, make_signal, btc, market):
    deployment_start(account=account, strategy=strategy)
    signals_act(make_signal().pk)
    assert Order.objects.get().reason_code == "no_fresh_quote"


def test_other_symbols_and_stopped_deployments_do_nothing(
    account, strategy, make_signal, make_instrument, market, btc
):
    eth = make_instrument("ETH/USDT")
    market.quote(btc, 60000.0, 60010.0)
    market.quote(eth, 2000.0, 2001.0)
    running = deployment_start(account=account, strategy=strategy, symbols=["ETH/USDT"])
    signals_act(make_signal().pk)
    assert not Order.objects.exists()
    signals_act(make_signal(instrument=eth).pk)
    assert Order.objects.get().instrument == eth
    assert deployment_stop(deployment=running)
    assert not deployment_stop(deployment=running)
    signals_act(make_signal(instrument=eth).pk)
    assert Order.objects.count() == 1


def test_the_sweep_acts_on_a_signal_that_nobody_heard(running, make_signal):
    running.created_at -= timedelta(minutes=1)
    running.save()
    make_signal(created_at=timezone.now() - timedelta(seconds=6))
    tasks.sweep()
    assert Order.objects.get().status == "filled"


def test_a_replayed_quote_never_meets_a_live_instrument(market, btc, ticket):
    market.quote(btc, 60000.0, 60010.0, source="replay:binance")
    order = order_place(ticket())
    assert (order.status, order.reason_code) == ("denied", "source_mismatch")


def test_a_replay_venue_fills_and_says_so(market, make_instrument, ticket):
    venue = Venue.objects.create(code="replay:binance", name="Replay", is_replay=True)
    recorded = make_instrument(venue=venue)
    market.quote(recorded, 60000.0, 60010.0, source="replay:binance")
    order = order_place(ticket(instrument_id=recorded.pk))
    assert order.fills.get().origin == "replay"
    market.quote(recorded, 60000.0, 60010.0, source="binance")
    assert order_place(ticket(instrument_id=recorded.pk)).reason_code == "source_mismatch"


def test_four_positions_are_one_too_many(market, make_instrument, ticket, account):
    for number, symbol in enumerate(("A/USDT", "B/USDT", "C/USDT", "D/USDT")):
        instrument = make_instrument(symbol, step=units("0.01"))
        market.quote(instrument, 10.0, 10.01)
        order = order_place(ticket(instrument_id=instrument.pk, quantity="1"))
        assert order.status == ("filled" if number < 3 else "denied")
    assert order.reason_code == "risk_open_positions"


def test_the_daily_loss_counts_open_positions_and_halts_once(market, btc, ticket, account):
    limits_change(account=account, max_daily_loss=units("5"))
    told = []
    bus.subscribe(RiskHalted, told.append)
    market.quote(btc, 60000.0, 60000.01)
    order_place(ticket(quantity="0.003", stop_loss=units("59000")))
    resting = order_place(
        ticket(
            quantity="0.0002", type="limit", limit_price=units("50000"), stop_loss=units("49900")
        )
    )
    assert resting.status == "accepted"
    # cost 180.00003 and fee 0.18000003: 5 are lost at 58393.3433... and not a cent above
    market.quote(btc, 58400.0, 58401.0)
    assert not daily_loss_check(account.pk)
    market.quote(btc, 58393.34, 58394.0)
    assert daily_loss_check(account.pk)
    assert not daily_loss_check(account.pk)
    bus.unsubscribe(RiskHalted, told.append)
    assert [event.reason_code for event in told] == ["daily_loss_halt"]
    resting.refresh_from_db()
    assert (resting.status, resting.reason_code) == ("canceled", "daily_loss_halt")
    assert resting.reserved == 0
    assert order_place(ticket()).reason_code == "daily_loss_halt"
    assert Position.objects.get().stop_price == units("59000")
    RiskDay.objects.update(day=timezone.now().date() - timedelta(days=1))
    again = ticket(quantity="0.0001", stop_loss=units("58000"))
    assert order_place(again).status == "filled"


def test_flatten_sells_everything_and_lets_nothing_in(market, btc, ticket, account):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket())
    lock_set(account=account, level="flatten", reason="enough", actor="ann")
    assert Position.objects.get().closed_at is not None
    assert order_place(ticket()).reason_code == "locked_flatten"


def test_a_resting_entry_does_not_fill_under_a_lock_of_the_house(market, btc, ticket, account):
    from trading.models import Lock

    market.quote(btc, 60000.0, 60010.0)
    order = order_place(ticket(type="limit", limit_price=units("59000")))
    Lock.objects.create(level="halt", reason="maintenance")
    market.quote(btc, 58000.0, 58001.0)
    assert paper_execute(order.pk).reason_code == "locked_halt"
    assert Position.objects.count() == 0


def test_an_exit_cut_off_before_its_execution_is_done_after_a_long_while(
    running, make_signal, monkeypatch
):
    signals_act(make_signal().pk)
    monkeypatch.setattr("trading.services.orders.PATIENCE", timedelta(0))
    bus.unsubscribe(OrderSubmitted, desk.on_order_submitted)  # the process dies after the commit
    try:
        signals_act(make_signal("SELL").pk)
    finally:
        bus.subscribe(OrderSubmitted, desk.on_order_submitted)
    order = Order.objects.get(side="sell")
    assert order.status == Order.Status.SUBMITTED
    assert order.risk_decision.expires_at <= timezone.now()

    orders_expire()
    assert paper_execute(order.pk).status == Order.Status.FILLED
    assert Position.objects.get().closed_at is not None
