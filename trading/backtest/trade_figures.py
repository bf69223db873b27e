"""The trades of a simulation as arrays of money, of which figures are made."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trading.backtest.assumptions import Assumptions
from trading.backtest.layout import (
    T_BARS,
    T_BEST,
    T_CARRY,
    T_CLOSED,
    T_ENTRY,
    T_EXIT,
    T_FEES,
    T_OPENED,
    T_OTHER,
    T_PROFIT,
    T_QUANTITY,
    T_SLOT,
    T_WORST,
)
from trading.backtest.portfolio import Listing, Slot
from trading.backtest.results import TradeRow
from trading.backtest.trades import Trades
from trading.performance.types import STILL_OPEN, TradeFigures


def trade_figures(
    trades: Sequence[TradeRow],
    listings: Sequence[Listing],
    slots: Sequence[Slot],
    assumptions: Assumptions,
) -> TradeFigures:
    """Return trades as figures are made of them; money in the account's currency.

    Parameters
    ----------
    trades : Trades
        As `simulate` gives them.
    """
    if not isinstance(trades, Trades):
        message = "the trades of a simulation are wanted: they know their columns"
        raise TypeError(message)
    if not len(trades):
        return TradeFigures.none()
    unit = 10.0**assumptions.scale

    def money(column: int) -> NDArray[np.float64]:
        return trades.column(column).astype(np.float64) / unit

    def whole(column: int) -> NDArray[np.int64]:
        return trades.column(column).astype(np.int64)

    scales = [listings[one.listing].terms for one in slots]
    grid = np.array([10.0 ** (one.base_scale + one.price_scale) for one in scales])
    quantity = trades.column(T_QUANTITY).astype(np.float64) / grid[whole(T_SLOT)]
    closed = whole(T_CLOSED)
    is_closed = closed >= 0
    cost = quantity * trades.column(T_ENTRY).astype(np.float64)
    sold = np.where(is_closed, quantity * trades.column(T_EXIT).astype(np.float64), 0.0)
    return TradeFigures(
        profit=money(T_PROFIT),
        cost=cost,
        bars=whole(T_BARS),
        mae=np.minimum(money(T_WORST), 0.0),
        mfe=np.maximum(money(T_BEST), 0.0),
        fees=money(T_FEES),
        carry=money(T_CARRY),
        notional=cost + sold,
        opened_at=whole(T_OPENED),
        closed_at=np.where(is_closed, closed, STILL_OPEN),
        is_ambiguous=np.not_equal(trades.column(T_OTHER), trades.column(T_PROFIT)),
    )
