"""Population variance and standard deviation over a window."""

from math import nan
from typing import Any

import numpy as np

from signals.indicators.hot import Floats, Hot, Streamed


def window_moments(values: Any, out: Any, state: Any, bars: int) -> None:
    """Give every full window's mean and population variance.

    Blocks as in `signals.indicators.window.window_sum`; sums and squares are those of the distance
    from a value of the window itself (the last of the older block), so that a price of 10,000
    costs no digits, an unmoved window has the variance 0 exactly, and nothing is carried on.

    State: place, reference, sum and squares of the block so far, its values, sums of the ends of
    the last block, their squares.
    """
    count = len(values)
    place, base, total, square = int(state[0]), state[1], state[2], state[3]
    held, ends, squares = 4, 4 + bars, 4 + 2 * bars
    for i in range(count):
        value = values[i]
        state[held + place] = value
        away = value - base
        total += away
        square += away * away
        place += 1
        if place < bars:
            mean = (state[ends + place] + total) / bars
            spread = (state[squares + place] + square) / bars - mean * mean
            out[i] = base + mean
            out[count + i] = 0.0 if spread < 0.0 else spread
            continue
        base, total, square = value, 0.0, 0.0
        for j in range(bars - 1, -1, -1):
            away = state[held + j] - base
            total += away
            square += away * away
            state[ends + j], state[squares + j] = total, square
        mean = total / bars
        spread = square / bars - mean * mean
        out[i] = base + mean
        out[count + i] = 0.0 if spread < 0.0 else spread
        place, total, square = 0, 0.0, 0.0
    state[0], state[1], state[2], state[3] = place, base, total, square


MOMENTS = Hot(window_moments, width=2)


class Moments(Streamed):
    """State of the mean and the population variance over `bars` values, a table of both."""

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        super().__init__(MOMENTS, [0.0, nan, 0.0, 0.0, *[nan] * (3 * bars)], bars)


class Variance(Moments):
    """State of a population variance over `bars` values."""

    __slots__ = ()

    def push(self, *inputs: Floats) -> Floats:
        """Take the next values and return their variances."""
        variance: Floats = super().push(*inputs)[:, 1]
        return variance


class Stdev(Moments):
    """State of a population standard deviation over `bars` values."""

    __slots__ = ()

    def push(self, *inputs: Floats) -> Floats:
        """Take the next values and return their deviations."""
        deviation: Floats = np.sqrt(super().push(*inputs)[:, 1])
        return deviation


class Zscore(Moments):
    """State of the distance from the window's mean in standard deviations."""

    __slots__ = ()

    def push(self, *inputs: Floats) -> Floats:
        """Take the next values and return their scores; NaN where the window has not moved."""
        table = super().push(*inputs)
        deviation = np.sqrt(table[:, 1])
        deviation[deviation == 0] = np.nan
        score: Floats = (inputs[0] - table[:, 0]) / deviation
        return score


def stdev(values: Floats, bars: int) -> Floats:
    """Return the population standard deviation of the last `bars` values at every bar."""
    return Stdev(bars).push(values)
