"""What is refused before a row is written, with its place; quotas; whose backtest it is."""

import pytest

from markets.models import Gap, Instrument
from signals.models import Strategy
from tests.signals.app.conftest import START, store, walk
from tests.trading.research.conftest import BARS, MINUTE, made, row_of
from trading.models import BacktestRun
from trading.selectors_research import document_of, run_for, runs_for
from trading.services.backtests import backtest_again, backtest_archive, backtest_cancel
from trading.services.research_errors import ResearchError
from trading.services.research_runs import (
    MOST_ATTEMPTS,
    Claim,
    run_claim,
    run_give_back,
    run_keep,
    run_renew,
    runs_lapsed,
)

pytestmark = pytest.mark.django_db


def refused(ask, **changes):
    """Return place and sentence of a refusal; nothing was written."""
    with pytest.raises(ResearchError) as caught:
        ask(**changes)
    assert not BacktestRun.objects.exists()
    return caught.value.place, str(caught.value)


def test_what_is_asked_wrongly_is_refused_with_its_place(ask, strategy):
    cases = {
        "/symbols": [{"symbols": []}, {"symbols": ["BTC/USDT"] * 30}],
        "/symbols/0": [{"symbols": ["NO/SUCH"]}, {"symbols": ["\x00"]}],
        "/symbols/1": [{"symbols": ["BTC/USDT", "btcusdt"]}],
        "/params/bars": [{"params": {"bars": -5}}],
        "/params/none": [{"params": {"none": 5}}],
        "/assumptions/none": [{"assumptions": {"none": 1}}],
        "/assumptions/taker_ppm": [
            {"assumptions": {"taker_ppm": -1}},
            {"assumptions": {"taker_ppm": "5"}},
            {"assumptions": {"taker_ppm": True}},
        ],
        "/assumptions/entry": [{"assumptions": {"entry": "guess"}}],
        "/assumptions/limits/stop_ppm": [{"assumptions": {"limits": {"stop_ppm": 0}}}],
        "/through_open": [{"through_open": START}],
        "/name": [{"name": "n" * 81}],
    }
    for place, asked in cases.items():
        for one in asked:
            found, sentence = refused(ask, **one)
            assert (found, bool(sentence)) == (place, True), one


def test_bars_that_are_not_stored_are_named(ask, stored):
    place, sentence = refused(ask, from_open=START - 500 * MINUTE)
    assert place == "/symbols/0"
    assert "bars are missing before 2023-11-15 10:40 UTC" in sentence
    place, sentence = refused(ask, through_open=START + BARS * MINUTE)
    assert "bars are stored through 2023-11-19 14:40 UTC" in sentence
    hole = START + 3_000 * MINUTE
    Gap.objects.create(instrument=stored, timeframe=60, start=hole, end=hole + 600)
    _, sentence = refused(ask)
    assert "bars are missing before 2023-11-17 12:50 UTC" in sentence
    assert ask(from_open=hole + 600).pk


def test_a_gap_that_opens_later_fails_the_run_with_its_sentence(ask, stored):
    run = ask()
    hole = START + 3_000 * MINUTE
    Gap.objects.create(instrument=stored, timeframe=60, start=hole, end=hole + 600)
    run = made(run)
    assert (run.state, run.attempts) == ("failed", 1)
    assert "bars are missing before" in run.error
    assert document_of(run) is None


def test_currency_and_class_of_an_instrument_must_fit(ask, stored):
    place, sentence = refused(ask, assumptions={"currency": "USD"})
    assert place == "/symbols/0"
    assert "set the assumption currency to USDT" in sentence
    Instrument.objects.filter(pk=stored.pk).update(asset_class="fx")
    assert "is not made for fx" in refused(ask)[1]


def test_nobody_tests_or_sees_what_is_anothers(ask, ann, ben, cid, strategy):
    private = row_of("TrendPullback", owner=ben)
    assert refused(ask, strategy=private)[0] == "/strategy"
    Strategy.objects.filter(pk=private.pk).update(is_shared=True)
    run = ask(strategy=private)
    assert run_for(user=ann, run_id=run.pk) == run
    assert list(runs_for(user=ann)) == [run]
    for other in (ben, cid):  # sharing the strategy shows nobody what others made of it
        assert run_for(user=other, run_id=run.pk) is None
        assert not runs_for(user=other).exists()
        with pytest.raises(ResearchError):
            backtest_again(run=run, user=other)
    assert BacktestRun.objects.count() == 1


def test_so_many_at_a_time_for_each_user(ask, ann, ben, settings):
    settings.ENV = {**settings.ENV, "MYSTIC_RESEARCH_PER_USER": 2}
    first = ask()
    ask()
    with pytest.raises(ResearchError, match="2 at a time are allowed"):
        ask()
    assert ask(user=ben).pk
    assert backtest_cancel(run=first, actor="ann")
    assert ask().pk
    assert BacktestRun.objects.filter(owner=ann).count() == 3


def test_whoever_has_the_fewest_at_work_comes_first(ask, ann, ben):
    first, second, third = ask(), ask(), ask(user=ben)
    assert [run_claim().run_id for _ in range(3)] == [first.pk, third.pk, second.pk]
    assert run_claim() is None


def test_a_canceled_run_is_not_made_and_its_process_learns_of_it(ask):
    run = ask()
    claim = run_claim()
    assert run_renew(claim)
    assert backtest_cancel(run=run, actor="ann")
    assert not backtest_cancel(run=run, actor="ann")
    assert not run_renew(claim)
    assert not run_keep(claim, {})
    run.refresh_from_db()
    assert (run.state, run.error, run.leased_until) == ("canceled", "canceled by ann", None)
    waiting = ask()
    backtest_cancel(run=waiting, actor="ann")
    assert made(waiting).state == "canceled"


def test_a_lapsed_lease_lets_another_attempt_be_made_three_times(ask):
    run = ask()
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert run_claim() == Claim(run.pk, attempt)
        assert runs_lapsed() == 0
        BacktestRun.objects.update(leased_until="2020-01-01T00:00:00Z")
        assert runs_lapsed() == 1
    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "its process ended, 3 times")


def test_an_attempt_that_was_taken_over_writes_nothing(ask):
    run = ask()
    old = run_claim()
    run_give_back(old, "", counts=False)
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("waiting", 0)
    run_claim()
    BacktestRun.objects.update(attempts=2)
    assert not run_keep(old, {})
    assert not run_give_back(old, "late")


def test_what_is_put_away_leaves_the_list_and_stays(ask, ann):
    run = made(ask())
    backtest_archive(run=run)
    assert not runs_for(user=ann).exists()
    assert list(runs_for(user=ann, is_archived=True)) == [run]
    assert document_of(run) is not None


def test_two_symbols_share_one_account(ask, make_instrument):
    store(make_instrument("ETH/USDT"), walk(BARS, seed=5))
    document = document_of(made(ask(symbols=["BTC/USDT", "ETH/USDT"])))
    rows = document["symbols_table"]
    assert [one["symbol"] for one in rows] == ["BTC/USDT", "ETH/USDT"]
    for one in rows:
        trades = [t for t in document["trades"] if t["symbol"] == one["symbol"]]
        assert len(trades) == one["trades"] + one["open"] > 0
    profit = sum(float(one["profit"]) for one in document["trades"])
    assert document["metrics"]["net_profit"] == pytest.approx(profit, abs=1e-6)
    assert document["span"]["bars"] == 2 * (BARS - 2_000)
