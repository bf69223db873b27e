"""Ratios of daily returns, defined as empyrical defines them; None where one is undefined.

The risk-free rate and the required return are 0. Sources: empyrical-reloaded `stats.py`,
quantstats `stats.py` (ulcer index).
"""

import math

import numpy as np

from trading.performance.types import Floats

TAIL = 0.05
FLAT = 1e-12  # a scatter of returns below this is rounding


def returns_of(equity: Floats) -> Floats | None:
    """Return n - 1 simple returns; None where the equity was not above zero before its end."""
    if len(equity) < 2 or bool((equity[:-1] <= 0).any()):
        return None
    return equity[1:] / equity[:-1] - 1.0


def cagr(equity: Floats, periods: int) -> float | None:
    """Return the compounded growth a year, years by the number of returns."""
    if len(equity) < 2 or equity[0] <= 0 or equity[-1] < 0:
        return None
    exponent = periods / (len(equity) - 1)
    growth = equity[-1] / equity[0]
    if growth > 0 and exponent * math.log(growth) > 700:  # beyond a float
        return None
    return float(growth**exponent - 1.0)


def volatility(returns: Floats, periods: int) -> float | None:
    """Return the yearly standard deviation (n - 1)."""
    if len(returns) < 2:
        return None
    return float(returns.std(ddof=1) * math.sqrt(periods))


def sharpe(returns: Floats, periods: int) -> float | None:
    """Return mean by standard deviation (n - 1), a year."""
    if len(returns) < 2:
        return None
    return _by(returns.mean() * math.sqrt(periods), float(returns.std(ddof=1)))


def sortino(returns: Floats, periods: int) -> float | None:
    """Return mean by the root mean square of losses over all returns, a year."""
    if len(returns) < 2:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return _by(returns.mean() * math.sqrt(periods), downside)


def omega(returns: Floats) -> float | None:
    """Return the sum of gains by the sum of losses."""
    return _by(returns[returns > 0].sum(), -float(returns[returns < 0].sum()))


def underwater(equity: Floats) -> Floats:
    """Return how far each value lies below the highest before it, 0 or a negative fraction."""
    peaks = np.maximum.accumulate(equity)
    return np.divide(equity, peaks, out=np.ones(len(equity)), where=peaks > 0) - 1.0


def ulcer(below: Floats) -> float | None:
    """Return the root of the sum of squared drawdowns by n - 1, n being the returns."""
    count = len(below) - 1
    return math.sqrt(float((below**2).sum()) / (count - 1)) if count > 1 else None


def var_5(returns: Floats) -> float:
    """Return the 5th percentile, between two returns where it falls between them."""
    return float(np.percentile(returns, 100 * TAIL))


def cvar_5(returns: Floats) -> float:
    """Return the mean of the worst returns, up to the one at 5 % of n - 1."""
    last = int((len(returns) - 1) * TAIL)
    return float(np.partition(returns, last)[: last + 1].mean())


def beta(returns: Floats, market: Floats) -> float | None:
    """Return the covariance with the market by the market's variance."""
    if len(returns) < 2 or market.std() <= FLAT:
        return None
    apart = market - market.mean()
    return float((apart * (returns - returns.mean())).sum() / (apart**2).sum())


def unexplained(returns: Floats, market: Floats) -> Floats:
    """Return what is left of each return when the market's share in it, beta, is taken out.

    A random strategy that is often in a rising market earns; what is left of it earns nothing.
    """
    slope = beta(returns, market)
    return returns if slope is None else returns - slope * market


def alpha(returns: Floats, market: Floats, periods: int) -> float | None:
    """Return the mean of what beta does not explain, compounded to a year."""
    if beta(returns, market) is None:
        return None
    left = 1.0 + float(unexplained(returns, market).mean())
    if left < 0 or (left > 0 and periods * math.log(left) > 700):
        return None
    return float(left**periods - 1.0)


def _by(above: float, below: float) -> float | None:
    return float(above / below) if below > FLAT else None
