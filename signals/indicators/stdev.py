"""Population variance and standard deviation over a window."""

from math import nan, sqrt
from typing import Any

import numpy as np

from signals.indicators.hot import Floats, Hot, Streamed


def window_moments(values: Any, out: Any, state: Any, bars: int, width: float) -> None:
    """Give every full window's mean and population variance.

    With a `width` of 0 or more: the mean, and that many deviations above it and below it.

    Blocks as in `signals.indicators.window.window_sum`; sums and squares are those of the distance
    from a value of the window itself (the last of the older block), so that a price of 10,000
    costs no digits, an unmoved window has the variance 0 exactly, and nothing is carried on.

    State: place, reference, sum and squares of the block so far, its values, sums of the ends of
    the last block, their squares.
    """
    count, first, share = len(values), 0, 1.0 / bars
    place, base, total, square = int(state[0]), state[1], state[2], state[3]
    while first < count:
        last = first + bars - 1 - place
        stop = min(last, count)
        piece = values[first:stop]
        begin = 5 + bars + place
        ends = state[begin : begin + stop - first]
        squares = state[begin + bars : begin + bars + stop - first]
        for k in range(len(piece)):
            away = piece[k] - base
            total += away
            square += away * away
            mean = (ends[k] + total) * share
            spread = (squares[k] + square) * share - mean * mean
            out[first + k] = base + mean
            out[count + first + k] = 0.0 if spread < 0.0 else spread
        if last >= count:
            for i in range(first, count):
                state[4 + place - first + i] = values[i]
            place += count - first
            break
        base, total, square = values[last], 0.0, 0.0
        begin = 4 + bars + place - first
        for i in range(last, first - 1, -1):
            away = values[i] - base
            total += away
            square += away * away
            state[begin + i] = total
            state[begin + bars + i] = square
        for j in range(3 + place, 3, -1):
            away = state[j] - base
            total += away
            square += away * away
            state[bars + j] = total
            state[2 * bars + j] = square
        mean = total * share
        spread = square * share - mean * mean
        out[last] = base + mean
        out[count + last] = 0.0 if spread < 0.0 else spread
        first, place, total, square = last + 1, 0, 0.0, 0.0
    if width >= 0.0:
        for i in range(count):
            reach = width * sqrt(out[count + i])
            out[count + i] = out[i] + reach
            out[2 * count + i] = out[i] - reach
    state[0], state[1], state[2], state[3] = place, base, total, square


MOMENTS = Hot(window_moments, width=3, is_windowed=True)


class Moments(Streamed):
    """State of the mean and the population variance over `bars` values, a table of both.

    With a `width` a table of the mean and of the bands so many deviations above and below it.
    """

    __slots__ = ()

    def __init__(self, bars: int, width: float = -1.0) -> None:
        state = [0.0, nan, 0.0, 0.0, *[nan] * (3 * bars)]
        super().__init__(MOMENTS, state, bars, float(width))


class Variance(Moments):
    """State of a population variance over `bars` values."""

    __slots__ = ()

    def shaped(self, table: Floats, *_inputs: Floats) -> Floats:
        """Return the variances."""
        variance: Floats = table[:, 1]
        return variance


class Stdev(Moments):
    """State of a population standard deviation over `bars` values."""

    __slots__ = ()

    def shaped(self, table: Floats, *_inputs: Floats) -> Floats:
        """Return the deviations."""
        deviation: Floats = np.sqrt(table[:, 1])
        return deviation


class Zscore(Moments):
    """State of the distance from the window's mean in standard deviations."""

    __slots__ = ()

    def shaped(self, table: Floats, *inputs: Floats) -> Floats:
        """Return the scores; NaN where the window has not moved."""
        deviation = np.sqrt(table[:, 1])
        deviation[deviation == 0] = np.nan
        score: Floats = (inputs[0] - table[:, 0]) / deviation
        return score


def stdev(values: Floats, bars: int) -> Floats:
    """Return the population standard deviation of the last `bars` values at every bar."""
    return Stdev(bars).push(values)
