"""Old decisions that asked for nothing go; what was acted on, or is the last word, stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from signals.models import Consensus, Decision, Progress, Signal, Strategy
from signals.services import retention
from signals.services.retention import decisions_prune

pytestmark = pytest.mark.django_db


@pytest.fixture
def strategy(db):
    return Strategy.objects.create(class_name="A", version="1", name="A", timeframe=60)


@pytest.fixture
def decision(strategy, btc):
    def make(n, days_ago):
        return Decision.objects.create(
            strategy=strategy,
            instrument=btc,
            bar_open=60 * n,
            verdict="none",
            source="binance",
            decided_at=timezone.now() - timedelta(days=days_ago),
        )

    return make


def test_only_old_and_idle_ones_go(strategy, btc, decision, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for n in range(5):
        decision(n, 61)
    acted, last, fresh = decision(5, 61), decision(6, 61), decision(7, 59)
    Signal.objects.create(
        decision=acted,
        strategy=strategy,
        instrument=btc,
        side="BUY",
        confidence=1.0,
        price=1.0,
        reason="r",
        bar_close=360,
        source="binance",
    )
    Progress.objects.create(strategy=strategy, instrument=btc, last_decision=last)
    assert decisions_prune() == 5
    assert set(Decision.objects.all()) == {acted, last, fresh}
    assert Signal.objects.count() == 1
    assert decisions_prune() == 0


def test_votes_that_held_go_and_the_others_stay(btc):
    old = timezone.now() - timedelta(days=61)
    for n, said in enumerate(("HOLD", "BUY")):
        Consensus.objects.create(
            instrument=btc,
            timeframe=60,
            bar_open=60 * n,
            signal_type=said,
            confidence=0.5,
            reasoning="r",
            price=1.0,
            source="binance",
            created_at=old,
        )
    assert decisions_prune() == 1
    assert Consensus.objects.get().signal_type == "BUY"
    assert decisions_prune(now=timezone.now() - timedelta(days=100)) == 0
