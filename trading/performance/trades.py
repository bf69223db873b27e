"""What trades tell: how often and how much they win, how far they went against and with one."""

import math

import numpy as np

from trading.performance.types import Bools, FigureError, Floats, Ints, TradeFigures, by_cost


def trade_metrics(trades: TradeFigures) -> dict[str, float | None]:
    """Return the figures of trades; only closed ones count, but for fees and carry.

    A trade has won when its profit, after fees and carry, is above zero.
    """
    closed = trades.is_closed
    profit = in_order(trades)
    won, lost = profit[profit > 0], profit[profit < 0]
    average_win, average_loss = _mean(won), _mean(lost)
    payoff = None
    if average_win is not None and average_loss is not None:
        payoff = average_win / -average_loss
    return {
        "trades": float(len(profit)),
        "win_rate": len(won) / len(profit) if len(profit) else None,
        "profit_factor": float(won.sum() / -lost.sum()) if len(lost) else None,
        "expectancy": _mean(profit),
        "payoff": payoff,
        "average_win": average_win,
        "average_loss": average_loss,
        "best_trade": float(profit.max()) if len(profit) else None,
        "worst_trade": float(profit.min()) if len(profit) else None,
        "average_bars": _mean(trades.bars[closed].astype(np.float64)),
        "fees_paid": float(trades.fees.sum()),
        "carry_paid": float(trades.carry.sum()),
        "mae_mean": _mean(by_cost(trades.mae, trades.cost)[closed]),
        "mfe_mean": _mean(by_cost(trades.mfe, trades.cost)[closed]),
        "sqn": sqn(profit),
        "longest_losing_streak": float(longest_run(profit < 0)),
    }


def in_order(trades: TradeFigures) -> Floats:
    """Return the profits of closed trades in the order in which they closed."""
    closed = trades.is_closed
    return trades.profit[closed][np.argsort(trades.closed_at[closed], kind="stable")]


def sqn(profit: Floats) -> float | None:
    """Return root n times mean by standard deviation (n - 1), Van Tharp's system quality number."""
    if len(profit) < 2:
        return None
    spread = float(profit.std(ddof=1))
    is_flat = spread <= 1e-12 * float(np.abs(profit).max())
    return None if is_flat else float(math.sqrt(len(profit)) * profit.mean() / spread)


def runs_of(is_so: Bools) -> Ints:
    """Return the length of every run of True, in order."""
    edges = np.diff(np.concatenate(([0], is_so.astype(np.int8), [0])))
    return (np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)).astype(np.int64)


def longest_run(is_so: Bools) -> int:
    """Return the length of the longest run of True."""
    runs = runs_of(is_so)
    return int(runs.max()) if len(runs) else 0


def excursions(trades: TradeFigures) -> Floats:
    """Return a point for each closed trade: largest loss, largest gain, return, by its cost.

    Returns
    -------
    floats, shape (n, 3)
        MAE (at most 0), MFE (at least 0) and what the trade returned (Sweeney 1997).
    """
    closed = trades.is_closed
    parts = (trades.mae, trades.mfe, trades.profit)
    return np.column_stack([by_cost(part, trades.cost)[closed] for part in parts])


def r_multiples(profit: Floats, risk: Floats) -> Floats:
    """Return each profit by what the trade risked, its distance to the stop in money.

    Raises
    ------
    FigureError
        If a risk is not above zero: such a trade has no R.
    """
    if bool((~(risk > 0)).any()):
        raise FigureError("a trade without a risk above zero has no R: leave it out")
    return profit / risk


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None
