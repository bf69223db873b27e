"""The pass, bar by bar for live series and at once for whole ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals.smc import layout as at
from signals.smc.compiled import PACE
from signals.smc.events import NOTHING, Found
from signals.smc.findings import Findings, read_rows
from signals.smc.kernel import WIDTH, walk
from signals.smc.layout import State, Table
from signals.smc.series import Series
from signals.smc.tables import as_arrays, as_lists, new_state, with_room, with_rows

# Rows of room that a long series begins with: most give about one row a bar.
ROWS_A_BAR = 2


class Pass:
    """One pass over a series that arrives in pieces, short ones in plain Python.

    Parameters
    ----------
    swing : int
        Bars on either side of a swing.

    Attributes
    ----------
    state : State
    """

    __slots__ = ("state", "swing")

    def __init__(self, swing: int) -> None:
        if swing < 1:
            raise ValueError(f"a swing needs at least 1 bar on either side, not {swing}")
        self.swing = swing
        self.state = new_state(swing)

    def describe(self, columns: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        """Take bars (times, open, high, low, close); return what was known after each."""
        count = len(columns[0])
        move = PACE.walk_for(count)
        if move is walk:
            table: Table = [0.0] * (count * WIDTH)
        else:
            table = np.empty(count * WIDTH)
        self._take(move, columns, table)
        return np.asarray(table, dtype=np.float64).reshape(count, WIDTH)

    def find(self, columns: Sequence[NDArray[Any]]) -> Findings:
        """Take bars and return what they made known."""
        count = len(columns[0])
        move = PACE.walk_for(count)
        if move is not walk:
            self.state = with_rows(as_arrays(self.state), ROWS_A_BAR * count)
        self._take(move, columns, [] if move is walk else np.empty(0))
        rows = int(self.state.ints[at.ROWS])
        self.state.ints[at.ROWS] = 0
        ints = np.asarray(self.state.out_ints[: rows * at.OUT_INTS], dtype=np.int64)
        floats = np.asarray(self.state.out_floats[: rows * at.OUT_FLOATS], dtype=np.float64)
        # The rows are handed out as they are; the state goes on with others.
        self.state = with_rows(self.state, 0)
        return Findings(ints.reshape(rows, at.OUT_INTS), floats.reshape(rows, at.OUT_FLOATS))

    def _take(self, move: Any, columns: Sequence[NDArray[Any]], table: Table) -> None:
        if move is walk:
            self.state = as_lists(self.state)
            bars: Any = tuple(one.tolist() for one in columns)
        else:
            self.state = as_arrays(self.state)
            types = (np.int64, *(np.float64,) * 4)
            pairs = zip(columns, types, strict=True)
            bars = tuple(np.ascontiguousarray(one, dtype=kind) for one, kind in pairs)
        done = move(self.state, self.swing, bars, 0, table)
        while done < len(bars[0]):
            self.state = with_room(self.state)
            done = move(self.state, self.swing, bars, done, table)


class Detector:
    """Find Smart-Money structure bar by bar, in constant time a bar on average.

    Parameters
    ----------
    swing : int
        Bars on either side of a swing.
    """

    __slots__ = ("_pass",)

    def __init__(self, swing: int = 5) -> None:
        self._pass = Pass(swing)

    @property
    def count(self) -> int:
        """Bars pushed."""
        return int(self._pass.state.ints[at.NOW]) + 1

    def push(self, time: int, open_: float, high: float, low: float, close: float) -> Found:
        """Take the bar that just closed and return what its close made known."""
        mine = self._pass
        bars = ([time], [open_], [high], [low], [close])
        while not walk(mine.state, mine.swing, bars, 0, []):
            mine.state = with_room(mine.state)
        state: State = mine.state
        rows = state.ints[at.ROWS]
        if not rows:
            return NOTHING
        state.ints[at.ROWS] = 0
        ints, floats = state.out_ints, state.out_floats
        return read_rows(
            [ints[row * at.OUT_INTS : (row + 1) * at.OUT_INTS] for row in range(rows)],
            [floats[row * at.OUT_FLOATS : (row + 1) * at.OUT_FLOATS] for row in range(rows)],
        )


def detect(bars: Series, swing: int = 5) -> Findings:
    """Return everything a series makes known, in the order in which it becomes known."""
    columns = (bars.open_time, bars.open, bars.high, bars.low, bars.close)
    return Pass(swing).find(columns)
