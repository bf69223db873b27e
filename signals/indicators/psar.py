"""Parabolic stop and reverse (W. Wilder, New Concepts in Technical Trading, 1978)."""

from collections.abc import Sequence
from math import nan
from typing import Any

from signals.indicators.gridded import Gridded
from signals.indicators.hot import Hot, in_pieces
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
    begun, seen, side, held = state[0], state[1], state[2], state[3]
    peak, speed, before_top, before_bottom = state[4], state[5], state[6], state[7]
    for row in range(len(run)):
        top, bottom, last_top, last_bottom = high[row], low[row], before_top, before_bottom
        before_top, before_bottom = top, bottom
        if run[row] != begun:
            begun, seen = run[row], 1.0
            out[row] = nan
            continue
        if seen == 1.0:
            fall, rise = last_bottom - bottom, top - last_top
            falls = fall > 0.0 and fall > rise
            seen, side, speed = 2.0, -1.0 if falls else 1.0, step
            held = last_top if falls else last_bottom
            peak = bottom if falls else top
            last_top, last_bottom = top, bottom
        near, far = side * (bottom if side > 0.0 else top), side * (top if side > 0.0 else bottom)
        near_last = side * (last_bottom if side > 0.0 else last_top)
        far_last = side * (last_top if side > 0.0 else last_bottom)
        stop, extreme = side * held, side * peak
        if near <= stop:
            stop = max(extreme, far_last, far)
            out[row] = side * stop
            held = side * max(stop + step * (near - stop), far_last, far)
            side, peak, speed = -side, side * near, step
            continue
        out[row] = side * stop
        if far > extreme:
            extreme = far
            peak, speed = side * extreme, min(speed + step, limit)
        held = side * min(stop + speed * (extreme - stop), near_last, near)
    state[0], state[1], state[2], state[3] = begun, seen, side, held
    state[4], state[5], state[6], state[7] = peak, speed, before_top, before_bottom


FOLLOW = Hot(follow)


class Psar:
    """State of a parabolic stop whose acceleration grows by `step` up to `limit`."""

    def __init__(self, step: float, limit: float, bar_seconds: float) -> None:
        self._runs = Gridded(FOLLOW, BEGIN, bar_seconds, step, limit)

    def push(self, *inputs: Floats) -> Floats:
        """Take the next bars (time, high, low) and return the stop that stood at each of them."""
        return self._runs.push(*inputs)


def psar(time: Floats, high: Floats, low: Floats, step: float = 0.02, limit: float = 0.2) -> Floats:
    """Return the stop of a whole series whose bars are as far apart as its first two."""
    return in_pieces(Psar(step, limit, float(time[1] - time[0])), time, high, low)
