"""Simulate decisions on stored bars: the arrays in, the outcome out."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.backtest import layout
from trading.backtest.assumptions import Assumptions
from trading.backtest.codes import REASONS
from trading.backtest.compiled import PACE, as_arrays, as_lists, compiled_walk, enlarged
from trading.backtest.door import check
from trading.backtest.kernel import walk
from trading.backtest.layout import Work
from trading.backtest.portfolio import Listing, Slot
from trading.backtest.results import Simulation
from trading.backtest.tables import Laid, lay_out
from trading.backtest.trades import Trades

Table = NDArray[Any]


def simulate(
    listings: Sequence[Listing],
    slots: Sequence[Slot],
    assumptions: Assumptions,
    *,
    is_compiled: bool | None = None,
) -> Simulation:
    """Trade the decisions of all slots from one account, bar by bar.

    Parameters
    ----------
    listings : sequence of Listing
        The instruments; all are priced in the account's currency, to the same scale.
    slots : sequence of Slot
        One strategy on one instrument each. Where several want the same money at the same moment,
        the instruments come in the order they are listed, then the slots in theirs.
    is_compiled : bool, optional
        Which form of the kernel runs; both give the same. None chooses by the number of bars.
        Figures too large for 63 bits are always counted in plain Python.

    Raises
    ------
    AssumptionError, BarsError
        As `trading.backtest.door.check`.
    """
    check(listings, slots, assumptions)
    laid = lay_out(listings, slots, assumptions)
    bars = len(laid.work.times)
    wants_compiled = PACE.is_compiled_for(bars) if is_compiled is None else is_compiled
    work = None
    if wants_compiled and laid.fits:
        work = _run(as_arrays(laid.work, bars), compiled_walk())
    if work is None:
        work = _run(as_lists(laid.work, bars), walk)
    if work is None:  # the plain form has no bound
        message = "the simulation could not be finished"
        raise RuntimeError(message)
    return _simulation(work, laid, slots)


def _run(work: Work, step: Callable[[Work], int]) -> Work | None:
    """Run to the end; None where a figure was too large for this form."""
    while True:
        end = step(work)
        if end == layout.DONE:
            return work
        if end == layout.TOO_LARGE:
            return None
        work = enlarged(work)


def _table(values: Any, rows: int, columns: int) -> Table:
    """Return written rows as an array; of objects where an integer is too large for 63 bits."""
    written = values[: rows * columns]
    try:
        table = np.array(written, dtype=np.int64)
    except OverflowError:
        table = np.array(written, dtype=object)
    return table.reshape(rows, columns)


def _simulation(work: Work, laid: Laid, slots: Sequence[Slot]) -> Simulation:
    account = work.account
    steps = _table(work.steps, int(account[layout.STEPS]), layout.STEP_SIZE)
    fills = _table(work.fills, int(account[layout.FILLS]), layout.FILL_SIZE)
    events = _table(work.events, int(account[layout.EVENTS]), layout.EVENT_SIZE)
    trades = _table(work.trades, int(account[layout.TRADES]), layout.TRADE_SIZE)
    _average(trades, fills)
    trades = trades[np.lexsort((trades[:, layout.T_SLOT], trades[:, layout.T_OPENED]))]
    decided = laid.acts[trades[:, layout.T_ACT].astype(np.int64), layout.ACT_INDEX]
    columns = [np.ascontiguousarray(steps[:, column]) for column in range(layout.STEP_SIZE)]
    return Simulation(
        times=columns[0],
        equity=columns[1],
        cash=columns[2],
        exposure=columns[3],
        trades=Trades(trades, decided, slots),
        fills=fills,
        orders=events,
        denied={
            str(REASONS[code]): int(count)
            for code, count in enumerate(work.denied)
            if count and REASONS[code]
        },
    )


def _average(trades: Table, fills: Table) -> None:
    """Set the average prices of the trades that took more than one fill on a side."""
    several = (trades[:, layout.T_ENTRY_FILLS] > 1) | (trades[:, layout.T_EXIT_FILLS] > 1)
    for row in np.flatnonzero(several.astype(bool)).tolist():
        first, last = trades[row, [layout.T_FIRST_FILL, layout.T_LAST_FILL]].tolist()
        slot, side = trades[row, [layout.T_SLOT, layout.T_SIDE]].tolist()
        own = [one for one in fills[first:last].tolist() if one[1] == slot]
        for column, direction in ((layout.T_ENTRY, side), (layout.T_EXIT, -side)):
            taken = [(one[4], one[5]) for one in own if one[3] == direction]
            quantity = sum(one[0] for one in taken)
            if quantity:
                worth = sum(one[0] * one[1] for one in taken)
                trades[row, column] = (2 * worth + quantity) // (2 * quantity)
