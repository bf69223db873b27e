"""Weighted moving average and least squares over a window."""

from math import nan
from typing import Any

from signals.indicators.hot import Floats, Hot, Streamed


def window_line(values: Any, out: Any, state: Any, bars: int) -> None:
    """Give every full window's mean, and its mean with the weights 1 to `bars`, oldest first.

    Blocks and reference as in `signals.indicators.stdev.window_moments`.

    State: place, reference, sum and weighted sum of the block so far, its values, sums of the ends
    of the last block, their weighted sums.
    """
    count = len(values)
    place, base, total, weighted = int(state[0]), state[1], state[2], state[3]
    held, ends, weights = 4, 4 + bars, 4 + 2 * bars
    scale = 2.0 / (bars * (bars + 1.0))
    for i in range(count):
        value = values[i]
        state[held + place] = value
        place += 1
        away = value - base
        total += away
        weighted += place * away
        if place < bars:
            # The older block's end has the weights 1 to bars - place, this block those after.
            out[i] = base + (state[ends + place] + total) / bars
            both = state[weights + place] + (weighted + (bars - place) * total)
            out[count + i] = base + both * scale
            continue
        base, total, weighted = value, 0.0, 0.0
        for j in range(bars - 1, -1, -1):
            total += state[held + j] - base
            weighted += total
            state[ends + j], state[weights + j] = total, weighted
        out[i] = base + total / bars
        out[count + i] = base + weighted * scale
        place, total, weighted = 0, 0.0, 0.0
    state[0], state[1], state[2], state[3] = place, base, total, weighted


LINE = Hot(window_line, width=2, is_windowed=True)


class _Line(Streamed):
    """State of a mean and a linearly weighted mean."""

    __slots__ = ("_bars",)

    def __init__(self, bars: int) -> None:
        super().__init__(LINE, [0.0, nan, 0.0, 0.0, *[nan] * (3 * bars)], bars)
        self._bars = bars


class Wma(_Line):
    """State of a weighted moving average: the newest value has the weight `bars`, the oldest 1."""

    __slots__ = ()

    def shaped(self, table: Floats, *_inputs: Floats) -> Floats:
        """Return the averages."""
        average: Floats = table[:, 1]
        return average


class Slope(_Line):
    """State of the slope of the least squares line, per bar."""

    __slots__ = ()

    def shaped(self, table: Floats, *_inputs: Floats) -> Floats:
        """Return the slopes.

        With the mean m and the linearly weighted mean w, the slope is 6 (w - m) / (bars - 1).
        """
        slope: Floats = 6 * (table[:, 1] - table[:, 0]) / (self._bars - 1)
        return slope


class Linreg(_Line):
    """State of the least squares line's value at the current bar."""

    __slots__ = ()

    def shaped(self, table: Floats, *_inputs: Floats) -> Floats:
        """Return the line's value, 3 w - 2 m."""
        line: Floats = table[:, 1] + 2 * (table[:, 1] - table[:, 0])
        return line


def wma(values: Floats, bars: int) -> Floats:
    """Return the linearly weighted average of the last `bars` values at every bar."""
    return Wma(bars).push(values)
