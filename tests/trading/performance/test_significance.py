"""The worked examples of the papers, and what random strategies get."""

import math

import numpy as np
import pytest
from scipy import stats

from trading.performance.ratios import unexplained
from trading.performance.significance import (
    Record,
    chance_of_better,
    deflated_sharpe,
    effective_trials,
    expected_maximum_sharpe,
    mean_correlation,
    minimum_track_record,
    probabilistic_sharpe,
)
from trading.performance.types import FigureError
from trading.performance.verdicts import Word, verdict


@pytest.mark.parametrize(
    ("trials", "skew", "kurtosis", "expected"),
    [(100, -3.0, 10.0, 0.9004), (46, -3.0, 10.0, 0.9505), (88, 0.0, 3.0, 0.9505)],
)
def test_the_deflated_sharpe_of_the_paper(trials, skew, kurtosis, expected):
    # Bailey and Lopez de Prado (2014), "A numerical example": 2.5 a year of 250 days, five years,
    # the trials' Sharpe ratios with a variance of 1/2 a year.
    record = Record(sharpe=2.5 / math.sqrt(250), count=1250, skew=skew, kurtosis=kurtosis)
    assert deflated_sharpe(record, trials, 0.5 / 250) == pytest.approx(expected, abs=5e-5)


def test_the_expected_maximum_of_the_paper():
    assert expected_maximum_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)


@pytest.mark.parametrize(
    ("skew", "kurtosis", "expected"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)]
)
def test_the_probabilistic_sharpe_of_the_paper(skew, kurtosis, expected):
    # Bailey and Lopez de Prado (2012): 24 months with a Sharpe ratio of 0.458 a month.
    record = Record(sharpe=0.458, count=24, skew=skew, kurtosis=kurtosis)
    assert probabilistic_sharpe(record) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(
    ("periods", "skew", "kurtosis", "years"),
    [(252, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_the_minimum_track_record_of_the_paper(periods, skew, kurtosis, years):
    # The same paper: a Sharpe ratio of 2 a year against 1, at 95 %.
    root = math.sqrt(periods)
    record = Record(sharpe=2 / root, count=1, skew=skew, kurtosis=kurtosis)
    found = minimum_track_record(record, 1 / root)
    assert found / periods == pytest.approx(years, abs=5e-3)


def test_a_sharpe_below_the_benchmark_is_never_shown_to_be_above():
    assert minimum_track_record(Record(sharpe=0.1, count=9), 0.1) is None


def test_a_record_measures_what_scipy_measures():
    returns = np.random.default_rng(3).standard_t(5, 400) * 0.01 + 0.001
    record = Record.of(returns)
    assert record.skew == pytest.approx(stats.skew(returns), rel=1e-9)
    assert record.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-9)
    assert record.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1), rel=1e-12)
    assert Record.of(np.array([0.01])) is None
    assert Record.of(np.full(10, 0.01)) is None


def test_the_expected_maximum_is_that_of_many_draws():
    best = np.random.default_rng(5).normal(0, 0.05, (20_000, 200)).max(axis=1).mean()
    assert expected_maximum_sharpe(200, 0.05**2) == pytest.approx(best, rel=0.01)


def test_one_trial_has_nothing_to_choose_from():
    assert expected_maximum_sharpe(1, 0.1) == 0.0
    record = Record(sharpe=0.1, count=500)
    assert deflated_sharpe(record, 1, 0.1) == probabilistic_sharpe(record)
    with pytest.raises(FigureError, match="at least 1"):
        expected_maximum_sharpe(0, 0.1)


def test_trials_that_are_alike_count_as_fewer():
    assert effective_trials(200, 0.0) == 200.0
    assert effective_trials(200, 1.0) == 1.0
    assert effective_trials(200, 0.5) == 100.5
    assert effective_trials(200, -0.3) == 200.0


def test_the_mean_correlation_is_that_of_numpy():
    returns = np.random.default_rng(9).normal(0, 1, (300, 12))
    returns[:, 1:6] += returns[:, :1]
    matrix = np.corrcoef(returns, rowvar=False)
    expected = matrix[np.triu_indices(12, 1)].mean()
    idle = np.column_stack((returns, np.zeros(300)))
    assert mean_correlation(returns) == pytest.approx(expected, rel=1e-9)
    assert mean_correlation(idle) == pytest.approx(expected, rel=1e-9)
    assert mean_correlation(returns[:, :1]) == 0.0


def searches(seed, count, trials, days):
    """The best of so many random strategies, again and again: its record and the variance."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        returns = rng.normal(0.0, 0.01, (days, trials))
        sharpes = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
        yield Record.of(returns[:, sharpes.argmax()]), float(sharpes.var(ddof=1))


def test_the_best_of_many_random_strategies_is_nothing():
    found = [verdict(record, 100, spread) for record, spread in searches(1, 300, 100, 250)]
    # Chance alone gives 5 % of 300; 24 or fewer in 99 of 100 repetitions (binomial).
    assert sum(one.deflated > 0.95 for one in found) <= 24
    assert sum(one.word is not Word.NOTHING for one in found) <= 24
    luck = [one.luck for one in found]
    assert stats.kstest(luck, "uniform").pvalue > 0.01


def test_undeflated_almost_all_of_them_look_like_skill():
    found = [probabilistic_sharpe(record) for record, _ in searches(1, 100, 100, 250)]
    assert sum(one > 0.95 for one in found) > 90


def test_the_probabilities_of_single_random_strategies_are_uniform():
    returns = np.random.default_rng(11).normal(0.0, 0.01, (1_000, 250))
    records = [Record.of(row) for row in returns]
    assert stats.kstest([probabilistic_sharpe(one) for one in records], "uniform").pvalue > 0.01
    assert stats.kstest([chance_of_better(one, 1) for one in records], "uniform").pvalue > 0.01


def test_random_signals_in_a_rising_market_are_nothing_once_the_market_is_taken_out():
    rng = np.random.default_rng(23)
    plain, left = [], []
    for _ in range(600):
        market = rng.normal(0.002, 0.01, 500)  # a Sharpe ratio above 3 a year
        returns = rng.integers(0, 2, 500) * market
        plain.append(probabilistic_sharpe(Record.of(returns)))
        left.append(probabilistic_sharpe(Record.of(unexplained(returns, market))))
    assert np.mean(np.array(plain) > 0.95) > 0.8
    assert stats.kstest(left, "uniform").pvalue > 0.01


def test_the_best_of_random_signals_in_a_rising_market_is_nothing():
    rng = np.random.default_rng(29)
    words = []
    for _ in range(60):
        market = rng.normal(0.001, 0.01, 500)
        returns = rng.integers(0, 2, (200, 500)) * market
        left = np.array([unexplained(one, market) for one in returns])
        sharpes = left.mean(axis=1) / left.std(axis=1, ddof=1)
        found = verdict(Record.of(left[sharpes.argmax()]), 200, float(sharpes.var(ddof=1)))
        words.append(found.word)
    assert words.count(Word.NOTHING) >= 53  # of 60; chance alone gives 57, 99 in 100 at least 53


def test_a_market_that_never_moves_explains_nothing():
    returns = np.array([0.1, -0.2, 0.3])
    assert unexplained(returns, np.zeros(3)) is returns


def test_the_chance_of_a_better_one_by_hand():
    # Tables of Student's t: with 15 degrees 2.131 is passed with probability 0.025.
    record = Record(sharpe=0.0, count=16)
    assert chance_of_better(record, 1) == pytest.approx(0.5)
    tabled = Record(sharpe=2.131 / 4, count=16)
    assert chance_of_better(tabled, 1) == pytest.approx(0.025, abs=3e-5)
    assert chance_of_better(tabled, 10) == pytest.approx(1 - 0.975**10, abs=2e-4)
    assert chance_of_better(Record(sharpe=-50.0, count=300), 3) == 1.0


def test_trials_that_are_alike_do_not_look_like_certainty():
    found = verdict(Record(sharpe=0.05, count=250), 200, 1e-9)
    assert found.luck > 0.99
    assert found.word is Word.NOTHING


def test_a_verdict_says_how_easily_luck_does_as_well():
    record = Record(sharpe=1.0 / math.sqrt(250), count=500)
    found = verdict(record, 200, 1 / 500)
    assert found.word is Word.NOTHING
    chance = 1 - stats.t(499).cdf(record.sharpe * math.sqrt(500)) ** 200
    assert found.luck == pytest.approx(chance)
    assert found.sentence.startswith("nothing here: a search of 200 random strategies would find")
    assert found.needed is None  # it lies below what luck gives: no length would show it


def test_skill_holds_up_and_a_short_record_is_not_proven():
    strong = verdict(Record(sharpe=4.0 / math.sqrt(250), count=1_000), 200, 1 / 1_000)
    assert strong.word is Word.HOLDS
    assert strong.sentence == (
        "holds up: a search of 200 random strategies would find a better one with probability "
        "below 0.001"
    )
    assert strong.needed < 1_000
    short = verdict(Record(sharpe=0.22, count=250), 50, 1 / 250)
    assert short.word is Word.UNPROVEN
    assert short.sentence.endswith("too short or too uneven to be sure of it")


def test_nothing_is_said_of_no_returns():
    found = verdict(None, 200, 0.01)
    assert found.word is Word.UNKNOWN
    assert found.deflated is None
    assert found.luck is None
