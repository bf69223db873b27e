"""Simple moving average."""

from signals.indicators.hot import Floats
from signals.indicators.window import Total


class Sma(Total):
    """State of a simple moving average over `bars` values."""

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        super().__init__(bars, bars)


def sma(values: Floats, bars: int) -> Floats:
    """Return the mean of the last `bars` values at every bar; NaN before the first full window."""
    return Sma(bars).push(values)
