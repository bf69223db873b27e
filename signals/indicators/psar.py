"""Parabolic stop and reverse (W. Wilder, New Concepts in Technical Trading, 1978)."""

from collections.abc import Sequence
from math import nan
from typing import Any

from signals.indicators.gridded import Gridded
from signals.indicators.hot import Hot
from signals.indicators.window import Floats

BEGIN = (nan, 0.0, 1.0, nan, nan, nan, nan, nan)
"""The run; bars seen, direction, stop, extreme, acceleration, the last bar's high and low."""


def follow(
    run: Sequence[float],
    high: Sequence[float],
    low: Sequence[float],
    out: Any,
    state: Any,
    step: float,
    limit: float,
) -> None:
    """Follow the stop as TA-Lib's SAR does; falling prices are mirrored, so one branch serves.

    State: see `BEGIN`.
    """
    for row in range(len(run)):
        top, bottom = high[row], low[row]
        out[row] = nan
        if run[row] != state[0]:
            state[0], state[1] = run[row], 1.0
            state[6], state[7] = top, bottom
            continue
        before_top, before_bottom = state[6], state[7]
        state[6], state[7] = top, bottom
        if state[1] == 1.0:
            fall, rise = before_bottom - bottom, top - before_top
            falls = fall > 0.0 and fall > rise
            state[1], state[2], state[5] = 2.0, -1.0 if falls else 1.0, step
            state[3] = before_top if falls else before_bottom
            state[4] = bottom if falls else top
            before_top, before_bottom = top, bottom
        side = state[2]
        near, far, near_before, far_before = bottom, top, before_bottom, before_top
        if side < 0.0:
            near, far, near_before, far_before = -top, -bottom, -before_top, -before_bottom
        stop, extreme = side * state[3], side * state[4]
        if near <= stop:
            stop = max(extreme, far_before, far)
            out[row] = side * stop
            state[2], state[4], state[5] = -side, side * near, step
            state[3] = side * max(stop + step * (near - stop), far_before, far)
            continue
        out[row] = side * stop
        if far > extreme:
            extreme = far
            state[4], state[5] = side * extreme, min(state[5] + step, limit)
        state[3] = side * min(stop + state[5] * (extreme - stop), near_before, near)


FOLLOW = Hot(follow)


class Psar:
    """State of a parabolic stop whose acceleration grows by `step` up to `limit`."""

    def __init__(self, step: float, limit: float, bar_seconds: float) -> None:
        self._runs = Gridded(FOLLOW, BEGIN, bar_seconds, step, limit)

    def push(self, time: Floats, high: Floats, low: Floats) -> Floats:
        """Take the next bars and return the stop that stood at each of them."""
        return self._runs.push(time, high, low)


def psar(time: Floats, high: Floats, low: Floats, step: float = 0.02, limit: float = 0.2) -> Floats:
    """Return the stop of a whole series whose bars are as far apart as its first two."""
    return Psar(step, limit, float(time[1] - time[0])).push(time, high, low)
