"""A function of a whole series, run on as many of the last bars as it needs.

Functions that carry rounding along from their first row (running sums) give other bits where they
begin elsewhere. So the row at which they begin is a function of the row that is asked for: the row
before its warm-up, rounded down to a multiple of `CHUNK`, all counted from where the calculation
began. However the series is cut, a row is calculated from the same beginning.
"""

from collections.abc import Callable, Sequence

import numpy as np

from signals.columns.series import Floats

CHUNK = 1024
Calculate = Callable[[Sequence[Floats]], Floats]


class Rerun:
    """The rows that a function is run on, and its results for the newest of them.

    Parameters
    ----------
    inputs : int
        How many arrays it takes.
    need : int
        Rows before the one that is asked for; before there are as many, its value is missing.
    calculate : callable
        From rows to a value, or several, for each; what it says of a row may not depend on later
        rows. It is never called with `need` rows or fewer.
    width : int
        Values for each row; a table where they are given in columns, 0 where a plain array.
    """

    def __init__(self, inputs: int, need: int, calculate: Calculate, width: int = 0) -> None:
        self._rows = [np.empty(0)] * inputs
        self._first = 0
        self._need, self._calculate = need, calculate
        self._shape = (width,) if width else ()

    def push(self, inputs: Sequence[Floats]) -> Floats:
        """Take the next rows and return their values."""
        self._rows = [np.append(old, new) for old, new in zip(self._rows, inputs, strict=True)]
        end = self._first + len(self._rows[0])
        at = end - len(inputs[0])
        out = np.full((len(inputs[0]), *self._shape), np.nan)
        first = at
        while at < end:
            begin = self._begin(at)
            until = min(end, begin + self._need + CHUNK)
            if until - begin > self._need:
                found = self._calculate(self._part(begin, until))
                known = max(at, begin + self._need)
                out[known - first : until - first] = found[known - begin :]
            at = until
        begin = self._begin(end)
        self._rows = self._part(begin, end)
        self._first = begin
        return out

    def _begin(self, row: int) -> int:
        return max(0, (row - self._need) // CHUNK * CHUNK)

    def _part(self, begin: int, end: int) -> list[Floats]:
        return [one[begin - self._first : end - self._first] for one in self._rows]
