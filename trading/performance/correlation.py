"""How several runs move together, and what they make as one portfolio."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import stdtr

from trading.performance.months import month_starts
from trading.performance.types import Bools, FigureError, Floats, Ints

LEAST_HISTORY = 20


class Weights(StrEnum):
    """How the money is laid out at each rebalancing."""

    EQUAL = "equal"
    INVERSE_VOLATILITY = "inverse_volatility"  # of the days before it


class Rebalance(StrEnum):
    """How often it is laid out again."""

    DAILY = "daily"
    MONTHLY = "monthly"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Correlation:
    """Pearson's correlation of daily returns, and how likely chance alone gives as much.

    `coefficients` and `p_values` are square; a run that never moves has None in its places.
    """

    coefficients: tuple[tuple[float | None, ...], ...]
    p_values: tuple[tuple[float | None, ...], ...]
    days: int


def correlation(returns: Floats) -> Correlation:
    """Correlate runs; p-values two-sided, by Student's t with days - 2 degrees.

    Parameters
    ----------
    returns : floats, shape (days, runs)
        Of the same days.
    """
    days, runs = returns.shape
    moving = returns.std(axis=0) > 1e-12 if days > 2 else np.zeros(runs, dtype=np.bool_)
    apart = returns - returns.mean(axis=0) if days else returns
    length = np.linalg.norm(apart, axis=0)
    normed = np.divide(apart, length, out=np.zeros_like(apart), where=moving)
    values = np.clip(normed.T @ normed, -1.0, 1.0)
    with np.errstate(divide="ignore"):
        t = np.abs(values) * np.sqrt(max(0, days - 2) / (1.0 - values**2))
    shares = 2.0 * stdtr(max(1, days - 2), -t)
    known = np.outer(moving, moving)
    return Correlation(_plain(values, known), _plain(shares, known), days)


def diversification_ratio(returns: Floats, weights: Floats) -> float | None:
    """Return the weighted volatilities by the volatility of the whole; 1 is no diversification.

    Choueifaty and Coignard (2008).
    """
    if len(returns) < 2:
        return None
    whole = float((returns @ weights).std(ddof=1))
    parts = float(weights @ returns.std(axis=0, ddof=1))
    return parts / whole if whole > 1e-12 else None


@dataclass(frozen=True, slots=True)
class Combined:
    """One portfolio of several runs.

    Attributes
    ----------
    equity : floats, shape (days + 1,)
    weights : floats, shape (days, runs)
        What each run's share was as each day began.
    """

    equity: Floats
    weights: Floats


def combine(
    returns: Floats,
    *,
    cash: float,
    weights: Weights = Weights.EQUAL,
    rebalance: Rebalance = Rebalance.MONTHLY,
    times: Ints | None = None,
) -> Combined:
    """Lay the cash out over the runs and follow it, without costs of rebalancing.

    Inverse volatility looks at the days before each rebalancing only, and is equal weights until
    there are twenty of them; a run that did not move by then gets nothing.

    Parameters
    ----------
    returns : floats, shape (days, runs)
    times : ints, optional
        Close of each day, UTC epoch seconds; wanted for MONTHLY.
    """
    days, runs = returns.shape
    if not runs or bool((returns < -1).any()):
        raise FigureError("give at least one run, with no return below -1")
    anew = _rebalanced(days, rebalance, times)
    held = np.zeros(runs)
    equity = np.empty(days + 1)
    equity[0] = cash
    shares = np.empty((days, runs))
    for day in range(days):
        if anew[day]:
            held = equity[day] * _target(returns[:day], runs, weights)
        shares[day] = held / equity[day] if equity[day] > 0 else 0.0
        held = held * (1.0 + returns[day])
        equity[day + 1] = held.sum()
    return Combined(equity=equity, weights=shares)


def _rebalanced(days: int, rebalance: Rebalance, times: Ints | None) -> Bools:
    if rebalance is Rebalance.DAILY:
        return np.ones(days, dtype=np.bool_)
    anew = np.zeros(days, dtype=np.bool_)
    if rebalance is Rebalance.MONTHLY:
        if times is None or len(times) != days:
            raise FigureError("rebalancing by month needs the time of each day's close")
        anew = month_starts(times)
    anew[:1] = True
    return anew


def _target(past: Floats, runs: int, weights: Weights) -> Floats:
    equal = np.full(runs, 1.0 / runs)
    if weights is Weights.EQUAL or len(past) < LEAST_HISTORY:
        return equal
    spread = past.std(axis=0, ddof=1)
    inverse = np.divide(1.0, spread, out=np.zeros(runs), where=spread > 1e-12)
    total = float(inverse.sum())
    return inverse / total if total > 0 else equal


def _plain(values: Floats, known: Bools) -> tuple[tuple[float | None, ...], ...]:
    return tuple(
        tuple(value if is_known else None for value, is_known in zip(row, knows, strict=True))
        for row, knows in zip(values.tolist(), known.tolist(), strict=True)
    )
