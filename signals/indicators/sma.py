"""Simple moving average."""

from signals.indicators.window import Floats, Tail, rolling_sum


class Sma:
    """State of a simple moving average over `bars` values."""

    def __init__(self, bars: int) -> None:
        self._bars, self._tail = bars, Tail(bars - 1)

    def push(self, values: Floats) -> Floats:
        """Take the next values and return their averages."""
        return rolling_sum(self._tail.extend(values), self._bars) / self._bars


def sma(values: Floats, bars: int) -> Floats:
    """Return the mean of the last `bars` values at every bar; NaN before the first full window."""
    return Sma(bars).push(values)
