"""Walk-forward: chosen inside, judged outside, nothing of the outside seen."""

from itertools import pairwise

import numpy as np
import pytest

from markets.models import Candle
from tests.signals.app.conftest import START, store, walk
from tests.trading.research.conftest import MINUTE, row_of
from trading.backtest.folds import DAY_S
from trading.models import Sweep, Trial
from trading.selectors_sweeps import folds_of, heat_map, trials_of
from trading.services.sweep_ground import ground_of
from trading.services.sweeps import sweep_start, trials_work

STEP = 15 * MINUTE
BEGIN = START // DAY_S * DAY_S
DAYS = 46
BARS = DAYS * 96
SPACE = {"bars": {"values": [10, 14, 18]}, "band": {"values": [1.5, 2.0]}}
WALK = {"train_days": 6, "test_days": 4}


@pytest.fixture
def quarters(btc, settings):
    """46 days of stored quarters of an hour."""
    settings.ENV = {**settings.ENV, "MYSTIC_TIMEFRAME": "15m"}
    store(btc, walk(BARS, start=BEGIN, timeframe=STEP), timeframe=STEP)
    return btc


@pytest.fixture
def search(quarters, ann):
    strategy = row_of("MeanReversion", timeframe=STEP)

    def make(**changes):
        told = {
            "user": ann,
            "strategy": strategy,
            "symbols": ["BTC/USDT"],
            "from_open": BEGIN + 16 * DAY_S,
            "through_open": BEGIN + DAYS * DAY_S - STEP,
            "space": SPACE,
            "min_trades": 1,
            "kind": "walk_forward",
            "walk": WALK,
        }
        return sweep_start(**(told | changes))

    return make


def through(sweep):
    while trials_work("here:1"):
        pass
    sweep.refresh_from_db()
    assert (sweep.state, sweep.error) == ("ready", "")
    return sweep


def test_every_fold_is_a_search_on_its_own_bars(search):
    sweep = search()
    assert sweep.points == 6
    folds = folds_of(sweep)
    assert len(folds) == Trial.objects.filter(sweep=sweep).count() // 6 > 1
    sweep = through(sweep)
    ground = ground_of(sweep)
    for fold in folds_of(sweep):
        rows = list(trials_of(sweep, fold=fold.number))
        assert [one.number for one in rows] == [1, 2, 3, 4, 5, 6]
        alone = ground.outcome(
            rows[3].params, from_open=fold.train_from, through_open=fold.train_through
        )
        assert rows[3].metrics["final_equity"] == alone.metrics["final_equity"]


def test_the_gap_is_at_least_what_the_columns_look_back(search):
    sweep = search()
    need = sweep.walk["column_need"]
    # The longer chart of a quarter of an hour is 4 h; its average of 24 and one bar of change.
    assert need >= 24 * 16
    assert sweep.walk["gap_bars"] == need
    for fold in folds_of(sweep):
        assert fold.test_from - fold.train_through == (need + 1) * STEP
    wider = search(walk={**WALK, "purge_bars": need + 40, "embargo_days": 1, "train_days": 3})
    assert wider.walk["gap_bars"] == need + 40 + 96


def test_what_comes_after_a_train_changes_nothing_that_was_chosen(search, quarters):
    """The bars from the first test on are replaced: the first fold's trials stay as they were."""
    before = through(search())
    first = folds_of(before)[0]
    later = [
        row
        for row in walk(BARS, start=BEGIN, timeframe=STEP, seed=9)
        if row[0] > first.train_through
    ]
    stored = Candle.objects.filter(instrument_id=quarters.pk, open_time__gt=first.train_through)
    stored.delete()
    store(quarters, later, timeframe=STEP)
    after = through(search())
    kept = [
        [(one.params, one.objective, one.metrics) for one in trials_of(sweep, fold=1)]
        for sweep in (before, after)
    ]
    assert kept[0] == kept[1]
    outside = [folds_of(sweep)[0] for sweep in (before, after)]
    assert outside[0].chosen == outside[1].chosen
    assert outside[0].metrics != outside[1].metrics


def test_the_curve_outside_is_compounded(search):
    sweep = through(search())
    folds = folds_of(sweep)
    for one, following in pairwise(folds):
        assert following.equity["equity"][0] == one.equity["equity"][-1]
    found = sweep.summary["out_of_sample"]
    assert found["equity"]["equity"][0] == 10_000.0
    assert found["equity"]["equity"][-1] == folds[-1].equity["equity"][-1]
    assert found["metrics"]["final_equity"] == folds[-1].metrics["final_equity"]
    assert found["metrics"]["trades"] == sum(one.metrics["trades"] for one in folds)
    times = found["equity"]["time"]
    assert times == sorted(set(times))
    grown = np.prod([1 + one.metrics["return"] for one in folds])
    assert found["metrics"]["return"] == pytest.approx(grown - 1, rel=1e-9)
    # Sharpe by hand of the stitched days: ddof 1, 365 days a year.
    equity = np.array(found["equity"]["equity"])
    daily = equity[1:] / equity[:-1] - 1
    sharpe = daily.mean() / daily.std(ddof=1) * np.sqrt(365)
    assert found["metrics"]["sharpe"] == pytest.approx(sharpe, rel=1e-9)


def test_the_account_of_a_walk_forward(search):
    sweep = through(search())
    summary = sweep.summary
    folds = folds_of(sweep)
    assert [one["number"] for one in summary["folds"]] == [one.number for one in folds]
    chosen = [one.chosen for one in folds if one.chosen]
    assert summary["latest"] == chosen[-1]
    assert summary["drift"]["bars"]["values"] == [one["bars"] for one in chosen]
    inside = [one.chosen_metrics["cagr"] for one in folds if one.chosen]
    mean = sum(inside) / len(inside)
    assert summary["in_sample"]["metrics"]["cagr"] == pytest.approx(mean, rel=1e-12)
    growth = summary["out_of_sample"]["metrics"]["cagr"] / mean if mean > 0 else None
    assert summary["efficiency"]["growth"] == (growth and pytest.approx(growth, rel=1e-12))
    assert summary["verdict"]["trials"] == Trial.objects.filter(sweep=sweep).count()
    assert (
        f"Each of {len(folds)} folds takes the point with the best neighbourhood"
        in (summary["sentences"][0])
    )


def test_best_takes_the_best(search):
    sweep = through(search(walk={**WALK, "choose": "best"}))
    for fold in folds_of(sweep):
        ranked = [one for one in trials_of(sweep, fold=fold.number) if one.objective is not None]
        best = max(ranked, key=lambda one: (one.objective, -one.number))
        assert fold.chosen == best.params


def test_a_fold_that_can_choose_nothing_stays_in_cash(search):
    sweep = through(search(min_trades=10**6))
    assert {repr(one.chosen) for one in folds_of(sweep)} == {"{}"}
    assert sweep.summary["out_of_sample"]["metrics"]["return"] == 0.0
    assert sweep.summary["latest"] is None
    assert "it stayed in cash" in sweep.summary["sentences"][-1]


def test_tpe_searches_each_fold(search):
    told = {
        "space": {"bars": {"low": 10, "high": 40}, "margin": {"low": 0.1, "high": 2.0}},
        "method": "tpe",
        "points": 10,
    }
    one, other = through(search(**told)), through(search(**told))
    rows = [
        list(trials_of(sweep).order_by("fold", "number").values_list("params", "objective"))
        for sweep in (one, other)
    ]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 10 * len(folds_of(one))


def test_the_heat_map_of_one_fold(search):
    sweep = through(search())
    found = heat_map(sweep, "bars", "band", fold=1)
    for one in trials_of(sweep, fold=1):
        x, y = found.x_values.index(one.params["bars"]), found.y_values.index(one.params["band"])
        assert found.cells[y][x] == one.objective


def test_a_walk_forward_of_too_many_trials_is_refused(search):
    space = {"bars": {"low": 10, "high": 210}, "margin": {"low": 0.1, "high": 5.0, "step": 0.1}}
    with pytest.raises(ValueError, match=r"folds of 10050 points are \d+ trials; 20000"):
        search(space=space)
    assert not Sweep.objects.exists()
