"""Simple moving average."""

from signals.indicators.hot import Floats
from signals.indicators.window import Total


class Sma(Total):
    """State of a simple moving average over `bars` values."""

    __slots__ = ("_bars",)

    def __init__(self, bars: int) -> None:
        super().__init__(bars)
        self._bars = bars

    def push(self, *inputs: Floats) -> Floats:
        """Take the next values and return their averages."""
        total = super().push(*inputs)
        total /= self._bars
        return total


def sma(values: Floats, bars: int) -> Floats:
    """Return the mean of the last `bars` values at every bar; NaN before the first full window."""
    return Sma(bars).push(values)
