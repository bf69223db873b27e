"""Stops, targets and resting orders on quotes: once, at the live price, and again after a start."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from markets.models import Instrument, Venue
from mystic.lib.clock import monotonic_ms
from tests.trading.conftest import units
from trading import live
from trading.models import Lock, Order, Position
from trading.services import fills
from trading.services.accounts import account_open
from trading.services.locks import lock_lift
from trading.services.orders import order_place
from trading.watch import Watch, watch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("flow", "exact")]


@pytest.fixture
def watching(monkeypatch):
    """The process's watch, without its regular comparison so that nothing hides a fault."""
    monkeypatch.setattr("trading.watch.COMPARE_EVERY_S", 3600.0)
    watch.start()
    watch.drain()
    yield watch
    watch.stop()


def settle(seen, quote):
    seen.on_quote(quote)
    seen.drain()


def exits():
    return list(Order.objects.filter(side="sell"))


def test_a_stop_sells_once_at_the_live_bid_below_it(watching, market, btc, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket(stop_loss=units("59000"), take_profit=units("63000")))
    settle(watching, market.quote(btc, 59000.01, 59001.0))
    assert exits() == []

    gap = market.quote(btc, 58500.0, 58501.0)
    for _ in range(20):
        watching.on_quote(gap)
    watching.drain()
    (order,) = exits()
    assert order.status == Order.Status.FILLED
    assert order.is_reduce_only
    (fill,) = order.fills.all()
    assert fill.price == units("58500")
    assert order.events.first().cause == "stop"
    assert Position.objects.get().closed_at is not None
    settle(watching, market.quote(btc, 58400.0, 58401.0))
    assert len(exits()) == 1


def test_a_target_sells_exactly_at_its_price(watching, market, btc, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket(stop_loss=units("59000"), take_profit=units("63000")))
    settle(watching, market.quote(btc, 62999.99, 63001.0))
    assert exits() == []
    settle(watching, market.quote(btc, 63000.0, 63001.0))
    (order,) = exits()
    assert order.events.first().cause == "take"
    assert order.fills.get().price == units("63000")


def test_a_stop_holds_after_a_restart(market, btc, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket(stop_loss=units("59000")))
    fresh = Watch()
    fresh.start()
    try:
        fresh.drain()
        settle(fresh, market.quote(btc, 58999.99, 59001.0))
    finally:
        fresh.stop()
    (order,) = exits()
    assert order.status == Order.Status.FILLED


def test_two_watches_at_once_exit_once(market, btc, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket(stop_loss=units("59000")))
    pair = [Watch(), Watch()]
    for one in pair:
        one.start()
    try:
        for one in pair:
            one.drain()
        quote = market.quote(btc, 58000.0, 58001.0)
        threads = [threading.Thread(target=one.on_quote, args=(quote,)) for one in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one in pair:
            one.drain()
    finally:
        for one in pair:
            one.stop()
    assert len(exits()) == 1
    assert exits()[0].fills.count() == 1


def test_a_limit_order_rests_until_the_ask_is_strictly_below(watching, market, btc, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order = order_place(ticket(type=Order.Type.LIMIT, limit_price=units("59000")))
    assert order.status == Order.Status.ACCEPTED
    assert order.reserved == units("59.059")
    settle(watching, market.quote(btc, 58990.0, 59000.0))
    order.refresh_from_db()
    assert order.status == Order.Status.ACCEPTED
    settle(watching, market.quote(btc, 58980.0, 58999.99))
    order.refresh_from_db()
    assert order.status == Order.Status.FILLED
    assert order.fills.get().price == units("59000")
    assert order.reserved == 0


def test_a_partial_fill_goes_on_with_the_next_quote(watching, market, btc, ticket):
    market.quote(btc, 60000.0, 60010.0, size=0.0004)
    order = order_place(ticket(quantity="0.001"))
    assert order.status == Order.Status.PARTIALLY_FILLED
    assert order.filled == units("0.0004")
    settle(watching, market.quote(btc, 60000.0, 60012.0, size=5.0))
    order.refresh_from_db()
    assert order.status == Order.Status.FILLED
    assert [f.quantity for f in order.fills.order_by("id")] == [units("0.0004"), units("0.0006")]
    assert Position.objects.get().cost == units("24.004") + units("36.0072")


def test_the_same_size_is_not_sold_twice(watching, market, btc, ticket):
    quote = market.quote(btc, 60000.0, 60010.0, size=0.0004)
    order = order_place(ticket(quantity="0.001"))
    settle(watching, quote)
    order.refresh_from_db()
    assert order.filled == units("0.0004")


def test_a_market_order_waits_for_a_fresh_quote_and_then_expires(market, btc, ticket, account):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket())
    from datetime import timedelta

    from trading.services.fills import orders_expire, position_exit

    market.quote(btc, 60000.0, 60010.0, age_ms=30_001)
    order = position_exit(Position.objects.get().pk, cause="close button", actor="ann")
    assert order.status == Order.Status.ACCEPTED
    assert order.reason_code == "no_fresh_quote"
    assert orders_expire() == 0
    assert orders_expire(now=order.expires_at + timedelta(milliseconds=1)) == 1
    order.refresh_from_db()
    assert (order.status, order.reason_code) == (Order.Status.EXPIRED, "no_fresh_quote")
    assert Position.objects.get().quantity == units("0.001")
    assert order.fills.count() == 0


def test_an_exit_that_is_refused_is_not_asked_again_on_every_quote(
    watching, market, btc, ticket, monkeypatch
):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket(stop_loss=units("59000")))
    Instrument.objects.update(status=Instrument.Status.HALTED)
    for step in range(5):
        settle(watching, market.quote(btc, 58000.0 - step, 58001.0))
    (refused,) = exits()
    assert (refused.status, refused.reason_code) == (Order.Status.DENIED, "instrument_not_trading")

    Instrument.objects.update(status=Instrument.Status.TRADING)
    monkeypatch.setattr("trading.watch.monotonic_ms", lambda: monotonic_ms() + 15_000)
    settle(watching, market.quote(btc, 57000.0, 57001.0))
    assert [order.status for order in exits()] == [Order.Status.FILLED, Order.Status.DENIED]
    assert Position.objects.get().closed_at is not None


def test_an_order_that_cannot_be_ended_holds_up_no_other(market, btc, ticket, monkeypatch):
    market.quote(btc, 60000.0, 60010.0, 0.0)
    orders = [order_place(ticket()) for _ in range(2)]
    assert {order.status for order in orders} == {Order.Status.ACCEPTED}
    first = min(order.pk for order in orders)
    step = fills.order_step

    def fail_for_first(order, *args, **kwargs):
        if order.pk == first:
            raise ValueError("a row that cannot be")
        return step(order, *args, **kwargs)

    monkeypatch.setattr(fills, "order_step", fail_for_first)
    assert fills.orders_expire(now=timezone.now() + timedelta(seconds=31)) == 1
    states = dict(Order.objects.values_list("pk", "status"))
    assert states == {first: Order.Status.ACCEPTED, max(states): Order.Status.EXPIRED}


@pytest.mark.parametrize("is_replay", [False, True])
def test_what_is_told_of_a_replays_order_is_not_live(
    venue, market, btc, ticket, account, is_replay, monkeypatch
):
    told = []
    monkeypatch.setattr(live.hub, "publish_event", lambda subject, payload: told.append(payload))
    if is_replay:
        Venue.objects.update(code="replay:binance", is_replay=True)
        market.source = "replay:binance"
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket())
    assert {one["type"] for one in told} == {"order", "fill", "position"}
    assert {one["is_live"] for one in told} == {not is_replay}


@pytest.mark.parametrize("is_of_the_house", [False, True])
def test_a_flatten_that_was_cut_off_is_carried_out(
    watching, market, btc, ticket, account, is_of_the_house
):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket())
    watching.compare()
    assert exits() == []
    # What a process leaves that dies right after the lock is committed, or an admin writes.
    owner = None if is_of_the_house else account
    lock = Lock.objects.create(account=owner, level=Lock.Level.FLATTEN, reason="enough")
    watching.compare()
    (order,) = exits()
    assert (order.status, order.events.first().cause) == (Order.Status.FILLED, "flatten: enough")
    assert Position.objects.get().closed_at is not None

    lock_lift(lock=lock)
    order_place(ticket())
    watching.compare()
    assert len(exits()) == 1


def test_a_flatten_without_a_price_is_asked_once_and_again_after_it_expired(
    watching, market, btc, ticket, account
):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket())
    market.quote(btc, 60000.0, 60010.0, age_ms=40_000)
    Lock.objects.create(account=account, level=Lock.Level.FLATTEN, reason="enough")
    for _ in range(3):
        watching.compare()
    assert [order.status for order in exits()] == [Order.Status.ACCEPTED]
    fills.orders_expire(now=timezone.now() + timedelta(seconds=31))
    market.quote(btc, 60000.0, 60010.0)
    watching.compare()
    assert [order.status for order in exits()] == [Order.Status.FILLED, Order.Status.EXPIRED]


def test_one_account_that_cannot_be_judged_holds_up_no_other(
    watching, market, btc, ticket, account, ben, monkeypatch
):
    other = account_open(user=ben)
    market.quote(btc, 60000.0, 60010.0)
    for owner in (account, other):
        order_place(ticket(account_id=owner.pk))
    judged = []

    def fail_for_ann(account_id):
        judged.append(account_id)
        if account_id == account.pk:
            raise ValueError("an account that cannot be")

    monkeypatch.setattr("trading.watch.daily_loss_check", fail_for_ann)
    monkeypatch.setattr(watching.equities, "breached", lambda held: [account.pk, other.pk])
    watching.compare()
    assert judged == [account.pk, other.pk]
