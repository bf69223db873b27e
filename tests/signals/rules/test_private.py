"""A private strategy's signals: its owner's pages, alerts and orders, and nobody else's."""

import threading

import pytest
from django.db import connection, connections, transaction

from mystic.lib.live import hub
from notifications.models import AlertRule
from notifications.services.channels import defaults_create
from notifications.services.listeners import signal_tell
from signals import health
from signals.events import SignalRaised
from signals.live import on_signal
from signals.models import Decision, Progress, Signal
from signals.services.rules import rule_create, rule_edit, rule_share
from tests.signals.app.conftest import START
from trading.models import Deployment
from trading.selectors import deployments_replaced_for
from trading.services import deployments as trading_deployments
from trading.services.accounts import account_open
from trading.services.deployments import deployment_start

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(ann, up):
    return rule_create(user=ann, data=up)


def share(row, *, is_shared=True):
    rule_share(strategy=row, is_shared=is_shared)
    row.refresh_from_db()


def signal_of(row, instrument, n=0):
    decision = Decision.objects.create(
        strategy=row,
        instrument=instrument,
        bar_open=START + 60 * n,
        verdict="enter_long",
        source="replay:binance",
    )
    return Signal.objects.create(
        decision=decision,
        strategy=row,
        instrument=instrument,
        side="BUY",
        confidence=1.0,
        price=100.0,
        stop=98.0,
        take=106.0,
        reason="up",
        bar_close=START + 60 * (n + 1),
        source="replay:binance",
    )


def told(monkeypatch, signal):
    """Return the subjects on which a signal is told to open pages."""
    subjects = []
    monkeypatch.setattr(hub, "publish_event", lambda subject, payload: subjects.append(subject))
    on_signal(SignalRaised(signal.pk))
    return subjects


def test_open_pages_of_others_hear_nothing(monkeypatch, ann, row, btc):
    assert told(monkeypatch, signal_of(row, btc)) == [f"user:{ann.pk}"]
    share(row)
    assert told(monkeypatch, signal_of(row, btc, 1)) == ["signals"]


def test_alerts_of_others_are_not_raised(ann, ben, row, btc):
    for user in (ann, ben):
        defaults_create(user=user)
        AlertRule.objects.get_or_create(user=user, kind="signal")
    AlertRule.objects.update(created_at="2020-01-01T00:00:00Z")
    assert {one.user for one in signal_tell(signal_of(row, btc))} == {ann}
    share(row)
    assert {one.user for one in signal_tell(signal_of(row, btc, 1))} == {ann, ben}


def test_the_status_page_names_no_private_strategy(row, btc):
    Progress.objects.create(strategy=row, instrument=btc, paused_reason="secret columns")
    assert health.report()["tables"][0]["rows"] == [
        ["a private strategy", "BTC/USDT", "its owner sees why"]
    ]
    share(row)
    assert health.report()["tables"][0]["rows"] == [["Up bars", "BTC/USDT", "secret columns"]]


def test_others_deploy_what_is_shared_and_lose_it_with_a_word(ann, ben, row, btc, up):
    share(row)
    mine, theirs = (
        deployment_start(account=account_open(user=user), strategy=row) for user in (ann, ben)
    )
    reached = trading_deployments._deployments
    assert set(reached(signal_of(row, btc))) == {mine, theirs}
    assert deployments_replaced_for(user=ben) == []
    share(row, is_shared=False)
    assert reached(signal_of(row, btc, 1)) == [mine]
    (stranded,) = deployments_replaced_for(user=ben)
    assert (stranded.deployment, stranded.successor) == (theirs, None)
    assert deployments_replaced_for(user=ann) == []
    share(row)
    new = rule_edit(strategy=row, data={**up, "exits": []})
    for user in (ann, ben):
        assert [one.successor for one in deployments_replaced_for(user=user)] == [new]
    assert Deployment.objects.filter(state="active").count() == 2


def test_another_strategy_of_the_owner_is_no_successor(ann, up, row, btc):
    deployment_start(account=account_open(user=ann), strategy=row)
    rule_create(user=ann, data={**up, "name": "Other", "exits": []})
    row.is_active = False
    row.save()
    assert [one.successor for one in deployments_replaced_for(user=ann)] == [None]


@pytest.mark.django_db(transaction=True)
def test_a_word_that_ends_sharing_waits_for_an_edit_that_copies_it(ann, up):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    row = rule_create(user=ann, data=up)
    share(row)
    begun = threading.Event()

    def unshare():
        begun.set()
        rule_share(strategy=row, is_shared=False)
        connections.close_all()

    other = threading.Thread(target=unshare)
    with transaction.atomic():
        kept = rule_edit(strategy=row, data={**up, "timeframe": "15m"})
        other.start()
        begun.wait()
        other.join(timeout=0.5)
        assert other.is_alive()
    other.join()
    kept.refresh_from_db()
    assert not kept.is_shared
