"""Relative strength index (W. Wilder, 1978)."""

from math import isnan, nan

import numpy as np

from signals.indicators.ema import Rma
from signals.indicators.window import Floats


class Rsi:
    """State of a relative strength index over `bars` changes."""

    def __init__(self, bars: int) -> None:
        self._gain, self._loss, self._last = Rma(bars), Rma(bars), nan

    def push(self, values: Floats) -> Floats:
        """Take the next values and return their index; NaN where nothing has moved (0 / 0)."""
        return np.array([self._step(value) for value in values.tolist()], dtype=np.float64)

    def _step(self, value: float) -> float:
        if isnan(value):
            return nan
        change, self._last = value - self._last, value
        if isnan(change):
            return nan
        gain = self._gain.step(max(change, 0.0))
        loss = self._loss.step(max(-change, 0.0))
        if isnan(gain):
            return nan
        total = gain + loss
        return 100 * gain / total if total > 0 else nan


def rsi(close: Floats, bars: int = 14) -> Floats:
    """Return the relative strength index, 0 to 100; the first value is at bar `bars`."""
    return Rsi(bars).push(close)
