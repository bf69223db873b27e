"""Searches over parameters: asked, made by workers from rows, ended, and seen by their owner."""

from datetime import timedelta
from itertools import product
from random import Random
from statistics import fmean

import pytest
from django.utils import timezone

from mystic.lib import bus
from signals.strategies.mean_reversion import MeanReversion
from signals.strategies.params import Param, ParamError
from signals.strategies.registry import CLASSES
from tests.signals.app.conftest import START, store
from tests.trading.research.conftest import BARS, MINUTE, row_of
from trading.backtest.assumptions import Assumptions
from trading.backtest.report import measured
from trading.backtest.run import prepare, simulated
from trading.events import ResearchChanged, ResearchWanted
from trading.models import Sweep, Trial
from trading.selectors_sweeps import heat_map, sweep_for, sweeps_for, trial_counts, trials_of
from trading.services import sweep_progress, trials
from trading.services.research_errors import ResearchError
from trading.services.research_made import material_of
from trading.services.sweep_asked import fields_of, strategy_with
from trading.services.sweeps import sweep_archive, sweep_cancel, sweep_start, trials_work
from trading.services.trials import trials_claim, trials_give_back, trials_keep

SPACE = {"bars": {"values": [10, 20, 30]}, "band": {"values": [1.5, 2.0, 2.5, 3.0]}}
FROM = START + 2_000 * MINUTE
THROUGH = START + (BARS - 1) * MINUTE


@pytest.fixture
def search(stored, strategy, ann):
    def make(**changes):
        told = {
            "user": ann,
            "strategy": strategy,
            "symbols": ["BTC/USDT"],
            "from_open": FROM,
            "through_open": THROUGH,
            "space": SPACE,
            "min_trades": 1,
        }
        return sweep_start(**(told | changes))

    return make


def through(sweep, worker="here:1"):
    """Let one worker make the whole search."""
    while trials_work(worker):
        pass
    sweep.refresh_from_db()
    return sweep


def what_was_made(sweep):
    fields = ("fold__number", "number", "params", "objective", "metrics", "error")
    return list(trials_of(sweep).order_by("fold__number", "number").values_list(*fields))


def test_a_grid_is_made_to_its_end(search):
    sweep = through(search())
    assert (sweep.state, sweep.error, sweep.stage, sweep.progress) == ("ready", "", "", 1.0)
    rows = list(trials_of(sweep))
    wanted = product((10, 20, 30), (1.5, 2.0, 2.5, 3.0))
    assert [(one.params["bars"], one.params["band"]) for one in rows] == list(wanted)
    assert [one.number for one in rows] == list(range(1, 13))
    assert {(one.state, one.attempts, one.leased_until) for one in rows} == {("done", 1, None)}
    ranked = [one for one in rows if one.objective is not None]
    summary = sweep.summary
    assert summary["trials"] == {
        "all": 12,
        "ranked": len(ranked),
        "unranked": 12 - len(ranked),
        "refused": 0,
        "failed": 0,
    }
    best = max(ranked, key=lambda one: one.objective)
    assert summary["best"]["number"] == best.number
    assert [one["objective"] for one in summary["ranking"]] == sorted(
        (one.objective for one in ranked), reverse=True
    )
    profits = [one.metrics["net_profit"] for one in rows]
    assert summary["profitable_share"] == sum(one > 0 for one in profits) / 12


def test_a_trial_is_the_backtest_of_its_parameters(search):
    """Made the long way: decided alone, filled and measured as a backtest's report is."""
    sweep = through(search(space={**SPACE, "assumptions.stop_ppm": {"values": [5_000, 40_000]}}))
    looked_at = list(trials_of(sweep))[::7]
    assert any(one.metrics["trades"] for one in looked_at)
    for trial in looked_at:
        own = {name: one for name, one in trial.params.items() if "." not in name}
        strategy = strategy_with(fields_of(sweep), {**sweep.params, **own})
        stop = trial.params["assumptions.stop_ppm"]
        told = {**sweep.assumptions, "limits": {**sweep.assumptions["limits"], "stop_ppm": stop}}
        assumptions = Assumptions.from_json(told)
        material = material_of(sweep, [strategy])
        prepared = prepare(
            [strategy],
            material.subjects,
            material.series,
            span=material.span,
            assumptions=assumptions,
        )
        wanted = measured(prepared, simulated(prepared, assumptions), assumptions).metrics
        for name, value in wanted.items():
            close = value is None or pytest.approx(value, rel=1e-9, abs=1e-12)
            assert trial.metrics[name] == (None if value is None else close), name


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_points_are_settled_by_the_seed(search, method):
    space = {"bars": {"low": 10, "high": 80}, "margin": {"low": 0.1, "high": 2.0, "step": 0.1}}
    told = {"space": space, "method": method, "points": 26}
    first, again = through(search(**told)), through(search(**told))
    other = through(search(**told, seed=8))
    points = [one.params for one in trials_of(first)]
    assert len({tuple(one.items()) for one in points}) == 26
    assert what_was_made(first) == what_was_made(again)
    assert points != [one.params for one in trials_of(other)]
    assert first.state == "ready"


def test_workers_in_turns_make_the_same_tpe_search(search):
    """A second worker, and one that gives back what it took, change nothing."""
    space = {"bars": {"low": 10, "high": 80}, "margin": {"low": 0.1, "high": 2.0, "step": 0.1}}
    told = {"space": space, "method": "tpe", "points": 30}
    alone = through(search(**told))
    sweep = search(**told)
    while sweep.state in ("waiting", "running"):
        taken = trials_claim(sweep, "late:1")
        trials_work("there:2")
        if taken:
            trials_give_back(taken)
        trials_work("here:1")
        sweep.refresh_from_db()
    assert what_was_made(sweep) == what_was_made(alone)


def test_a_lower_objective_may_be_the_better_one(search):
    sweep = through(search(objective="max_drawdown_days"))
    ranked = [one.objective for one in trials_of(sweep) if one.objective is not None]
    assert sweep.summary["best"]["objective"] == min(ranked)
    assert [one["objective"] for one in sweep.summary["ranking"]] == sorted(ranked)


def test_a_point_with_too_few_trades_is_not_ranked(search):
    sweep = through(search(min_trades=10**6))
    assert {one.objective for one in trials_of(sweep)} == {None}
    assert "it takes 1000000 to be ranked" in trials_of(sweep)[0].error
    assert (sweep.state, sweep.summary["best"], sweep.summary["recommended"]) == (
        *("ready", None),
        None,
    )


class Choosy(MeanReversion):
    """Refuses an average of 20 bars."""

    band = Param(2.0, low=1.0, high=4.0)

    def __init__(self, **params):
        super().__init__(**params)
        if self.bars == 20:
            raise ParamError("bars must not be 20")


def test_what_the_strategy_refuses_is_passed_over_with_its_sentence(search, monkeypatch):
    monkeypatch.setitem(CLASSES, "Choosy", Choosy)
    sweep = through(search(strategy=row_of("Choosy")))
    refused = [one for one in trials_of(sweep) if one.params["bars"] == 20]
    assert {(one.state, one.error, one.objective) for one in refused} == {
        ("done", "bars must not be 20", None)
    }
    assert sweep.summary["trials"]["refused"] == 4
    guided = through(search(strategy=row_of("Choosy", threshold=0.5), method="tpe", points=12))
    assert guided.summary["trials"]["refused"] == 4
    with pytest.raises(ResearchError, match="takes none of the 1 points: bars must not be 20"):
        search(strategy=row_of("Choosy", threshold=0.4), space={"bars": {"values": [20]}})


def test_claims_never_share_a_trial(search):
    sweep = search()
    trials.pace.seconds[sweep.pk] = 0.25
    first, second, third, none = (trials_claim(sweep, f"here:{n}") for n in range(4))
    assert [len(one) for one in (first, second, third, none)] == [4, 4, 4, 0]
    assert len({one.pk for one in (*first, *second, *third)}) == 12


def test_a_lost_worker_keeps_what_it_had_done_and_no_more(search):
    sweep = search()
    trials.pace.seconds[sweep.pk] = 0.25
    lost = trials_claim(sweep, "lost:1")
    done = {"state": "done", "objective": 5.0, "metrics": {"net_profit": 1.0, "path": ""}}
    assert trials_keep([(lost[0], done)]) == 1
    assert not any(one.pk in {row.pk for row in lost} for one in trials_claim(sweep, "next:2"))
    Trial.objects.filter(sweep=sweep, state="running").update(leased_until=timezone.now())
    found = through(sweep, "next:2")
    rows = {one.number: one for one in trials_of(found)}
    assert (rows[1].objective, rows[1].attempts) == (5.0, 1)
    assert [rows[n].attempts for n in (2, 3, 4)] == [2, 2, 2]
    assert found.state == "ready"
    # What the lost one says after all comes too late.
    assert trials_keep([(one, done) for one in lost]) == 0


def test_a_trial_that_loses_three_workers_has_failed(search):
    sweep = search(space={"bars": {"values": [10, 20]}})
    trials.pace.seconds[sweep.pk] = 1.0
    for number in range(3):
        (taken,) = trials_claim(sweep, f"lost:{number}")
        assert (taken.number, taken.attempts) == (1, number + 1)
        Trial.objects.filter(pk=taken.pk).update(leased_until=timezone.now())
    found = through(sweep)
    first, second = trials_of(found)
    assert (first.state, first.error) == ("failed", "Its worker was lost 3 times.")
    assert (second.state, found.state) == ("done", "ready")
    assert found.summary["trials"]["failed"] == 1


def test_a_search_that_is_canceled_ends_and_keeps_its_trials(search):
    sweep = search()
    trials_work("here:1")
    made = trial_counts(sweep)["done"]
    assert made > 0
    assert sweep_cancel(sweep=sweep, actor="ann")
    assert not trials_work("here:1")
    sweep.refresh_from_db()
    assert (sweep.state, sweep.error) == ("canceled", "Canceled by ann.")
    assert trial_counts(sweep)["done"] == made
    assert not sweep_cancel(sweep=sweep, actor="ann")


def test_progress_is_told_at_most_twice_a_second(search, monkeypatch):
    heard = []
    bus.subscribe(ResearchChanged, heard.append)
    sweep = search()
    Sweep.objects.filter(pk=sweep.pk).update(state="running")
    now = timezone.now()
    for tenth in range(30):
        moment = now + timedelta(seconds=tenth / 10)
        monkeypatch.setattr(sweep_progress.timezone, "now", lambda moment=moment: moment)
        sweep_progress.sweep_tell(sweep)
    assert len(heard) == 6
    assert {(one.kind, one.row_id, one.user_id) for one in heard} == {
        ("sweep", sweep.pk, sweep.owner_id)
    }
    assert heard[0].stage == "0 of 12 trials"


@pytest.mark.django_db(transaction=True)
def test_who_asks_rings_once_it_is_committed(search, monkeypatch):
    heard = []
    monkeypatch.setitem(bus._handlers, ResearchWanted, [heard.append])  # and nobody begins it
    sweep = search()
    assert heard == [ResearchWanted("sweep", sweep.pk, sweep.owner_id)]


def test_heat_map_by_hand(search):
    sweep = search()
    for trial in trials_of(sweep):
        bars, band = trial.params["bars"], trial.params["band"]
        Trial.objects.filter(pk=trial.pk).update(
            state="done", objective=None if bars == 20 and band == 2.0 else bars * band
        )
    found = heat_map(sweep, "bars", "band")
    assert (found.x_values, found.y_values) == ((10, 20, 30), (1.5, 2.0, 2.5, 3.0))
    assert found.cells == (
        *((15.0, 30.0, 45.0), (20.0, None, 60.0)),
        *((25.0, 50.0, 75.0), (30.0, 60.0, 90.0)),
    )
    assert (found.low, found.high) == (15.0, 90.0)
    assert found.counts[1] == (1, 0, 1)


def test_heat_map_averages_or_fixes_the_others(search):
    sweep = search(space={**SPACE, "margin": {"values": [0.5, 1.0]}})
    for trial in trials_of(sweep):
        value = trial.params["bars"] * trial.params["margin"]
        Trial.objects.filter(pk=trial.pk).update(state="done", objective=value)
    assert heat_map(sweep, "bars", "band").cells == ((7.5, 15.0, 22.5),) * 4
    fixed = heat_map(sweep, "bars", "band", fixed={"margin": 1.0})
    assert fixed.cells == ((10.0, 20.0, 30.0),) * 4
    with pytest.raises(KeyError, match="oversold"):
        heat_map(sweep, "bars", "oversold")


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"method": "guess"}, "/method", "grid, random, tpe"),
        ({"objective": "luck"}, "/objective", "The objective is one of final_equity"),
        ({"objective": "trades"}, "/objective", "The objective is one of"),
        ({"points": 0, "method": "random"}, "/points", "from 1 to 20000"),
        ({"seed": -1}, "/seed", "from 0"),
        ({"space": {}}, "/space", "say what varies"),
        ({"space": {"bars": {"low": 9}}}, "/space/bars/low", "must lie between 10 and 300"),
        ({"kind": "guess"}, "/kind", "sweep or walk_forward"),
        ({"symbols": ["ETH/USDT"]}, "/symbols/0", "ETH/USDT"),
        ({"params": {"gone": 1}}, "/params/gone", "no parameter gone"),
        ({"kind": "walk_forward"}, "/walk", "the span has 2.8 days"),
        ({"kind": "walk_forward", "walk": {"folds": 2}}, "/walk/folds", "there is no folds"),
    ],
)
def test_what_cannot_be_says_where_and_writes_nothing(search, changes, place, said):
    with pytest.raises(ResearchError) as caught:
        search(**changes)
    assert caught.value.place == place
    assert said in str(caught.value)
    assert not Sweep.objects.exists()


def test_a_user_may_not_crowd_the_others_out(search, settings):
    settings.ENV = {**settings.ENV, "MYSTIC_RESEARCH_PER_USER": 2}
    search()
    search()
    with pytest.raises(ResearchError, match="2 at a time are allowed"):
        search()


def test_only_the_owner_sees_a_search(search, ann, ben, cid):
    sweep = search()
    for other in (ben, cid):
        assert sweep_for(user=other, sweep_id=sweep.pk) is None
        assert not sweeps_for(user=other).exists()
    assert sweep_for(user=ann, sweep_id=sweep.pk) == sweep
    sweep_archive(sweep=sweep)
    assert not sweeps_for(user=ann).exists()
    assert list(sweeps_for(user=ann, is_archived=True)) == [sweep]


@pytest.fixture
def noise(make_instrument):
    """A market whose every step is drawn on its own: there is nothing to find in it."""
    dice, price, rows = Random(11), 60_000.0, []  # noqa: S311
    for n in range(BARS):
        close = round(price + dice.gauss(0, 25), 2)
        high = round(max(price, close) + abs(dice.gauss(0, 12)), 2)
        low = round(min(price, close) - abs(dice.gauss(0, 12)), 2)
        rows.append((START + n * MINUTE, price, high, low, close, 1.5))
        price = close
    store(make_instrument("ETH/USDT"), rows)


def test_luck_on_random_prices_is_called_nothing(search, noise):
    """Trading is free there, so that the best of sixty points looks fine."""
    free = {"maker_ppm": 0, "taker_ppm": 0, "half_spread_ppm": 0, "impact_ppm": 0}
    space = {"bars": {"values": list(range(10, 70))}}
    sweep = through(search(symbols=["ETH/USDT"], space=space, assumptions=free))
    found = sweep.summary["verdict"]
    assert found["trials"] == sum(bool(one.metrics) for one in trials_of(sweep))
    assert found["word"] == "nothing here"


def test_trials_of_before_count_against_later_ones(search):
    first = through(search(space={"bars": {"values": list(range(10, 30))}}))
    ranked = trials_of(first).filter(objective__isnull=False).count()
    second = through(search(space={"bars": {"values": list(range(30, 40))}}))
    assert first.summary["verdict"]["trials_before"] == 0
    assert second.summary["verdict"]["trials_before"] == ranked


def test_one_of_two_searches_does_not_hold_the_other_up(search):
    first, second = search(), search()
    for sweep in (first, second):
        trials.pace.seconds[sweep.pk] = 0.5
    trials_work("here:1")
    trials_work("here:1")
    assert [trial_counts(one)["done"] for one in (first, second)] == [2, 2]


def test_a_search_whose_strategy_is_gone_says_so(search, monkeypatch):
    monkeypatch.setitem(CLASSES, "Choosy", Choosy)
    sweep = search(strategy=row_of("Choosy"))
    monkeypatch.delitem(CLASSES, "Choosy")
    found = through(sweep)
    assert (found.state, found.error) == ("failed", "There is no class Choosy any more.")


def test_means_of_the_heat_map_are_those_of_the_trials(search):
    sweep = through(search())
    found = heat_map(sweep, "band", "bars")
    rows = [one for one in trials_of(sweep) if one.objective is not None]
    assert sum(sum(row) for row in found.counts) == len(rows)
    known = [one for row in found.cells for one in row if one is not None]
    assert fmean(known) == pytest.approx(fmean(one.objective for one in rows), rel=1e-12)
