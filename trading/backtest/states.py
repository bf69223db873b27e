"""The regimes of a report: the days of a run by the state of the market as they began."""

from typing import Any

import numpy as np

from trading.backtest.curves import DAY_S
from trading.performance.ratios import returns_of
from trading.performance.regimes import by_regime, labels
from trading.performance.types import Floats, Ints, TradeFigures


def regime_rows(
    day_times: Ints, equity: Floats, market: Floats, periods: int, trades: TradeFigures
) -> list[dict[str, Any]]:
    """Return a row for each state of trend and volatility that occurred.

    Parameters
    ----------
    day_times : ints
        Close of each day, the first of them that with which the account began.
    equity, market : floats
        The account, and buying and holding what was traded, at these moments.
    """
    returns = returns_of(equity)
    if returns is None or not len(returns) or not (np.isfinite(market) & (market > 0)).all():
        return []
    found = by_regime(labels(day_times[1:] - DAY_S, market[1:]), returns, periods, trades)
    return [
        {
            "trend": str(one.trend),
            "volatility": str(one.volatility),
            "days": one.days,
            "return": one.return_,
            "sharpe": one.sharpe,
            "trades": one.trades,
            "profit": one.profit,
            "win_rate": one.win_rate,
        }
        for one in found
    ]
