"""Population standard deviation over a window."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from signals.indicators.window import Floats, Tail, rolling_sum


class Stdev:
    """State of a standard deviation over `bars` values."""

    def __init__(self, bars: int) -> None:
        self._bars, self._tail = bars, Tail(bars - 1)

    def push(self, values: Floats) -> Floats:
        """Take the next values and return their deviations.

        The deviations from the window's own mean are squared (two passes): the difference of
        two large sums would lose half of the digits at a price of 10,000.
        """
        if not len(values):
            return values
        joined, bars = self._tail.extend(values), self._bars
        mean = rolling_sum(joined, bars) / bars
        squares = (sliding_window_view(joined, bars) - mean[:, np.newaxis]) ** 2
        return np.sqrt(_fold(squares) / bars)


def _fold(table: Floats) -> Floats:
    """Sum the columns pairwise, in an order that the number of rows does not change."""
    while table.shape[1] > 1:
        half = table.shape[1] // 2
        folded = table[:, :half] + table[:, half : 2 * half]
        if table.shape[1] % 2:
            folded[:, 0] = folded[:, 0] + table[:, -1]
        table = folded
    column: Floats = table[:, 0]
    return column


def stdev(values: Floats, bars: int) -> Floats:
    """Return the population standard deviation of the last `bars` values at every bar."""
    return Stdev(bars).push(values)
