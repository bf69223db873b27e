"""Regimes known at the day's beginning, correlations and portfolios, costs under stress."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.trading.performance.series import DAY_S, FIRST_DAY, close_times, market_returns
from trading.backtest.assumptions import Assumptions
from trading.performance.correlation import (
    Rebalance,
    Weights,
    combine,
    correlation,
    diversification_ratio,
)
from trading.performance.regimes import Trend, Volatility, by_regime, labels
from trading.performance.stress import LABELS, stress_table, variants
from trading.performance.types import FigureError, TradeFigures


def days_and_closes(count):
    i = np.arange(count)
    moves = 0.001 * np.sin(i * 0.05) + (0.004 + 0.02 * (np.sin(i * 0.03) > 0)) * np.sin(
        i * i * 0.37
    )
    return FIRST_DAY + DAY_S * i, 100 * np.cumprod(1 + moves)


def test_a_day_is_labelled_as_pandas_would_from_the_days_before():
    days, closes = days_and_closes(400)
    found = labels(days, closes, trend_days=50, volatility_days=20)
    series = pd.Series(closes)
    known, mean = series.shift(1), series.rolling(50).mean().shift(1)
    expected = [
        Trend.UNKNOWN if np.isnan(average) else Trend.UP if close > average else Trend.DOWN
        for close, average in zip(known, mean, strict=True)
    ]
    assert list(found.trend) == expected
    spread = np.log(series).diff().rolling(20).std().shift(1)
    for day in range(400):
        past = spread[:day].dropna()
        if np.isnan(spread[day]) or len(past) < 30:
            assert found.volatility[day] is Volatility.UNKNOWN, day
            continue
        share = stats.percentileofscore(past, spread[day], kind="mean") / 100
        third = [Volatility.LOW, Volatility.MIDDLE, Volatility.HIGH][
            int(share >= 1 / 3) + int(share > 2 / 3)
        ]
        assert found.volatility[day] is third, day
    assert set(found.volatility) == set(Volatility)


def test_a_label_does_not_know_its_own_day_or_a_later_one():
    days, closes = days_and_closes(300)
    whole = labels(days, closes)
    for cut in (60, 101, 200, 299):
        changed = closes.copy()
        changed[cut:] *= 3.0
        part = labels(days, changed)
        assert part.trend[: cut + 1] == whole.trend[: cut + 1]
        assert part.volatility[: cut + 1] == whole.volatility[: cut + 1]


def test_days_and_trades_are_broken_down_without_rest():
    days, closes = days_and_closes(300)
    returns = np.append(0.0, closes[1:] / closes[:-1] - 1)
    trades = TradeFigures.of(
        profit=[10.0, -4.0, 6.0, 99.0, 50.0],
        cost=[100.0] * 5,
        bars=[1] * 5,
        # Two in the first days, one later, one after the last day, one still open.
        opened_at=[days[3] + 5, days[4], days[250] + DAY_S - 1, days[-1] + DAY_S, days[250]],
        closed_at=[days[5], days[6], days[260], days[-1] + 2 * DAY_S, None],
    )
    lines = by_regime(labels(days, closes), returns, 365, trades)
    assert sum(line.days for line in lines) == 300
    assert np.prod([1 + line.return_ for line in lines]) == pytest.approx(closes[-1] / closes[0])
    assert sum(line.trades for line in lines) == 3
    assert sum(line.profit for line in lines) == 12.0
    unknown = lines[0]
    assert (unknown.trend, unknown.volatility) == (Trend.UNKNOWN, Volatility.UNKNOWN)
    assert (unknown.trades, unknown.profit, unknown.win_rate) == (2, 6.0, 0.5)
    with pytest.raises(FigureError, match="2 returns for 300 days"):
        by_regime(labels(days, closes), returns[:2], 365)


def runs():
    rng = np.random.default_rng(6)
    returns = rng.normal(0.0005, 0.01, (250, 3))
    returns[:, 1] = 0.6 * returns[:, 0] + 0.4 * returns[:, 1]
    return returns


def test_correlations_are_those_of_scipy():
    returns = np.column_stack((runs(), np.zeros(250)))
    found = correlation(returns)
    for i in range(3):
        for j in range(3):
            expected = stats.pearsonr(returns[:, i], returns[:, j])
            assert found.coefficients[i][j] == pytest.approx(expected.statistic, rel=1e-9)
            assert found.p_values[i][j] == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    assert found.coefficients[3] == (None,) * 4
    assert found.p_values[0][3] is None
    assert correlation(returns[:2]).coefficients[0][0] is None


def test_diversification_of_independent_runs_is_the_root_of_their_number():
    returns = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]) / 100
    half = np.array([0.5, 0.5])
    assert diversification_ratio(returns, half) == pytest.approx(2**0.5)
    assert diversification_ratio(returns[:, [0, 0]], half) == pytest.approx(1.0)
    opposite = np.column_stack((returns[:, 0], -returns[:, 0]))
    assert diversification_ratio(opposite, half) is None


def test_a_portfolio_of_two_by_hand():
    returns = np.array([[0.1, 0.0], [0.1, 0.0], [0.0, 0.5]])
    daily = combine(returns, cash=100.0, rebalance=Rebalance.DAILY)
    assert daily.equity == pytest.approx([100.0, 105.0, 110.25, 110.25 * 1.25])
    never = combine(returns, cash=100.0, rebalance=Rebalance.NEVER)
    assert never.equity == pytest.approx([100.0, 105.0, 110.5, 60.5 + 75.0])
    assert never.weights[2] == pytest.approx([60.5 / 110.5, 50 / 110.5])


def test_a_month_begins_anew_with_its_first_day():
    returns = np.full((40, 2), 0.0)
    returns[:, 0] = 0.01
    times = close_times(41)[1:]  # 1 January to 9 February
    found = combine(returns, cash=1.0, rebalance=Rebalance.MONTHLY, times=times)
    anew = np.flatnonzero(np.isclose(found.weights[:, 0], 0.5))
    assert anew.tolist() == [0, 31]
    with pytest.raises(FigureError, match="time of each day"):
        combine(returns, cash=1.0, rebalance=Rebalance.MONTHLY)


def test_inverse_volatility_looks_back_only():
    returns = runs()
    returns[:, 2] *= 4
    found = combine(
        returns, cash=1.0, weights=Weights.INVERSE_VOLATILITY, rebalance=Rebalance.DAILY
    )
    assert found.weights[19] == pytest.approx([1 / 3] * 3)
    for day in (20, 100, 249):
        inverse = 1 / pd.DataFrame(returns[:day]).std().to_numpy()
        assert found.weights[day] == pytest.approx(inverse / inverse.sum())
    assert found.equity[-1] == pytest.approx(np.prod(1 + (found.weights * returns).sum(axis=1)))


def test_a_run_that_never_moves_gets_nothing_by_its_volatility():
    returns = np.column_stack((market_returns(), np.zeros(300)))
    found = combine(
        returns, cash=1.0, weights=Weights.INVERSE_VOLATILITY, rebalance=Rebalance.DAILY
    )
    assert found.weights[100].tolist() == [1.0, 0.0]


def test_the_stress_doubles_costs_and_acts_a_bar_later():
    base = Assumptions(fee_milli=1_500, delay_bars=1)
    found = variants(base)
    assert list(found) == list(LABELS)
    assert found["base"] is base
    assert found["fees"].fee_milli == 3_000
    assert found["fees"].slippage_milli == 1_000
    assert found["slippage"].slippage_milli == 2_000
    assert found["late"].delay_bars == 2
    assert found["all"] == Assumptions(fee_milli=3_000, slippage_milli=2_000, delay_bars=2)


def test_other_assumptions_can_be_stressed_too():
    @dataclass(frozen=True)
    class Own:
        fee_milli: int = 1_000
        slippage_milli: int = 500
        delay_bars: int = 0

    assert variants(Own())["all"] == Own(2_000, 1_000, 1)


def told(profit):
    return {"net_profit": profit, "sharpe": 1.0, "max_drawdown": -0.1, "trades": 5.0}


def test_the_stress_table_says_what_the_profit_does_not_survive():
    table = stress_table(
        {"base": told(100.0), "fees": told(60.0), "slippage": told(-20.0), "late": told(105.0)}
    )
    assert [line.name for line in table.lines] == ["base", "fees", "slippage", "late"]
    assert [line.kept for line in table.lines] == [1.0, 0.6, -0.2, 1.05]
    # Each time the fees take 40 of 100: gone at 1 + 2.5 times; slippage takes 120: at 1 + 5/6.
    assert table.fee_room == pytest.approx(3.5)
    assert table.slippage_room == pytest.approx(1 + 100 / 120)
    assert table.sentence == "the profit does not survive: 2 x slippage"


def test_a_run_that_loses_has_nothing_to_stress():
    table = stress_table({"base": told(-1.0), "fees": told(-5.0)})
    assert table.fee_room is None
    assert table.lines[1].kept is None
    assert table.sentence.startswith("there is no profit to stress")
    assert stress_table({"base": told(1.0), "fees": told(0.5)}).sentence == (
        "the profit survives every variant that was run (1)"
    )
