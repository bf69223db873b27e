"""Price rules on live quotes: quick in memory, once in the database, alive after a restart."""

import threading
import time

import pytest
from django.db import OperationalError, connection

from markets.events import QuoteChanged
from markets.types import Quote
from notifications import watch as watch_module
from notifications.models import Alert, AlertRule
from notifications.services import alert_rules
from notifications.watch import PriceWatch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def make_watch():
    watches = []

    def make():
        watch = PriceWatch()
        watch.start()
        watches.append(watch)
        return watch

    yield make
    for watch in watches:
        watch.stop()


@pytest.fixture
def say(btc):
    times = iter(range(1_700_000_000_000, 1_800_000_000_000))

    def quote(watch, price, instrument=None, *, at=None, source="binance", is_official=True):
        watch.on_quote(
            QuoteChanged(
                Quote(
                    instrument_id=(instrument or btc).pk,
                    bid=price - 0.5,
                    bid_size=1,
                    ask=price + 0.5,
                    ask_size=1,
                    last=None,
                    source=source,
                    is_official=is_official,
                    as_of_ms=None,
                    received_at_ms=at or next(times),
                    received_mono_ms=0,
                )
            )
        )

    return quote


def rule_for(user, btc, direction="above", level="100", **fields):
    params = {"direction": direction, "level": level}
    return alert_rules.rule_create(user=user, kind="price", instrument=btc, params=params, **fields)


def keys():
    return list(Alert.objects.order_by("pk").values_list("rule_id", flat=True))


def test_fires_once_and_is_done(with_defaults, btc, make_watch, say, eventually):
    ann = with_defaults[0]
    rule = rule_for(ann, btc)
    watch = make_watch()
    for price in (99, 101, 99, 101, 99):
        say(watch, price)
    watch.stop()
    alert = Alert.objects.get()
    assert (alert.user, alert.rule) == (ann, rule)
    assert alert.title == "BTC/USDT rose to 101"
    assert alert.path == "/markets/BTCUSDT/"
    assert (alert.source, alert.is_live) == ("binance", True)
    rule.refresh_from_db()
    assert not rule.is_active
    assert rule.fired_at is not None


def test_a_repeating_rule_tells_again_but_not_of_every_tremble(ann, btc, make_watch, say):
    rule = rule_for(ann, btc, is_repeating=True)
    watch = make_watch()
    for price in (99, 101, 99, 101, 99, 101):
        say(watch, price)
    watch.stop()
    assert keys() == [rule.pk]
    AlertRule.objects.update(fired_at="2026-01-01T00:00:00Z")
    watch.start()
    for price in (99, 101):
        say(watch, price)
    watch.stop()
    assert keys() == [rule.pk, rule.pk]
    rule.refresh_from_db()
    assert rule.is_active


def test_a_crossing_during_a_restart_is_not_missed(ann, btc, make_watch, say):
    rule = rule_for(ann, btc)
    first = make_watch()
    say(first, 99)
    first.stop()
    rule.refresh_from_db()
    assert rule.is_armed is True
    second = make_watch()
    say(second, 105)
    second.stop()
    assert keys() == [rule.pk]


def test_a_restart_on_the_far_side_fires_nothing(ann, btc, make_watch, say):
    rule_for(ann, btc)
    first = make_watch()
    say(first, 105)
    first.stop()
    second = make_watch()
    say(second, 106)
    second.stop()
    assert keys() == []


def test_two_watchers_with_one_crossing_tell_once(ann, btc, make_watch, say, eventually):
    rule = rule_for(ann, btc)
    watches = [make_watch(), make_watch()]
    for watch in watches:
        say(watch, 99)
    eventually(lambda: AlertRule.objects.get(pk=rule.pk).is_armed)
    for watch in watches:
        say(watch, 101, at=5)
    for watch in watches:
        watch.stop()
    assert keys() == [rule.pk]


def test_rules_made_switched_and_deleted_while_it_runs(ann, btc, make_watch, say, eventually):
    watch = make_watch()
    say(watch, 99)
    rule = rule_for(ann, btc)
    eventually(lambda: watch._watched.get(btc.pk))
    say(watch, 99)
    alert_rules.rule_switch(rule=rule, is_active=False)
    eventually(lambda: btc.pk not in watch._watched)
    say(watch, 101)
    alert_rules.rule_switch(rule=rule, is_active=True)
    eventually(lambda: btc.pk in watch._watched)
    # It begins anew: the price stands on the far side already.
    say(watch, 102)
    alert_rules.rule_delete(rule=rule)
    eventually(lambda: btc.pk not in watch._watched)
    watch.stop()
    assert keys() == []


def test_a_lost_ring_is_found_by_looking(ann, btc, make_watch, eventually, monkeypatch):
    monkeypatch.setattr("notifications.watch.CHECK_EVERY_S", 0.05)
    watch = make_watch()
    AlertRule.objects.create(
        user=ann, kind="price", instrument=btc, params={"direction": "above", "level": "5"}
    )
    eventually(lambda: btc.pk in watch._watched)


def test_other_instruments_and_impossible_prices_do_nothing(ann, btc, make_watch, say):
    other = type(btc).objects.create(
        venue=btc.venue, symbol="ETH/USDT", native_id="ETHUSDT", base="ETH", quote="USDT"
    )
    rule_for(ann, btc)
    watch = make_watch()
    say(watch, 99)
    for price in (float("nan"), float("inf"), -1.0, 0.0):
        say(watch, price)
    say(watch, 101, other)
    watch.stop()
    assert keys() == []
    assert AlertRule.objects.get().is_armed is True


def test_a_replay_says_so(ann, btc, make_watch, say):
    rule_for(ann, btc, direction="below")
    watch = make_watch()
    for price in (101, 99):
        say(watch, price, source="replay:binance", is_official=False)
    watch.stop()
    alert = Alert.objects.get()
    assert (alert.source, alert.is_live) == ("replay:binance", False)
    assert alert.title == "BTC/USDT fell to 99"


def test_a_quote_that_crosses_nothing_is_quick_and_asks_nothing(ann, btc, make_watch, say):
    for level in range(50, 100):
        rule_for(ann, btc, level=str(level))
    watch = make_watch()
    say(watch, 10)
    say(watch, 10)
    began = time.perf_counter()
    queries = len(connection.queries_log)
    for n in range(2000):
        say(watch, 10 + n / 1000)
    spent = time.perf_counter() - began
    watch.stop()
    assert len(connection.queries_log) == queries
    assert spent / 2000 < 0.005
    assert threading.active_count() >= 1


def test_a_crossing_that_could_not_be_written_is_told_when_it_can_be(
    with_defaults, btc, make_watch, say, eventually, monkeypatch
):
    rule = rule_for(with_defaults[0], btc)
    faults = [OperationalError("database is locked"), OperationalError("database is locked")]
    tell = watch_module.crossing_tell

    def locked_twice(crossing):
        if faults:
            raise faults.pop()
        return tell(crossing)

    monkeypatch.setattr(watch_module, "crossing_tell", locked_twice)
    monkeypatch.setattr(watch_module, "RETRY_AFTER_S", 0.02)
    watch = make_watch()
    say(watch, 99)
    say(watch, 101)
    eventually(lambda: keys() == [rule.pk])
    assert faults == []


def test_one_rule_that_cannot_be_handled_does_not_silence_the_others(
    with_defaults, btc, make_watch, say, eventually, monkeypatch
):
    bad, good = (rule_for(with_defaults[0], btc, level=level) for level in ("100", "110"))
    tell = watch_module.crossing_tell

    def fail_for_one(crossing):
        if crossing.rule.rule_id == bad.pk:
            raise ValueError("a parameter of it cannot be")
        return tell(crossing)

    monkeypatch.setattr(watch_module, "crossing_tell", fail_for_one)
    watch = make_watch()
    for price in (99, 101, 111):
        say(watch, price)
    eventually(lambda: keys() == [good.pk])
