"""A strategy does not decide on poor data, and its decision says so."""

from datetime import timedelta

import pytest
from django.utils import timezone

from markets.models import QualityScore
from markets.quality_score import Evidence, score_of
from signals import services
from signals.models import Decision, Signal
from signals.strategies.registry import CLASSES
from tests.signals.app.conftest import store, walk
from tests.signals.app.strategies import Broken, EveryTenth

pytestmark = pytest.mark.django_db
POOR = Evidence(60, bars=1368, missing=72, holes=3)
REASON = "data quality 40 of 100: 3 gaps of 72 bars in the last day"


@pytest.fixture
def only(monkeypatch):
    def register(*classes):
        for name in list(CLASSES):
            monkeypatch.delitem(CLASSES, name)
        for one in classes:
            monkeypatch.setitem(CLASSES, one.__name__, one)
        return services.strategies_sync()

    return register


def judge(instrument, evidence, *, age=timedelta(0)):
    score = score_of(evidence)
    QualityScore.objects.update_or_create(
        instrument=instrument,
        defaults={
            "score": score.value,
            "level": score.level.value,
            "parts": {"scored": score.as_json()},
            "as_of": timezone.now() - age,
        },
    )


def decided(instrument, rows):
    """Return the verdicts of bars that are stored and evaluated one by one."""
    for row in rows:
        store(instrument, [row])
        services.evaluate(60, row[0] + 60)
    found = Decision.objects.filter(bar_open__gte=rows[0][0]).order_by("bar_open")
    return [(one.verdict, one.reason) for one in found]


def test_poor_data_are_refused_as_a_recorded_fact_and_raise_no_signal(btc, only):
    only(EveryTenth)
    rows = walk(40)
    decided(btc, rows[:20])
    signals = Signal.objects.count()
    judge(btc, POOR)
    assert decided(btc, rows[20:30]) == [("refused", REASON)] * 10
    assert Signal.objects.count() == signals
    row = Decision.objects.get(bar_open=rows[20][0])
    assert set(row.values) == {"typical"}
    assert row.confidence is None
    judge(btc, Evidence(60, bars=1440))
    verdicts = [verdict for verdict, _ in decided(btc, rows[30:])]
    assert verdicts[:7] == ["enter_long", "none", "none", "none", "none", "exit", "exit"]
    assert Signal.objects.count() == signals + 2


@pytest.mark.parametrize("evidence", [Evidence(60, bars=1410, missing=30, holes=1), None])
def test_acceptable_and_unknown_data_are_decided_on(btc, only, evidence):
    only(EveryTenth)
    rows = walk(30)
    decided(btc, rows[:20])
    if evidence is not None:
        judge(btc, evidence)
    assert decided(btc, rows[20:21]) == [("enter_long", "the tenth minute")]


def test_a_score_that_nobody_renewed_is_unknown(btc, only):
    only(EveryTenth)
    rows = walk(21)
    decided(btc, rows[:20])
    judge(btc, POOR, age=timedelta(minutes=6))
    assert decided(btc, rows[20:]) == [("enter_long", "the tenth minute")]


def test_who_could_not_decide_anyway_keeps_its_own_word(btc, only):
    only(Broken)
    judge(btc, POOR)
    assert decided(btc, walk(1))[0][0] == "error"
