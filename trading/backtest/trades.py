"""Trades as one table of integers, each a `TradeRow` when somebody asks for it."""

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from trading.backtest.codes import LEAVES
from trading.backtest.layout import (
    T_BARS,
    T_BEST,
    T_CARRY,
    T_CLOSED,
    T_ENTRY,
    T_EXIT,
    T_FEES,
    T_LEAVE,
    T_OPENED,
    T_OTHER,
    T_PROFIT,
    T_QUANTITY,
    T_SIDE,
    T_SLOT,
    T_WORST,
)
from trading.backtest.portfolio import Slot
from trading.backtest.results import TradeRow

Table = NDArray[Any]


class Trades(Sequence[TradeRow]):
    """The trades of a simulation.

    Parameters
    ----------
    table : integer array, shape (n, columns)
        Columns as `trading.backtest.layout` names them (`T_SLOT` and so on); int64, or objects
        where an integer is larger.
    decided : int64 array
        The row in its slot's decisions that opened each trade.
    slots : sequence of Slot
    """

    __slots__ = ("_decided", "_slots", "table")

    def __init__(self, table: Table, decided: NDArray[np.int64], slots: Sequence[Slot]) -> None:
        self.table, self._decided, self._slots = table, decided, slots

    def __len__(self) -> int:
        return len(self.table)

    @overload
    def __getitem__(self, index: int) -> TradeRow: ...

    @overload
    def __getitem__(self, index: slice) -> "Trades": ...

    def __getitem__(self, index: int | slice) -> "TradeRow | Trades":
        if isinstance(index, slice):
            return Trades(self.table[index], self._decided[index], self._slots)
        return self._row(self.table[index].tolist(), int(self._decided[index]))

    def __iter__(self) -> Iterator[TradeRow]:
        return map(self._row, self.table.tolist(), self._decided.tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def column(self, column: int) -> Table:
        """Return one column, such as `T_PROFIT`."""
        return self.table[:, column]

    def _row(self, row: list[int], decided: int) -> TradeRow:
        decisions = self._slots[row[T_SLOT]].decisions
        is_open = row[T_CLOSED] < 0
        return TradeRow(
            slot=row[T_SLOT],
            side=row[T_SIDE],
            decided_at=int(decisions.bar_open[decided]),
            opened_at=row[T_OPENED],
            closed_at=None if is_open else row[T_CLOSED],
            bars=row[T_BARS],
            quantity=row[T_QUANTITY],
            entry_price=row[T_ENTRY],
            exit_price=None if is_open else row[T_EXIT],
            fees=row[T_FEES],
            carry=row[T_CARRY],
            profit=row[T_PROFIT],
            other_profit=row[T_OTHER],
            worst=row[T_WORST],
            best=row[T_BEST],
            leave=LEAVES[row[T_LEAVE]],
            reason=decisions.reasons.get(decided, ""),
        )
