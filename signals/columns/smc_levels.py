"""Levels where liquidity rests by the clock: the last day and week, sessions and kill zones."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import nan

import numpy as np

from signals.columns.kernel import Kernel
from signals.columns.series import Floats

HOUR, DAY = 3600, 86400
PERIODS = {"day": (DAY, 0), "week": (7 * DAY, 4 * DAY)}
"""Length, and the epoch second of a beginning: days begin at midnight UTC, weeks on Monday."""
SESSIONS = {
    "sydney": (21, 6),
    "tokyo": (0, 9),
    "london": (7, 16),
    "new_york": (13, 22),
    "asian_kill_zone": (0, 4),
    "london_open_kill_zone": (6, 9),
    "new_york_kill_zone": (11, 14),
    "london_close_kill_zone": (14, 16),
}
"""First hour, and the hour at which it is over, UTC; the hours of smartmoneyconcepts 0.0.27."""
PERIOD_PARTS = ("high", "low", "high_taken", "low_taken")
SESSION_PARTS = ("", "_high", "_low")

LEVELS = {
    **{
        f"previous_{name}_{part}": ("smc_previous", name, number)
        for name in PERIODS
        for number, part in enumerate(PERIOD_PARTS)
    },
    **{
        f"{name}{part}": ("smc_session", name, number)
        for name in SESSIONS
        for number, part in enumerate(SESSION_PARTS)
    },
}
"""By field: the operator, what it looks at, and the place in its rows."""
LEVEL_FIELDS = tuple(LEVELS)
LEVEL_FLAGS = frozenset(name for name in LEVELS if name.endswith("_taken") or name in SESSIONS)


def seconds_back(op: str, name: str) -> int:
    """Return how far before a bar its calculation must begin, in seconds."""
    return 2 * PERIODS[name][0] if op == "smc_previous" else DAY


class PreviousOp:
    """High and low of the last whole day or week, and whether this one has traded beyond them.

    A period counts if the calculation saw a bar of an earlier one, or began with it.
    """

    def __init__(self, name: str) -> None:
        self._length, self._offset = PERIODS[name]
        self._period: int | None = None
        self._is_whole = False
        self._high = self._low = nan
        self._before = (nan, nan)

    def push(self, inputs: Sequence[Floats]) -> Floats:
        """Take open times, highs and lows; return a row of `PERIOD_PARTS` a bar."""
        table = np.empty((len(inputs[0]), len(PERIOD_PARTS)))
        for piece, period in _pieces((inputs[0] - self._offset) // self._length):
            if self._period is None or period != self._period:
                self._begin(period, float(inputs[0][piece.start]))
            highs = np.maximum.accumulate(inputs[1][piece])
            lows = np.minimum.accumulate(inputs[2][piece])
            highs, lows = np.fmax(highs, self._high), np.fmin(lows, self._low)
            high, low = self._before
            table[piece, 0], table[piece, 1] = high, low
            is_known = high == high
            table[piece, 2] = np.where(is_known, highs > high, nan)
            table[piece, 3] = np.where(is_known, lows < low, nan)
            self._high, self._low = float(highs[-1]), float(lows[-1])
        return table

    def _begin(self, period: int, time: float) -> None:
        if self._is_whole:
            self._before = self._high, self._low
        is_first_bar = time == period * self._length + self._offset
        self._is_whole = self._period is not None or is_first_bar
        self._period, self._high, self._low = period, nan, nan


class SessionOp:
    """Whether a bar opens in a session; high and low of the running one, or of the last.

    A session counts if the calculation began no later than it did.
    """

    def __init__(self, name: str) -> None:
        first, over = SESSIONS[name]
        self._begin, self._length = first * HOUR, (over - first) % 24 * HOUR
        self._first: float | None = None
        self._session: int | None = None
        self._high = self._low = nan

    def push(self, inputs: Sequence[Floats]) -> Floats:
        """Take open times, highs and lows; return a row of `SESSION_PARTS` a bar."""
        times = inputs[0]
        table = np.empty((len(times), len(SESSION_PARTS)))
        if self._first is None and len(times):
            self._first = float(times[0])
        number = (times - self._begin) // DAY
        is_inside = times - self._begin - number * DAY < self._length
        table[:, 0] = is_inside
        for piece, key in _pieces(2 * number + is_inside):
            if key % 2:
                self._extend(table[piece], key // 2, inputs[1][piece], inputs[2][piece])
            else:
                table[piece, 1:] = self._high, self._low
        return table

    def _extend(self, rows: Floats, session: int, highs: Floats, lows: Floats) -> None:
        if session != self._session:
            self._session, self._high, self._low = session, nan, nan
        begin = session * DAY + self._begin
        if self._first is None or self._first > begin:
            rows[:, 1:] = nan
            return
        rows[:, 1] = np.fmax(np.maximum.accumulate(highs), self._high)
        rows[:, 2] = np.fmin(np.minimum.accumulate(lows), self._low)
        self._high, self._low = float(rows[-1, 1]), float(rows[-1, 2])


def _pieces(keys: Floats) -> list[tuple[slice, int]]:
    """Return the runs of equal keys."""
    if not len(keys):
        return []
    edges = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), len(keys)]
    return [(slice(a, b), int(keys[a])) for a, b in pairwise(edges)]


KERNELS: Mapping[str, Callable[..., Kernel]] = {
    "smc_previous": PreviousOp,
    "smc_session": SessionOp,
}
