"""The same decisions again: all of them on untouched bars, and who is to blame where not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from markets.models import Candle, CandleRevision
from markets.services.candles import candles_store
from signals.models import Decision
from signals.received import StoredFeed
from signals.services import evaluation
from tests.trading.parity.conftest import HISTORY, at, bars_of, play, wave
from trading.models import ParityDifference
from trading.services.parity import parity_report
from trading.services.parity_again import compared, subject_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def running(crossing, btc, deploy, rows):
    deployment = deploy(crossing)
    play(btc, rows)
    return deployment


def report(deployment, **span):
    return parity_report(deployment=deployment, asked_by="ann", **span)


def correct(instrument, row, **values):
    """Let the venue say another word of a stored bar, through its own door."""
    (bar,) = bars_of(instrument, [row])
    stored = candles_store([replace(bar, **values)])
    assert len(stored.revised) == 1


def test_what_was_decided_live_comes_out_again_to_the_last_bit(running):
    found = report(running)
    decided = Decision.objects.exclude(verdict="warming_up")
    assert decided.count() == found.decisions == 301
    assert {"enter_long", "exit", "none"} >= set(decided.values_list("verdict", flat=True))
    assert decided.filter(verdict="enter_long").count() > 50
    assert (found.matched_received, found.matched_published) == (301, 301)
    assert found.match == 1.0
    assert found.differences.count() == 0
    assert (found.from_open, found.through_open) == (at(HISTORY - 1), at(HISTORY + 299))


def test_where_nothing_changed_both_are_one_calculation(running, btc, crossing, monkeypatch):
    asked = []
    plain = StoredFeed.bars

    def counted(self, *args):
        asked.append(self)
        return plain(self, *args)

    monkeypatch.setattr(StoredFeed, "bars", counted)
    rows = list(Decision.objects.select_related("strategy", "signal").order_by("bar_open"))
    again = list(compared(subject_of(crossing), btc, rows, base=60))
    assert len({id(feed) for feed in asked}) == 1
    assert all(one.received is one.published for one in again)


def test_a_planted_correction_is_named_with_bar_and_field(running, btc, rows):
    row = rows[HISTORY + 100]
    old, new = row[4], row[2]
    assert old != new
    correct(btc, row, close=new)
    found = report(running)
    assert found.match == 1.0, "as received, nothing is another"
    assert found.matched_published < 301
    differences = list(found.differences.all())
    assert len(differences) == 301 - found.matched_published
    assert {one.cause for one in differences} == {"data_revised"}
    assert found.causes["data_revised"] == len(differences)
    # The slow average holds the bar for 20 minutes; the long one for four bars of five minutes.
    opens = [one.bar_open for one in differences]
    assert opens[0] == at(HISTORY + 100)
    assert opens[-1] <= at(HISTORY + 100 + 25)
    others = [one for one in differences if one.was["verdict"] != one.published["verdict"]]
    assert found.causes["verdicts"] == len(others) < len(differences)
    first = differences[0]
    assert first.detail.startswith("BTC/USDT 2023-11-1")
    assert f"close {old!r} → {new!r}" in first.detail
    assert first.was["values"] == first.received["values"]
    # By hand: the average of five closes moves by a fifth of the correction.
    fast = [told["values"]["fast"] for told in (first.was, first.published)]
    assert fast[1] - fast[0] == pytest.approx((new - old) / 5)


def test_what_is_decided_after_a_correction_has_seen_it(crossing, btc, deploy, rows):
    deployment = deploy(crossing)
    play(btc, rows[: HISTORY + 100])
    correct(btc, rows[HISTORY + 90], close=rows[HISTORY + 90][2])
    candles_store(bars_of(btc, rows[HISTORY + 100 :]))
    evaluation.evaluate_waiting()
    CandleRevision.objects.update(replaced_at=timezone.now() - timedelta(minutes=10))
    Decision.objects.filter(bar_open__lt=at(HISTORY + 100)).update(
        decided_at=timezone.now() - timedelta(minutes=20)
    )
    deployment.created_at = timezone.now() - timedelta(hours=1)
    deployment.save()
    found = report(deployment)
    assert (found.decisions, found.matched_received) == (301, 301)
    opens = list(found.differences.values_list("bar_open", flat=True))
    assert opens == [at(row) for row in range(HISTORY + 90, HISTORY + 100)]


def test_a_bar_corrected_twice_was_its_first_word_then(running, btc, rows):
    row = rows[HISTORY + 50]
    correct(btc, row, close=row[2])
    correct(btc, row, close=row[3])
    found = report(running)
    assert found.match == 1.0
    told = found.differences.order_by("bar_open").first()
    assert f"close {row[4]!r} → {row[3]!r}" in told.detail


def test_a_bar_that_came_late_is_named(crossing, btc, deploy, rows):
    deployment = deploy(crossing)
    missing = HISTORY + 60
    play(btc, [*rows[:missing], *rows[missing + 1 :]])
    late_ms = int((timezone.now() + timedelta(minutes=5)).timestamp() * 1000)
    candles_store(bars_of(btc, [rows[missing]], received_at_ms=late_ms))
    found = report(deployment)
    assert found.decisions == 300
    assert found.match == 1.0
    causes = set(found.differences.values_list("cause", flat=True))
    assert causes == {"late_bar"}
    first = found.differences.order_by("bar_open").first()
    assert first.bar_open == at(missing + 1)
    assert "came" in first.detail
    assert "after the decision" in first.detail


def test_a_value_that_nobody_can_explain_is_called_so(running):
    row = Decision.objects.filter(verdict="exit").order_by("bar_open")[20]
    row.values = {**row.values, "fast": row.values["fast"] + 1}
    row.save()
    found = report(running)
    assert (found.matched_received, found.matched_published) == (300, 300)
    (one,) = found.differences.all()
    assert (one.cause, one.bar_open, one.decision_id) == ("unexplained", row.bar_open, row.pk)
    assert one.was["values"] == {"fast": row.values["fast"]}
    assert one.received["values"] == one.published["values"] == {"fast": row.values["fast"] - 1}


def test_the_correction_of_another_symbol_is_named_by_its_name(
    watching, btc, make_instrument, deploy, rows
):
    eth = make_instrument("ETH/USDT")
    deployment = deploy(watching, ["ETH/USDT"])
    other = wave(len(rows), seed=2)
    candles_store(bars_of(btc, rows))
    play(eth, other)
    assert report(deployment).matched_published == 301
    row = rows[HISTORY + 40]
    correct(btc, row, close=row[2])
    found = report(deployment)
    assert found.match == 1.0
    told = found.differences.order_by("bar_open").first()
    assert told.instrument == eth
    assert told.detail.startswith("BTC/USDT ")
    assert found.differences.count() == 301 - found.matched_published > 0


def test_refused_and_warming_up_are_told_apart(crossing, btc, deploy, rows):
    deployment = deploy(crossing)
    play(btc, rows, history=5)
    some = Decision.objects.exclude(verdict="warming_up").order_by("-bar_open")[:7]
    Decision.objects.filter(pk__in=[one.pk for one in some]).update(verdict="refused")
    warming = Decision.objects.filter(verdict="warming_up").count()
    found = report(deployment)
    assert warming > 0
    assert found.causes["apart"] == {"warming_up": warming, "refused": 7}
    assert found.decisions == found.matched_received == len(rows) - 4 - warming - 7


def test_only_its_symbols_its_time_and_the_span_asked_for_count(
    crossing, btc, make_instrument, deploy, rows
):
    eth = make_instrument("ETH/USDT")
    play(btc, rows[: HISTORY + 50])
    candles_store(bars_of(eth, wave(HISTORY + 50, seed=3)))
    evaluation.evaluate_waiting()
    deployment = deploy(crossing, ["BTC/USDT"])
    candles_store(bars_of(btc, rows[HISTORY + 50 : HISTORY + 90]))
    candles_store(bars_of(eth, wave(HISTORY + 90, seed=3)[HISTORY + 50 :]))
    evaluation.evaluate_waiting()
    assert report(deployment).decisions == 40
    part = report(deployment, from_open=at(HISTORY + 60), through_open=at(HISTORY + 69))
    assert part.decisions == 10
    assert report(deployment, from_open=at(9_999)) is None


def test_a_hole_that_opens_later_takes_nothing_from_what_was_decided(running, btc, rows):
    from markets.models import Gap

    Gap.objects.create(instrument=btc, timeframe=60, start=at(len(rows) + 1), end=at(len(rows) + 3))
    candles_store(bars_of(btc, wave(len(rows) + 10)[len(rows) + 3 :]))
    assert report(running).matched_received == 301


def test_a_bar_that_is_gone_is_said_to_be_gone(running, btc):
    last = Decision.objects.order_by("-bar_open").first()
    Candle.objects.filter(instrument_id=btc.pk, open_time=last.bar_open).delete()
    found = report(running)
    assert found.matched_received == 300
    (one,) = ParityDifference.objects.filter(report=found)
    assert one.cause == "unexplained"
    assert "not stored any more" in one.detail


def test_old_decisions_are_not_kept_and_the_report_says_so(running, settings):
    running.created_at = timezone.now() - timedelta(days=400)
    running.save()
    days = settings.ENV["MYSTIC_DECISION_DAYS"]
    assert report(running).causes["notes"] == [
        f"Decisions are kept for {days} days: what the deployment decided before is not here."
    ]


def test_what_is_decided_after_a_late_bar_has_seen_it(crossing, btc, deploy, rows):
    deployment = deploy(crossing)
    missing, came = HISTORY + 60, HISTORY + 70
    play(btc, [*rows[:missing], *rows[missing + 1 : came]])
    now_ms = int(timezone.now().timestamp() * 1000)
    candles_store(bars_of(btc, [rows[missing]], received_at_ms=now_ms))
    candles_store(bars_of(btc, rows[came:]))
    evaluation.evaluate_waiting()
    found = report(deployment)
    assert found.match == 1.0
    opens = list(found.differences.values_list("bar_open", flat=True))
    assert opens == [at(row) for row in range(missing + 1, came)]
    assert found.causes["late_bar"] == len(opens)
