"""Average true range (W. Wilder, 1978)."""

from math import isnan, nan

import numpy as np

from signals.indicators.ema import Rma
from signals.indicators.window import Floats


class Atr:
    """State of an average true range; the first bar has no true range, as it has no bar before."""

    def __init__(self, bars: int) -> None:
        self._average, self._close = Rma(bars), nan

    def push(self, high: Floats, low: Floats, close: Floats) -> Floats:
        """Take the next bars and return their average true range."""
        rows = zip(high.tolist(), low.tolist(), close.tolist(), strict=True)
        return np.array([self._step(*row) for row in rows], dtype=np.float64)

    def _step(self, high: float, low: float, close: float) -> float:
        before, self._close = self._close, close
        if isnan(before):
            return nan
        top = high if high > before else before
        bottom = low if low < before else before
        return self._average.step(top - bottom)


def atr(high: Floats, low: Floats, close: Floats, bars: int = 14) -> Floats:
    """Return Wilder's average of the true range; the first value is at bar `bars`."""
    return Atr(bars).push(high, low, close)
