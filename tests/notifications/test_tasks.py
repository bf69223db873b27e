"""The doorbells: an alert is sent by itself, and what nobody rang for is found."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifications import rules, tasks
from notifications.models import Alert, Delivery
from notifications.services import Draft, alert_raise, defaults_create, listeners
from trading.events import RiskHalted
from trading.models import RiskDay
from trading.services.accounts import account_open


@pytest.mark.django_db(transaction=True)
def test_an_alert_is_on_its_way_as_soon_as_it_is_committed(ann, make_channel, telegram):
    defaults_create(user=ann)
    make_channel(ann, "telegram", "42")
    alert_raise(Draft(user_id=ann.pk, key="k", kind="test", text=rules.test_text()))
    assert set(Delivery.objects.values_list("channel__kind", "state")) == {
        ("in_app", "sent"),
        ("telegram", "sent"),
    }
    assert len(telegram.sent) == 1


@pytest.mark.django_db(transaction=True)
def test_the_sweep_sends_what_nobody_rang_for_once(ann, make_channel, telegram):
    channel = make_channel(ann, "telegram", "42")
    alert = Alert.objects.create(user=ann, key="k", kind="test", title="kept back")
    Delivery.objects.create(alert=alert, channel=channel)
    for _ in range(3):
        tasks.sweep()
    assert [one["chat_id"] for one in telegram.sent] == [42]
    assert Delivery.objects.get().state == "sent"
    # It also gave ann, who had none, the usual rules.
    assert ann.alert_rules.count() == 4


@pytest.mark.django_db(transaction=True)
def test_a_task_for_a_row_that_is_gone_does_nothing(telegram):
    tasks.deliver(999_999)
    tasks.tell_signal(999_999)
    tasks.tell_fill(999_999)
    assert telegram.calls == []


@pytest.mark.django_db(transaction=True)
def test_a_halt_that_nobody_heard_of_is_told_once(ann, ben):
    now = timezone.now()
    for user, halted_at in ((ann, now - timedelta(seconds=5)), (ben, None)):
        defaults_create(user=user)
        RiskDay.objects.create(
            account=account_open(user=user),
            day=now.date(),
            opening_equity=1,
            is_halted=halted_at is not None,
            halt_reason="daily_loss_halt" if halted_at else "",
            halted_at=halted_at,
        )
    for _ in range(2):
        tasks.sweep()
    (alert,) = Alert.objects.filter(kind="risk")
    assert (alert.user, alert.severity) == (ann, "critical")
    event = RiskHalted(
        RiskDay.objects.get(is_halted=True).account_id, ann.pk, "daily_loss_halt", ""
    )
    listeners.on_risk_halted(event)
    assert Alert.objects.filter(kind="risk").count() == 1
