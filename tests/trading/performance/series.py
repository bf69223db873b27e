"""Daily returns made by a formula, and what other libraries say of them."""

import numpy as np

# empyrical-reloaded 0.7.1, annualization 365; the ulcer index is that of quantstats 0.0.86.
EXPECTED = {
    "return": 0.5739868412080347,
    "cagr": 0.7365395077904857,
    "volatility": 0.1665038896590249,
    "sharpe": 3.400001161432712,
    "sortino": 5.498546657758868,
    "calmar": 12.426194195127179,
    "omega": 1.6160238050715627,
    "max_drawdown": -0.059273136748443304,
    "var_5": -0.015315570675008328,
    "cvar_5": -0.01705806876681099,
    "alpha": 0.4529709835151605,
    "beta": 0.6104170186338862,
    "ulcer": 0.0200751152450095,
}
# empyrical-reloaded 0.7.1 aggregate_returns, days from 2023-01-01 on.
EXPECTED_MONTHS = [
    -0.0011459275582509365,
    0.12768121920553277,
    0.031457131345651757,
    -0.011547887929663214,
    0.11578747654841148,
    -0.011476159153341214,
    0.014043272725156042,
    0.0941427165601667,
    0.10716918567271816,
    0.011562697306573666,
]
DAY_S = 86_400
FIRST_DAY = 1_672_531_200  # 2023-01-01


def strategy_returns():
    i = np.arange(1, 301)
    return 0.0008 + 0.02 * np.sin(i * i * 0.37) * np.cos(i * 0.11) ** 2


def market_returns():
    i = np.arange(1, 301)
    return 0.0005 + 0.015 * np.sin(i * i * 0.37 + 0.4)


def equity_of(returns, cash=10_000.0):
    return cash * np.concatenate(([1.0], np.cumprod(1.0 + returns)))


def close_times(count):
    """Return the closes of so many days, the first is the moment before the first day."""
    return FIRST_DAY + DAY_S * np.arange(count)
