"""What a simulation gives: every order's steps, every fill, every trade, and the equity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Leave(StrEnum):
    """Why a trade ended."""

    SIGNAL = "signal"
    STOP = "stop"
    TRAILING = "trailing"
    TAKE = "take"
    REVERSED = "reversed"
    FLATTENED = "flattened"
    OPEN = "open"  # it has not: it is marked at the last close


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One position from its first fill to its last; money in units, times UTC epoch seconds.

    Attributes
    ----------
    slot : int
        Which pair of strategy and instrument it belongs to.
    side : int
        1 long, -1 short.
    decided_at : int
        Open time of the bar whose decision opened it.
    entry_price, exit_price : int
        Average of the fills, price units, rounded to the nearest; the exit's is None while open.
    profit : int
        After fees, funding and borrow; of an open trade at its mark.
    other_profit : int
        What it would be with the other reading of an ambiguous bar; equal where nothing was.
    worst, best : int
        The largest loss and gain while it was open, before exit fees (MAE, MFE), quote units.
    """

    slot: int
    side: int
    decided_at: int
    opened_at: int
    closed_at: int | None
    bars: int
    quantity: int
    entry_price: int
    exit_price: int | None
    fees: int
    carry: int
    profit: int
    other_profit: int
    worst: int
    best: int
    leave: Leave
    reason: str = ""

    @property
    def is_ambiguous(self) -> bool:
        """Say whether stop and target lay in one bar and nothing finer could tell."""
        return self.other_profit != self.profit


@dataclass(frozen=True, slots=True)
class Simulation:
    """The outcome of one portfolio over all its bars.

    Attributes
    ----------
    times : int64 array
        Close of each step, UTC epoch seconds, ascending.
    equity, cash, exposure : int64 arrays
        After each step, quote units; equity marks what is open at what could be had for it.
    fills : int64 array, shape (n, 9)
        order, slot, time, side, quantity, price, notional, fee, is_maker.
    orders : int64 array, shape (n, 4)
        order, time, event, reason; in the order they happened. The last two count into
        `trading.backtest.codes.EVENTS` and `REASONS`.
    trades : sequence of TradeRow
        In the order they were opened. `simulate` gives `Trades`, which makes a row when asked.
    denied : mapping of reason code to count
        What the risk engine refused.
    """

    times: Ints
    equity: Ints
    cash: Ints
    exposure: Ints
    trades: Sequence[TradeRow]
    fills: Ints
    orders: Ints
    denied: Mapping[str, int]
