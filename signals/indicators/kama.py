"""Adaptive moving average (P. Kaufman, Trading Systems and Methods, 1995)."""

from math import nan
from typing import Any

from signals.indicators.hot import Hot, Streamed


def adaptive(values: Any, out: Any, state: Any, bars: int, fast: float, slow: float) -> None:
    """Follow the value faster the straighter its way over the last `bars` changes was.

    With the efficiency e (net change by the sum of all changes) the weight is
    (e (fast - slow) + slow)^2; the average begins at the value before the first. After a missing
    value it begins anew.

    State: values seen in a row, the average, place, the last `bars` values, their changes.
    """
    seen, average, place = int(state[0]), state[1], int(state[2])
    held, moves = 3, 3 + bars
    for i in range(len(values)):
        value = values[i]
        out[i] = nan
        if value != value:
            seen, place = 0, 0
            continue
        last = state[held + (place - 1 if place > 0 else bars - 1)]
        oldest = state[held + place]
        state[moves + place] = abs(value - last) if seen > 0 else 0.0
        state[held + place] = value
        place = place + 1 if place + 1 < bars else 0
        seen += 1
        if seen <= bars:
            average = value
            continue
        way = 0.0
        for j in range(bars):
            way += state[moves + (place + j) % bars]
        net = abs(value - oldest)
        share = 1.0 if way <= 0.0 or net >= way else net / way
        weight = share * (fast - slow) + slow
        average += weight * weight * (value - average)
        out[i] = average
    state[0], state[1], state[2] = seen, average, place


ADAPTIVE = Hot(adaptive)


class Kama(Streamed):
    """State of an adaptive average between the weights of a fast and a slow exponential one."""

    __slots__ = ()

    def __init__(self, bars: int, fast: int = 2, slow: int = 30) -> None:
        weights = 2 / (fast + 1), 2 / (slow + 1)
        super().__init__(ADAPTIVE, [0.0, nan, 0.0, *[nan] * (2 * bars)], bars, *weights)
