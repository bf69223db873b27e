"""Strategies that end their process, ask for all memory or never end; and whose turn it is."""

import threading
import time

import pytest
from django.db import connection, transaction
from django.utils import timezone

from mystic.models import User
from signals.models import Strategy
from signals.strategies.registry import CLASSES
from signals.strategies.trend_pullback import TrendPullback
from tests.signals.app.conftest import START
from tests.trading.research.conftest import BARS, MINUTE, made, row_of
from trading.models import BacktestRun, Sweep, Trial
from trading.selectors_research import document_of
from trading.services import research_work, trials
from trading.services.backtests import backtest_again, backtest_cancel
from trading.services.combinations import PartAsked, combination_start
from trading.services.research_errors import ResearchError
from trading.services.research_runs import State, run_claim, run_keep
from trading.services.sweeps import sweep_start, trials_work

pytestmark = pytest.mark.django_db


def hostile(fault):
    """Return a class whose decisions raise this."""

    def decide(self, b):
        raise fault("from within")

    return type("Hostile", (TrendPullback,), {"decide": decide, "__doc__": "Raises."})


@pytest.fixture
def search(stored, strategy, ann):
    def make(**changes):
        told = {
            "user": ann,
            "strategy": strategy,
            "symbols": ["BTC/USDT"],
            "from_open": START + 2_000 * MINUTE,
            "through_open": START + (BARS - 1) * MINUTE,
            "space": {"bars": {"values": [10, 20]}},
            "min_trades": 1,
        }
        return sweep_start(**(told | changes))

    return make


def test_a_strategy_that_ends_the_process_fails_its_run_with_a_sentence(ask, monkeypatch):
    monkeypatch.setitem(CLASSES, "Hostile", hostile(SystemExit))
    run = made(ask(strategy=row_of("Hostile")))
    assert (run.state, run.attempts, run.leased_until) == ("failed", 1, None)
    assert "ended its process (exit from within)" in run.error


def test_a_strategy_that_ends_the_process_fails_its_search(search, monkeypatch):
    monkeypatch.setitem(CLASSES, "Hostile", hostile(SystemExit))
    space = {"assumptions.stop_ppm": {"values": [10_000, 20_000]}}
    sweep = search(strategy=row_of("Hostile"), space=space)
    while trials_work("test"):
        continue
    sweep.refresh_from_db()
    assert (sweep.state, sweep.leased_until) == ("failed", None)
    assert "ended its process" in sweep.error
    assert set(sweep.trials.values_list("state", "attempts")) == {("failed", 1)}


def test_errors_of_a_strategys_own_code_are_told_of_each_bar(ask, monkeypatch):
    monkeypatch.setitem(CLASSES, "Hostile", hostile(RecursionError))
    run = made(ask(strategy=row_of("Hostile")))
    assert (run.state, run.result.trades) == ("ready", 0)
    assert "On 4,000 bars the strategy failed" in str(document_of(run)["warnings"])


def test_more_memory_than_there_is_fails_at_once_and_says_what_to_do(ask, search, monkeypatch):
    def greedy(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(research_work, "backtest_made", greedy)
    run = made(ask())
    assert (run.state, run.attempts) == ("failed", 1)
    assert "more memory" in run.error
    monkeypatch.setattr(trials, "ground_of", greedy)
    sweep = search()
    assert trials_work("test")
    sweep.refresh_from_db()
    assert sweep.state == "failed"
    assert "more memory" in sweep.error


def test_a_trial_that_takes_too_long_fails_and_the_others_are_made(search):
    sweep = search()
    claimed = trials.trials_claim(sweep, "slow")
    trials.trials_expire(claimed, claimed[1])
    rows = list(sweep.trials.order_by("number").values_list("state", "attempts"))
    assert rows == [("waiting", 0), ("failed", 1)]
    assert "60 minutes" in sweep.trials.get(number=2).error
    assert trials.trials_keep([(claimed[1], {"state": "done"})]) == 0


def test_one_process_takes_turns_between_people(ask, ann, ben, settings):
    settings.ENV = {**settings.ENV, "MYSTIC_RESEARCH_PER_USER": 30}
    of_ann = [ask() for _ in range(4)]
    of_ben = [ask(user=ben) for _ in range(2)]
    order = []
    for second in range(6):
        claim = run_claim()
        order.append(claim.run_id)
        BacktestRun.objects.filter(pk=claim.run_id).update(
            state=State.FAILED, finished_at=timezone.now() + timezone.timedelta(seconds=second)
        )
    first, last = [one.pk for one in of_ann], [one.pk for one in of_ben]
    assert order == [first[0], last[0], first[1], last[1], first[2], first[3]]


def test_whoever_asked_for_hundreds_holds_nobody_up(ask, ann, ben, settings):
    settings.ENV = {**settings.ENV, "MYSTIC_RESEARCH_PER_USER": 1_000}
    run = ask()
    kept = {
        field.name: getattr(run, field.name)
        for field in BacktestRun._meta.fields
        if field.name != "id"
    }
    BacktestRun.objects.bulk_create([BacktestRun(**kept) for _ in range(300)])
    mine = ask(user=ben)
    assert mine.pk in [run_claim().run_id for _ in range(2)]


def test_a_run_that_was_canceled_while_it_was_written_keeps_nothing(ask):
    run = ask()
    claim = run_claim()
    assert backtest_cancel(run=run, actor="ann")
    assert not run_keep(claim, {})
    run.refresh_from_db()
    assert (run.state, hasattr(run, "result")) == ("canceled", False)


def test_anothers_rules_are_no_more_tested_once_their_sharing_was_withdrawn(
    ask, ann, ben, strategy
):
    private = row_of("TrendPullback", owner=ben)
    Strategy.objects.filter(pk=private.pk).update(is_shared=True)
    run = ask(strategy=private)
    parts = [PartAsked(private, ["BTC/USDT"]), PartAsked(strategy, ["BTC/USDT"])]
    both = combination_start(
        user=ann, parts=parts, from_open=run.from_open, through_open=run.through_open
    )
    assert backtest_again(run=run, user=ann).pk
    assert backtest_again(run=both, user=ann).pk
    before = BacktestRun.objects.count()
    Strategy.objects.filter(pk=private.pk).update(is_shared=False)
    for one in (run, both):
        with pytest.raises(ResearchError, match="not shared with you any more") as caught:
            backtest_again(run=BacktestRun.objects.get(pk=one.pk), user=ann)
        assert caught.value.place == "/strategy"
    assert BacktestRun.objects.count() == before


def together(count, work):
    """Do the same in threads that begin at once; return what each gave or raised."""
    gate, found = threading.Barrier(count), []

    def one():
        gate.wait()
        try:
            found.append(work())
        except Exception as fault:  # noqa: BLE001  what it was is judged by the test
            found.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.django_db(transaction=True)
def test_threads_never_claim_one_run_twice(ask):
    wanted = {ask().pk for _ in range(3)}
    taken = [one.run_id for one in together(6, run_claim) if one is not None]
    assert len(taken) == len(set(taken))
    while (claim := run_claim()) is not None:
        taken.append(claim.run_id)
    assert sorted(taken) == sorted(wanted)
    assert set(BacktestRun.objects.values_list("attempts", flat=True)) == {1}


@pytest.mark.django_db(transaction=True)
def test_searches_asked_for_at_once_keep_to_the_quota(search, settings):
    settings.ENV = {**settings.ENV, "MYSTIC_RESEARCH_PER_USER": 2}
    found = together(5, search)
    assert sum(isinstance(one, ResearchError) for one in found) == 3, found
    assert Sweep.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_person_can_trade_while_their_search_is_being_asked_for(search, ann):
    """The row of a user is not held while thousands of points are tried: others refer to it."""
    search()
    assert User.objects.get(pk=ann.pk)
    assert Trial.objects.count() == 2
    with transaction.atomic():
        began = time.monotonic()
        assert User.objects.select_for_update(no_key=True).get(pk=ann.pk)
    assert time.monotonic() - began < 1.0
