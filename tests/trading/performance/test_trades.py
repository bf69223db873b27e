"""Streaks, excursions and multiples of the risk."""

import numpy as np
import pytest

from trading.performance.trades import excursions, in_order, longest_run, r_multiples, runs_of, sqn
from trading.performance.types import FigureError, TradeFigures


def test_a_streak_follows_the_order_in_which_trades_closed():
    trades = TradeFigures.of(
        profit=[-1.0, 5.0, -2.0, -3.0],
        cost=[10.0] * 4,
        bars=[1] * 4,
        opened_at=[0, 1, 2, 3],
        closed_at=[40, 10, 30, 20],
    )
    assert in_order(trades).tolist() == [5.0, -3.0, -2.0, -1.0]
    assert longest_run(in_order(trades) < 0) == 3


def test_runs_are_counted_one_by_one():
    assert runs_of(np.array([True, True, False, True, False, True, True, True])).tolist() == [
        2,
        1,
        3,
    ]
    assert longest_run(np.array([False, False])) == 0
    assert longest_run(np.array([], dtype=bool)) == 0


def test_excursions_are_points_by_cost():
    trades = TradeFigures.of(
        profit=[20.0, 1.0, -30.0],
        cost=[200.0, 100.0, 300.0],
        bars=[1, 1, 1],
        opened_at=[0, 1, 2],
        closed_at=[9, None, 8],
        mae=[-10.0, 0.0, -60.0],
        mfe=[30.0, 2.0, 15.0],
    )
    assert excursions(trades).tolist() == [[-0.05, 0.15, 0.1], [-0.2, 0.05, -0.1]]
    assert trades.returns.tolist() == [0.1, 0.01, -0.1]


def test_a_multiple_of_the_risk_needs_a_risk():
    assert r_multiples(np.array([300.0, -100.0]), np.array([100.0, 100.0])).tolist() == [3.0, -1.0]
    with pytest.raises(FigureError, match="has no R"):
        r_multiples(np.array([1.0]), np.array([0.0]))


def test_the_quality_number_of_van_tharp():
    # 30 trades of +1R and -1R that win 20 times: mean 1/3, deviation (n - 1) root(30/29 (1 - 1/9)).
    profit = np.array([1.0] * 20 + [-1.0] * 10)
    deviation = (30 / 29 * (1 - 1 / 9)) ** 0.5
    assert sqn(profit) == pytest.approx(30**0.5 / 3 / deviation)
    assert sqn(np.array([2.0, 2.0, 2.0])) is None
    assert sqn(np.array([2.0])) is None
