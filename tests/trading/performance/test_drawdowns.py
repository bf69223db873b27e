"""The table of drawdowns, months and rolling figures."""

import numpy as np
import pandas as pd
import pytest

from tests.trading.performance.series import (
    DAY_S,
    EXPECTED_MONTHS,
    close_times,
    equity_of,
    strategy_returns,
)
from trading.performance.drawdowns import drawdowns, longest_days
from trading.performance.holding import buy_and_hold
from trading.performance.months import month_returns, month_starts, year_table
from trading.performance.rolling import rolling_sharpe
from trading.performance.types import FigureError


def test_each_drawdown_has_a_peak_a_trough_and_a_recovery():
    equity = np.array([100.0, 120.0, 90.0, 110.0, 120.0, 130.0, 117.0, 128.0])
    deep, shallow = drawdowns(equity)
    assert (deep.begin, deep.trough, deep.recovery, deep.days) == (1, 2, 4, 3.0)
    assert deep.depth == pytest.approx(-0.25)
    assert (shallow.begin, shallow.trough, shallow.recovery, shallow.days) == (5, 6, None, 2.0)
    assert shallow.depth == pytest.approx(-0.1)
    assert longest_days(equity) == 3.0
    assert drawdowns(equity, most=1) == [deep]


def test_a_rise_has_no_drawdown():
    assert drawdowns(np.array([1.0, 1.0, 2.0])) == []
    assert longest_days(np.array([1.0, 1.0, 2.0])) == 0.0


def test_days_are_those_of_the_calendar_where_times_are_known():
    equity = np.array([100.0, 90.0, 95.0, 101.0])
    times = np.array([0, 3, 4, 5]) * DAY_S
    assert longest_days(equity, times) == 5.0
    assert drawdowns(equity, times)[0].days == 5.0
    with pytest.raises(FigureError, match="2 times for 4 values"):
        longest_days(equity, times[:2])


def test_the_drawdowns_of_a_formula_are_those_of_quantstats():
    # quantstats 0.0.86 drawdown_details: 28 of them. Its days count those below the peak; ours go
    # from the peak to the recovery, one more.
    found = drawdowns(equity_of(strategy_returns()), most=100)
    assert len(found) == 28
    assert [round(100 * one.depth, 6) for one in found[:3]] == [-5.927314, -4.900309, -4.526802]
    assert max(one.days for one in found) == 54 + 1
    days = pd.date_range("2022-12-31", periods=301)
    assert str(days[found[0].trough].date()) == "2023-07-25"


def test_months_are_those_of_empyrical():
    equity = equity_of(strategy_returns())
    rows = month_returns(close_times(301), equity)
    assert [(year, month) for year, month, _ in rows] == [(2023, month) for month in range(1, 11)]
    assert [value for _, _, value in rows] == pytest.approx(EXPECTED_MONTHS, rel=1e-9)
    (year,) = year_table(rows)
    assert year.total == pytest.approx(equity[-1] / equity[0] - 1, rel=1e-12)
    assert year.months[10:] == (None, None)


def test_midnight_closes_the_day_before_it():
    new_year = 1_704_067_200  # 2024-01-01 00:00
    times = np.array([new_year - DAY_S, new_year, new_year + 1])
    assert month_returns(times, np.array([100.0, 110.0, 121.0])) == [
        (2023, 12, pytest.approx(0.1)),
        (2024, 1, pytest.approx(0.1)),
    ]
    assert month_starts(times[1:]).tolist() == [True, True]
    assert month_returns(times[:1], np.array([100.0])) == []
    assert year_table([]) == []


def test_a_year_without_equity_keeps_its_line():
    table = year_table([(2020, 12, 0.1), (2022, 1, -0.5)])
    assert [(line.year, line.total) for line in table] == [
        (2020, pytest.approx(0.1)),
        (2021, None),
        (2022, pytest.approx(-0.5)),
    ]


def test_the_rolling_sharpe_is_that_of_pandas():
    returns = strategy_returns()
    series = pd.Series(returns).rolling(30)
    expected = (series.mean() / series.std() * np.sqrt(365)).to_numpy()
    found = rolling_sharpe(returns, window=30, periods=365)
    assert found[:29] == [None] * 29
    assert found[29:] == pytest.approx(expected[29:].tolist(), rel=1e-9)
    assert rolling_sharpe(np.zeros(5), window=3, periods=365) == [None] * 5
    assert rolling_sharpe(np.zeros(2), window=3, periods=365) == [None] * 2


def test_holding_lays_the_cash_out_in_equal_parts():
    closes = np.array([[10.0, np.nan], [20.0, 5.0], [np.nan, 10.0]])
    # Half in the first: 1, 2, 2 (its last price); half waits as cash, then 1, 2.
    assert buy_and_hold(closes, 100.0).tolist() == [100.0, 150.0, 200.0]
    with pytest.raises(FigureError, match="zero or less"):
        buy_and_hold(np.array([[0.0], [1.0]]), 1.0)
