"""The average prices of trades that took more than one fill on a side."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.backtest import layout

Table = NDArray[Any]
Places = NDArray[np.intp]
SLOT, SIDE, QUANTITY, PRICE = 1, 3, 4, 5
SAFE = 2.0**60
"""What is below it as a float can be doubled within 63 bits."""


def set_averages(trades: Table, fills: Table) -> None:
    """Set entry and exit price of those trades to the average of their fills, to the nearest unit.

    Parameters
    ----------
    trades : integer array, shape (n, TRADE_SIZE)
        As the kernel writes them: each with the price of one fill a side, and which fills it
        spans. Those of several slots may lie between each other.
    fills : integer array, shape (n, FILL_SIZE)
    """
    several = (trades[:, layout.T_ENTRY_FILLS] > 1) | (trades[:, layout.T_EXIT_FILLS] > 1)
    rows = np.flatnonzero(several)
    slots = trades[rows, layout.T_SLOT]
    for slot in set(slots.tolist()):
        own = rows[slots == slot]
        places = np.flatnonzero(fills[:, SLOT] == slot)
        bounds = trades[own][:, [layout.T_FIRST_FILL, layout.T_LAST_FILL]].astype(np.int64)
        first, end = np.searchsorted(places, bounds).T
        taken, starts = _spread(first, end - first)
        own_fills = fills[places[taken]]
        side = trades[own, layout.T_SIDE]
        for column, direction in ((layout.T_ENTRY, side), (layout.T_EXIT, -side)):
            trades[own, column] = _averages(own_fills, trades[own, column], direction, starts)


def _spread(first: Places, counts: Places) -> tuple[Places, Places]:
    """Return the runs of so many integers from each first on, and where each run begins."""
    starts = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + np.repeat(first - starts, counts), starts


def _averages(fills: Table, price: Table, direction: Table, starts: Places) -> Table:
    """Return the average price of the fills of one side; `price` where a trade has none.

    Worth is counted from that price on, so that it stays small.
    """
    counts = np.diff(np.append(starts, len(fills)))
    is_own = fills[:, SIDE] == np.repeat(direction, counts)
    quantity = np.where(is_own, fills[:, QUANTITY], 0)
    beyond = fills[:, PRICE] - np.repeat(price, counts)
    sizes = quantity.astype(float) * (np.abs(beyond.astype(float)) + 1.0)
    if np.add.reduceat(sizes, starts).max() >= SAFE:
        quantity = quantity.astype(object)
    worth = np.add.reduceat(quantity * beyond, starts)
    whole = np.add.reduceat(quantity, starts)
    return np.asarray(price + (2 * worth + whole) // np.maximum(2 * whole, 1))
