"""Greatest and least of a window, and how long ago they were."""

from math import inf, nan
from typing import Any

from signals.indicators.hot import Floats, Hot, Streamed


def window_extreme(values: Any, out: Any, state: Any, bars: int, sign: float) -> None:
    """Find the greatest (sign 1) or least (sign -1) of every full window; NaN where one is missing.

    Blocks as in `signals.indicators.window.window_sum`.

    State: place in the block, its extreme so far, its values, extremes of the ends of the last.
    """
    place, best = int(state[0]), state[1]
    held, ends = 2, 2 + bars
    for i in range(len(values)):
        value = values[i] * sign
        state[held + place] = value
        if value > best or value != value:
            best = value
        place += 1
        if place < bars:
            end = state[ends + place]
            out[i] = (end if end > best or end != end else best) * sign
            continue
        best = -inf
        for j in range(bars - 1, -1, -1):
            value = state[held + j]
            if value > best or value != value:
                best = value
            state[ends + j] = best
        out[i] = best * sign
        place, best = 0, -inf
    state[0], state[1] = place, best


def window_age(values: Any, out: Any, state: Any, bars: int, sign: float) -> None:
    """Count the bars since the greatest (sign 1) or least (sign -1) of every full window.

    The latest of equal ones counts, as in TA-Lib's AROON.

    State: place, extreme so far, its place, values, extremes of the ends of the last block, their
    places.
    """
    place, best, where = int(state[0]), state[1], state[2]
    held, ends, marks = 3, 3 + bars, 3 + 2 * bars
    for i in range(len(values)):
        value = values[i] * sign
        state[held + place] = value
        if value >= best or value != value:
            best, where = value, float(place)
        place += 1
        if place < bars:
            end = state[ends + place]
            if end != end or best != best:
                out[i] = nan
            elif end > best:
                out[i] = place - 1 + bars - state[marks + place]
            else:
                out[i] = place - 1 - where
            continue
        best, where = -inf, bars - 1.0
        for j in range(bars - 1, -1, -1):
            value = state[held + j]
            if value > best or value != value:
                best, where = value, float(j)
            state[ends + j], state[marks + j] = best, where
        out[i] = bars - 1 - where if best == best else nan
        place, best, where = 0, -inf, 0.0
    state[0], state[1], state[2] = place, best, where


EXTREME, AGE = Hot(window_extreme), Hot(window_age)


class Rolling(Streamed):
    """State of a rolling extreme: the greatest for a sign of 1, the least for -1."""

    __slots__ = ()

    def __init__(self, bars: int, sign: float) -> None:
        super().__init__(EXTREME, [0.0, -inf, *[nan] * (2 * bars)], bars, float(sign))


class Age(Streamed):
    """State of the bars since the greatest (sign 1) or least (sign -1) of the window."""

    __slots__ = ()

    def __init__(self, bars: int, sign: float) -> None:
        super().__init__(AGE, [0.0, -inf, 0.0, *[nan] * (3 * bars)], bars, float(sign))


def rolling_max(values: Floats, bars: int) -> Floats:
    """Return the greatest of the last `bars` values at every bar."""
    return Rolling(bars, 1).push(values)


def rolling_min(values: Floats, bars: int) -> Floats:
    """Return the least of the last `bars` values at every bar."""
    return Rolling(bars, -1).push(values)
