"""The figures of one account: of its daily equity, its trades, and buying and holding instead."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from trading.performance import ratios
from trading.performance.catalogue import METRICS
from trading.performance.drawdowns import longest_days
from trading.performance.trades import trade_metrics
from trading.performance.types import FigureError, Floats, Ints, TradeFigures, floats

ALWAYS_OPEN, BUSINESS_DAYS = 365, 252


def periods_of(has_always_open: Sequence[bool]) -> int:
    """Return the days a year of a portfolio: 365 when one of its instruments is always open."""
    return ALWAYS_OPEN if any(has_always_open) else BUSINESS_DAYS


def figures(
    *,
    day_equity: ArrayLike,
    periods: int,
    trades: TradeFigures | None = None,
    exposure: ArrayLike | None = None,
    benchmark: ArrayLike | None = None,
    day_times: ArrayLike | None = None,
) -> dict[str, float | None]:
    """Return every metric of the catalogue, in its order; None where one is undefined.

    Parameters
    ----------
    day_equity : floats
        What the account began with, then its value at each UTC day's close: n + 1 values give
        n returns. Money in the currency itself, not in units.
    periods : int
        Days a year, see `periods_of`.
    trades : TradeFigures, optional
        Without them the figures of trades are None.
    exposure : floats, optional
        What was held after each bar; only whether it is 0 counts.
    benchmark : floats, optional
        The value of buying and holding at the same times as `day_equity`.
    day_times : ints, optional
        UTC epoch seconds of `day_equity`: drawdowns last calendar days. Without them, rows.

    Raises
    ------
    FigureError
        If there is no equity, a value is no number, or lengths differ.
    """
    equity = floats(day_equity, "day_equity")
    if not len(equity):
        raise FigureError("there is no equity: give what the account began with at least")
    held = None if exposure is None else floats(exposure, "exposure")
    times = None if day_times is None else np.asarray(day_times, dtype=np.int64)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows becomes None below
        found: dict[str, float | None] = {
            "final_equity": float(equity[-1]),
            "net_profit": float(equity[-1] - equity[0]),
            "return": float(equity[-1] / equity[0] - 1.0) if equity[0] > 0 else None,
            **_of_equity(equity, periods, times),
            "exposure": float(np.mean(held != 0)) if held is not None and len(held) else None,
        }
        if trades is not None:
            found |= trade_metrics(trades)
            found["turnover"] = _turnover(trades, equity, periods)
        if benchmark is not None:
            found |= _against(equity, floats(benchmark, "benchmark"), periods)
    return {name: _finite(found.get(name)) for name in METRICS}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _of_equity(equity: Floats, periods: int, times: Ints | None) -> dict[str, float | None]:
    """Return what needs the daily equity only."""
    below = ratios.underwater(equity)
    deepest = float(below.min())
    growth = ratios.cagr(equity, periods)
    found: dict[str, float | None] = {
        "cagr": growth,
        "max_drawdown": deepest,
        "max_drawdown_days": longest_days(equity, times),
        "ulcer": ratios.ulcer(below),
        "calmar": growth / -deepest if growth is not None and deepest < -ratios.FLAT else None,
    }
    returns = ratios.returns_of(equity)
    if returns is None:
        return found
    return found | {
        "volatility": ratios.volatility(returns, periods),
        "sharpe": ratios.sharpe(returns, periods),
        "sortino": ratios.sortino(returns, periods),
        "omega": ratios.omega(returns),
        "var_5": ratios.var_5(returns),
        "cvar_5": ratios.cvar_5(returns),
    }


def _turnover(trades: TradeFigures, equity: Floats, periods: int) -> float | None:
    days = len(equity) - 1
    mean = float(equity.mean())
    return float(trades.notional.sum()) / mean * periods / days if days and mean > 0 else None


def _against(equity: Floats, benchmark: Floats, periods: int) -> dict[str, float | None]:
    """Return what compares with buying and holding."""
    if len(benchmark) != len(equity):
        raise FigureError(
            f"the benchmark has {len(benchmark)} values and the equity {len(equity)}: "
            "give both at the same times"
        )
    returns, market = ratios.returns_of(equity), ratios.returns_of(benchmark)
    found: dict[str, float | None] = {}
    if benchmark[0] > 0:
        found["benchmark_return"] = float(benchmark[-1] / benchmark[0] - 1.0)
    if returns is not None and market is not None:
        found["beta"] = ratios.beta(returns, market)
        found["alpha"] = ratios.alpha(returns, market, periods)
    return found
