"""Simulate decisions on stored bars: the arrays in, the outcome out."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.backtest import layout
from trading.backtest.assumptions import Assumptions
from trading.backtest.averages import set_averages
from trading.backtest.codes import REASONS
from trading.backtest.compiled import PACE, as_arrays, as_lists, compiled_walk
from trading.backtest.door import check
from trading.backtest.kernel import walk
from trading.backtest.layout import Bars
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
    if is_compiled is None:
        is_compiled = PACE.is_compiled_for(len(laid.bars.times))
    run = None
    if is_compiled and laid.fits:
        run = _run(laid, *as_arrays(laid), compiled_walk())
    if run is None:
        run = _run(laid, *as_lists(laid), walk)
    if run is None:  # the plain form knows no bound
        message = "the simulation could not be finished"
        raise RuntimeError(message)
    return _simulation(run, laid, slots)


@dataclass(slots=True)
class _Run:
    """A run with what it wrote, taken out of the row whenever that was full."""

    row: Any
    bars: Bars
    fills: list[Any]
    events: list[Any]
    trades: list[Any]


def _run(laid: Laid, row: Any, bars: Bars, step: Callable[[Any, Bars], int]) -> _Run | None:
    """Run to the end; None where a figure was too large for the compiled form."""
    run = _Run(row, bars, [], [], [])
    if isinstance(row, list):
        row[layout.CEILING] = math.inf
    fills, events, trades = laid.starts
    while True:
        end = step(row, bars)
        if end == layout.TOO_LARGE:
            return None
        run.fills.append(row[fills : row[layout.FILL_AT]])
        run.events.append(row[events : row[layout.EVENT_AT]])
        run.trades.append(row[trades : row[layout.TRADE_AT]])
        if end == layout.DONE:
            return run
        if isinstance(row, np.ndarray):
            run.fills[-1], run.events[-1], run.trades[-1] = (
                run.fills[-1].copy(),
                run.events[-1].copy(),
                run.trades[-1].copy(),
            )
        row[layout.FILL_AT], row[layout.EVENT_AT], row[layout.TRADE_AT] = fills, events, trades


def _table(parts: list[Any], columns: int) -> Table:
    """Return written rows as an array; of objects where an integer is too large for 63 bits."""
    tables = [_integers(part) for part in parts]
    return (tables[0] if len(tables) == 1 else np.concatenate(tables)).reshape(-1, columns)


def _integers(values: Any) -> Table:
    try:
        return np.asarray(values, dtype=np.int64)
    except OverflowError:
        return np.asarray(values, dtype=object)


def _simulation(run: _Run, laid: Laid, slots: Sequence[Slot]) -> Simulation:
    row, bars = run.row, run.bars
    fills = _table(run.fills, layout.FILL_SIZE)
    events = _table(run.events, layout.EVENT_SIZE)
    trades = _table(run.trades, layout.TRADE_SIZE)
    set_averages(trades, fills)
    if len(slots) > 1:  # of one slot they are in order
        trades = trades[np.lexsort((trades[:, layout.T_SLOT], trades[:, layout.T_OPENED]))]
    acts = (trades[:, layout.T_ACT].astype(np.int64) - len(laid.head)) // layout.ACT_SIZE
    steps = int(row[layout.STEPS])
    return Simulation(
        times=_integers(bars.step_times[:steps]),
        equity=_integers(bars.equity[:steps]),
        cash=_integers(bars.cash[:steps]),
        exposure=_integers(bars.exposure[:steps]),
        trades=Trades(trades, laid.acts[acts, layout.ACT_INDEX], slots),
        fills=fills,
        orders=events,
        denied={
            str(reason): int(row[layout.DENIED + code])
            for code, reason in enumerate(REASONS)
            if row[layout.DENIED + code]
        },
    )
