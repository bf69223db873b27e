"""The figures of an account against other libraries, formulas of scipy, and hand calculations."""

import csv
import gzip
import json
import math
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.performance.series import (
    EXPECTED,
    close_times,
    equity_of,
    market_returns,
    strategy_returns,
)
from trading.performance.catalogue import METRICS
from trading.performance.metrics import figures, periods_of
from trading.performance.types import FigureError, TradeFigures

REPO = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("MYSTIC_TEST_DATA") or REPO.parent / "shared" / "data")


def reference(name):
    path = DATA / "reference" / name
    if not path.exists():
        pytest.skip(f"needs the recorded data file {name}")
    return path


def three_trades(**others):
    told = {
        "profit": [100.0, -50.0, 30.0, 7.0],
        "cost": [1_000.0, 500.0, 600.0, 700.0],
        "bars": [4, 2, 9, 1],
        "opened_at": [10, 20, 30, 40],
        "closed_at": [15, 25, 35, None],
        "mae": [-20.0, -60.0, 0.0, -1.0],
        "mfe": [150.0, 5.0, 60.0, 9.0],
        "fees": [1.0, 0.5, 0.6, 0.4],
        "carry": [0.2, -0.1, 0.0, 0.3],
        "notional": [2_100.0, 950.0, 1_230.0, 700.0],
    }
    return TradeFigures.of(**(told | others))


def test_the_figures_of_goog_are_those_of_empyrical_and_quantstats():
    told = json.loads(reference("metrics_goog_R1.json").read_text())["goog"]
    with gzip.open(reference("goog__R1_allin_next_open__equity.csv.gz"), "rt") as lines:
        equity = [float(row["equity"]) for row in csv.DictReader(lines)]
    found = figures(day_equity=equity, periods=252)
    pairs = {
        "return": "emp_total",
        "cagr": "emp_cagr",
        "volatility": "emp_vol",
        "sharpe": "emp_sharpe",
        "sortino": "emp_sortino",
        "max_drawdown": "emp_mdd",
        "calmar": "emp_calmar",
        "omega": "emp_omega",
        "var_5": "emp_var5",
        "cvar_5": "emp_cvar5",
        "ulcer": "qs_ulcer",
    }
    for ours, theirs in pairs.items():
        assert found[ours] == pytest.approx(told[theirs], rel=1e-9), ours


def test_the_figures_of_a_formula_are_those_of_the_libraries():
    found = figures(
        day_equity=equity_of(strategy_returns()),
        periods=365,
        benchmark=equity_of(market_returns(), 1.0),
    )
    for name, value in EXPECTED.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


def test_the_figures_agree_with_pandas():
    returns = pd.Series(strategy_returns())
    found = figures(day_equity=equity_of(strategy_returns()), periods=252)
    assert found["volatility"] == pytest.approx(returns.std() * math.sqrt(252), rel=1e-9)
    assert found["var_5"] == pytest.approx(returns.quantile(0.05), rel=1e-9)
    wealth = pd.Series(equity_of(strategy_returns()))
    assert found["max_drawdown"] == pytest.approx((wealth / wealth.cummax() - 1).min(), rel=1e-9)


def test_every_metric_is_given_in_the_order_of_the_catalogue():
    assert list(figures(day_equity=[1.0, 2.0], periods=365)) == list(METRICS)


def test_four_days_by_hand():
    # 100 -> 110 -> 99 -> 99 -> 108.9: returns +10 %, -10 %, 0, +10 %.
    found = figures(
        day_equity=[100.0, 110.0, 99.0, 99.0, 108.9],
        periods=365,
        exposure=[0, 5, 5, 0, 7, 7, 7, 0],
        benchmark=[10.0, 11.0, 9.9, 9.9, 10.89],
        day_times=[0, 86_400, 5 * 86_400, 6 * 86_400, 7 * 86_400],
    )
    mean, spread = 0.025, math.sqrt((2 * 0.075**2 + 0.125**2 + 0.025**2) / 3)
    assert found["net_profit"] == pytest.approx(8.9)
    assert found["return"] == pytest.approx(0.089)
    assert found["cagr"] == pytest.approx(1.089 ** (365 / 4) - 1)
    assert found["sharpe"] == pytest.approx(mean / spread * math.sqrt(365))
    assert found["sortino"] == pytest.approx(mean / math.sqrt(0.01 / 4) * math.sqrt(365))
    assert found["omega"] == pytest.approx(2.0)
    assert found["max_drawdown"] == pytest.approx(-0.1)
    assert found["max_drawdown_days"] == 6.0  # day 1 to day 7, not recovered
    assert found["exposure"] == 0.625
    assert found["beta"] == pytest.approx(1.0)
    assert found["alpha"] == pytest.approx(0.0, abs=1e-9)
    assert found["benchmark_return"] == pytest.approx(0.089)


def test_the_figures_of_trades_by_hand():
    found = figures(day_equity=[10_000.0, 10_087.0], periods=365, trades=three_trades())
    assert found["trades"] == 3  # the fourth is open
    assert found["win_rate"] == pytest.approx(2 / 3)
    assert found["profit_factor"] == pytest.approx(130 / 50)
    assert found["expectancy"] == pytest.approx(80 / 3)
    assert found["average_win"] == 65.0
    assert found["average_loss"] == -50.0
    assert found["payoff"] == pytest.approx(65 / 50)
    assert (found["best_trade"], found["worst_trade"]) == (100.0, -50.0)
    assert found["average_bars"] == 5.0
    assert found["fees_paid"] == pytest.approx(2.5)
    assert found["carry_paid"] == pytest.approx(0.4)
    assert found["mae_mean"] == pytest.approx((-0.02 - 0.12 + 0.0) / 3)
    assert found["mfe_mean"] == pytest.approx((0.15 + 0.01 + 0.1) / 3)
    assert found["longest_losing_streak"] == 1
    assert found["turnover"] == pytest.approx(4_980 / 10_043.5 * 365)
    spread = np.std([100, -50, 30], ddof=1)
    assert found["sqn"] == pytest.approx(math.sqrt(3) * (80 / 3) / spread)


def test_a_trade_without_profit_is_neither_won_nor_lost():
    trades = three_trades(profit=[100.0, 0.0, -30.0, 7.0])
    found = figures(day_equity=[1.0, 1.0], periods=365, trades=trades)
    assert found["win_rate"] == pytest.approx(1 / 3)
    assert found["average_loss"] == -30.0
    assert found["payoff"] == pytest.approx(100 / 30)
    assert found["longest_losing_streak"] == 1


def test_without_returns_nothing_is_made_up():
    found = figures(day_equity=[100.0], periods=365, trades=TradeFigures.none())
    assert found["final_equity"] == 100.0
    assert found["return"] == 0.0
    assert found["trades"] == 0
    for name in ("cagr", "sharpe", "sortino", "volatility", "var_5", "win_rate", "sqn", "alpha"):
        assert found[name] is None, name


def test_a_flat_account_has_no_ratio():
    found = figures(day_equity=[100.0] * 50, periods=365, benchmark=[7.0] * 50)
    assert found["volatility"] == 0.0
    assert found["max_drawdown"] == 0.0
    for name in ("sharpe", "sortino", "omega", "calmar", "beta", "alpha"):
        assert found[name] is None, name


@pytest.mark.parametrize(
    "equity",
    [
        [100.0, 50.0, 0.0],
        [100.0, 0.0, 0.0, 10.0],
        [100.0, -5.0, 20.0],
        [0.0, 10.0],
        [1e-300, 1e300, 1.0],
        [100.0, 101.0, 102.01],
        [5.0, 5.0 + 1e-15, 5.0],
    ],
)
def test_no_figure_is_ever_infinite(equity):
    found = figures(
        day_equity=equity, periods=365, trades=three_trades(), benchmark=equity, exposure=equity
    )
    assert all(value is None or math.isfinite(value) for value in found.values()), found


@given(
    st.lists(st.floats(-1e12, 1e12, allow_nan=False), min_size=1, max_size=40),
    st.lists(st.floats(-1e12, 1e12, allow_nan=False), max_size=10),
)
def test_no_account_gives_what_is_no_number(equity, profit):
    ones = [1] * len(profit)
    trades = TradeFigures.of(profit=profit, cost=ones, bars=ones, opened_at=ones, closed_at=ones)
    found = figures(day_equity=equity, periods=365, trades=trades, benchmark=equity[::-1])
    assert all(value is None or math.isfinite(value) for value in found.values())
    assert found["max_drawdown"] is None or found["max_drawdown"] <= 0
    assert found["win_rate"] is None or 0 <= found["win_rate"] <= 1


def test_an_account_below_zero_has_no_growth():
    found = figures(day_equity=[100.0, -5.0, 20.0], periods=365)
    assert found["sharpe"] is None
    assert found["max_drawdown"] == pytest.approx(-1.05)


def test_what_is_no_number_is_refused():
    with pytest.raises(FigureError, match="holds 1 values that are no numbers"):
        figures(day_equity=[1.0, math.nan], periods=365)
    with pytest.raises(FigureError, match="no equity"):
        figures(day_equity=[], periods=365)
    with pytest.raises(FigureError, match="3 values and the equity 2"):
        figures(day_equity=[1.0, 2.0], periods=365, benchmark=[1.0, 2.0, 3.0])
    with pytest.raises(FigureError, match="one element a trade"):
        three_trades(mae=[1.0])


def test_a_year_has_the_days_of_the_longest_open_market():
    assert periods_of([False, False]) == 252
    assert periods_of([False, True]) == 365
    assert close_times(2)[1] - close_times(2)[0] == 86_400
