"""Moving average convergence divergence (G. Appel)."""

from typing import NamedTuple

from signals.indicators.ema import ema
from signals.indicators.window import Floats


class MacdLines(NamedTuple):
    """Line, signal and histogram."""

    line: Floats
    signal: Floats
    histogram: Floats


def macd(close: Floats, fast: int = 12, slow: int = 26, signal: int = 9) -> MacdLines:
    """Return the fast minus the slow average, the average of that, and their difference."""
    line = ema(close, fast) - ema(close, slow)
    average = ema(line, signal)
    return MacdLines(line, average, line - average)
