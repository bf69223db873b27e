"""Aroon (T. Chande, 1995): how long ago the extremes of a window were."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from signals.indicators.window import Floats, Tail


class Freshness:
    """State of 100 * (bars - age) / bars, the age that of the newest extreme of bars + 1 values.

    Parameters
    ----------
    sign : float
        1 for the greatest, -1 for the least.
    """

    __slots__ = ("_bars", "_sign", "_tail")

    def __init__(self, bars: int, sign: float) -> None:
        self._bars, self._sign, self._tail = bars, sign, Tail(bars)

    def push(self, values: Floats) -> Floats:
        """Take the next values and return how fresh each window's extreme is, 0 to 100."""
        if not len(values):
            return values
        windows = sliding_window_view(self._tail.extend(values * self._sign), self._bars + 1)
        age = windows[:, ::-1].argmax(axis=1)
        extreme = windows[np.arange(len(windows)), self._bars - age]
        return np.where(np.isnan(extreme), np.nan, 100.0 * (self._bars - age) / self._bars)


def aroon_up(high: Floats, bars: int = 14) -> Floats:
    """Return how fresh the highest high is; the first value is at bar `bars`."""
    return Freshness(bars, 1.0).push(high)


def aroon_down(low: Floats, bars: int = 14) -> Floats:
    """Return how fresh the lowest low is."""
    return Freshness(bars, -1.0).push(low)
