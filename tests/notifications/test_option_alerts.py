"""Who is told of unusual options, and what open pages hear."""

import pytest

from markets import live
from markets.events import UnusualOption
from mystic.lib import bus
from notifications.models import Alert, AlertRule
from notifications.services import alert_rules, listeners

pytestmark = pytest.mark.django_db


def event(btc, **changes):
    usual = {
        "activity_id": 7,
        "instrument_id": btc.pk,
        "symbol": "AAPL/USD",
        "contract": "AAPL261120C00230000",
        "score": 4.25,
        "reasons": ("volume 5,000 is 5.0 times the open interest of 1,000",),
        "volume": 5000,
        "premium": 2_500_000.0,
        "source": "yahoo",
        "is_delayed": True,
        "detected_at_ms": 1_763_485_200_000,
    }
    return UnusualOption(**(usual | changes))


def test_only_who_asked_is_told_and_once(btc, ann, ben, cid):
    AlertRule.objects.all().delete()
    alert_rules.rule_create(user=ann, kind="option")
    alert_rules.rule_create(user=cid, kind="fill")
    for _ in range(2):
        listeners.on_unusual_option(event(btc))
    alert = Alert.objects.get(kind="option")
    assert alert.user_id == ann.pk
    assert alert.title == "Unusual options on AAPL/USD: AAPL261120C00230000"
    assert "5.0 times the open interest" in alert.body
    assert "Score 4.2" in alert.body
    assert (alert.source, alert.is_live, alert.path) == ("yahoo", False, "/markets/unusual/")


def test_a_rule_of_another_symbol_tells_nothing(btc, ann):
    AlertRule.objects.all().delete()
    alert_rules.rule_create(user=ann, kind="option", instrument=btc)
    listeners.on_unusual_option(event(btc, instrument_id=btc.pk + 1))
    assert Alert.objects.count() == 0
    listeners.on_unusual_option(event(btc))
    assert Alert.objects.count() == 1


def test_the_wiring_tells_pages_and_people(btc):
    handlers = bus._handlers[UnusualOption]
    assert live.on_unusual_option in handlers
    assert listeners.on_unusual_option in handlers
