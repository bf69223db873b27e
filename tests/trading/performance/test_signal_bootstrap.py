"""The p-value of a signal, and how often the best of a search is overfitted."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from trading.performance.overfitting import overfitting
from trading.performance.signal_bootstrap import signal_test
from trading.performance.types import FigureError


def market(rng, count):
    return rng.normal(0.002, 0.01, count)  # it drifts upwards


def test_signals_that_know_nothing_have_uniform_p_values():
    rng = np.random.default_rng(17)
    found = [
        signal_test(
            market(rng, 200), rng.integers(0, 2, 200).astype(float), seed=k, samples=400, block=1
        ).p_value
        for k in range(300)
    ]
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert sum(one <= 0.05 for one in found) <= 24  # of 300 by chance, 99 in 100 repetitions


def test_the_p_value_is_nearly_that_of_the_correlation():
    rng = np.random.default_rng(4)
    returns = market(rng, 600)
    position = (rng.random(600) < 0.5 + 5 * returns).astype(float)
    found = signal_test(returns, position, seed=7, samples=20_000, block=1)
    expected = stats.pearsonr(position, returns, alternative="greater").pvalue
    assert 0.001 < expected < 0.2
    assert found.p_value == pytest.approx(expected, abs=0.01)
    drift_removed = position * (returns - returns.mean())
    assert found.mean == pytest.approx(drift_removed.mean(), rel=1e-9)


def test_holding_a_rising_market_is_no_knowledge():
    returns = market(np.random.default_rng(2), 500)
    found = signal_test(returns, np.full(500, 0.1), seed=1)
    assert found.p_value == 1.0
    assert found.sentence.startswith("nothing here: a signal that knows nothing does as well")


def test_a_signal_that_knows_is_found():
    returns = market(np.random.default_rng(2), 500)
    found = signal_test(returns, (returns > 0.002).astype(float), seed=1, samples=999)
    assert found.p_value == 1 / 1_000
    assert found.sentence.startswith("it holds up")
    assert found.sentence.endswith("below 0.001")


def test_a_short_position_gains_where_the_market_falls():
    returns = market(np.random.default_rng(2), 500)
    assert signal_test(returns, np.where(returns < 0, -1.0, 0.0), seed=1).p_value < 0.01


def test_a_signal_that_was_never_in_the_market_has_no_p_value_to_believe():
    found = signal_test(np.array([0.1, -0.1, 0.2]), np.zeros(3), seed=1)
    assert found.held == 0.0
    assert found.p_value == 1.0
    assert found.sentence.startswith("nothing can be said")
    with pytest.raises(FigureError, match="2 returns and 1 positions"):
        signal_test(np.zeros(2), np.zeros(1), seed=1)


def by_the_book(returns, groups):
    """Combinatorially symmetric cross-validation, one split after the other."""
    days, trials = returns.shape
    parts = np.array_split(np.arange(days), groups)
    logits = []
    for chosen in combinations(range(groups), groups // 2):
        inside = np.concatenate([parts[k] for k in chosen])
        outside = np.setdiff1d(np.arange(days), inside)
        here, there = returns[inside], returns[outside]
        best = (here.mean(axis=0) / here.std(axis=0, ddof=1)).argmax()
        ranks = stats.rankdata(there.mean(axis=0) / there.std(axis=0, ddof=1))
        share = ranks[best] / (trials + 1)
        logits.append(np.log(share / (1 - share)))
    return np.array(logits)


def test_every_split_is_that_of_the_paper():
    returns = np.random.default_rng(8).normal(0.0002, 0.01, (203, 9))
    found = overfitting(returns, groups=8)
    expected = by_the_book(returns, 8)
    assert found.splits == 70
    assert found.logits == pytest.approx(expected, rel=1e-9)
    assert found.probability == (expected <= 0).mean()


def test_a_search_among_noise_overfits_and_one_with_an_edge_does_not():
    rng = np.random.default_rng(21)
    noise = np.array(
        [overfitting(rng.normal(0, 0.01, (400, 30)), groups=8).probability for _ in range(40)]
    )
    assert noise.mean() == pytest.approx(0.5, abs=0.1)
    edge = rng.normal(0, 0.01, (400, 30))
    edge[:, 4] += 0.003
    found = overfitting(edge, groups=16)
    assert found.splits == 12_870
    assert found.probability < 0.01
    assert found.sentence.startswith("the search finds something")


def test_trials_that_are_all_alike_rank_in_the_middle():
    same = np.repeat(np.random.default_rng(1).normal(0, 0.01, (64, 1)), 5, axis=1)
    found = overfitting(same, groups=4)
    assert found.logits == pytest.approx(np.zeros(6), abs=1e-9)
    assert found.probability == 1.0


def test_too_little_is_refused():
    with pytest.raises(FigureError, match="an even number of groups"):
        overfitting(np.zeros((100, 5)), groups=7)
    with pytest.raises(FigureError, match="at least two trials"):
        overfitting(np.zeros((100, 1)))
