"""Ranges, bands and volatility of the bars."""

from collections.abc import Callable, Mapping, Sequence
from math import log
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from signals.columns.kernel import Elementwise, Kernel
from signals.columns.refusals import finite_number
from signals.columns.series import Floats
from signals.columns.words.ranges import RangeWords

if TYPE_CHECKING:
    from signals.columns.column import Column


class Bands(NamedTuple):
    """A middle line and the bands above and below it."""

    upper: "Column"
    middle: "Column"
    lower: "Column"


class Chandelier(NamedTuple):
    """The trailing stops of a long and of a short position."""

    long: "Column"
    short: "Column"


class VolatilityWords(RangeWords):
    """Ranges, bands and volatility of the bars."""

    __slots__ = ()

    def natr(self, bars: int = 14) -> "Column":
        """Return the average true range in percent of the close."""
        return self._average_range(bars) / self.close * 100

    def keltner(self, bars: int = 20, k: float = 2.0, atr_bars: int = 10) -> Bands:
        """Return the exponential average and bands of k average true ranges around it."""
        middle = self.close.ema(bars)
        width = self._average_range(atr_bars) * finite_number("keltner", k)
        return Bands(middle + width, middle, middle - width)

    def donchian(self, bars: int = 20) -> Bands:
        """Return the highest high and the lowest low of the last `bars` bars, and their middle.

        The current bar is one of them; `.upper.lag(1)` is the level that a close can break.
        """
        upper, lower = self.high.rolling_max(bars), self.low.rolling_min(bars)
        return Bands(upper, (upper + lower) / 2, lower)

    def chandelier(self, bars: int = 22, k: float = 3.0) -> Chandelier:
        """Return stops k average true ranges below the highest high and above the lowest low."""
        width = self._average_range(bars) * finite_number("chandelier", k)
        return Chandelier(self.high.rolling_max(bars) - width, self.low.rolling_min(bars) + width)

    def realised_volatility(self, bars: int = 20) -> "Column":
        """Return the root of the mean squared logarithmic return; per bar, not annualised."""
        change = self._of("log_ratio", (self.close, self.close.lag(1)))
        return self._of("root", ((change * change).sma(bars),))

    def parkinson(self, bars: int = 20) -> "Column":
        """Return Parkinson's volatility from highs and lows; per bar, not annualised."""
        reach = self._of("log_ratio", (self.high, self.low))
        return self._of("root", ((reach * reach).sma(bars) / (4 * log(2)),))

    def garman_klass(self, bars: int = 20) -> "Column":
        """Return the volatility of Garman and Klass from whole bars; per bar, not annualised."""
        reach = self._of("log_ratio", (self.high, self.low))
        change = self._of("log_ratio", (self.close, self.open))
        variance = reach * reach * 0.5 - change * change * (2 * log(2) - 1)
        return self._of("root", (variance.sma(bars),))

    def squeeze(self, bars: int = 20, k: float = 2.0, keltner_k: float = 1.5) -> "Column":
        """Say whether the Bollinger bands lie within the Keltner channel of the same length."""
        inner = self.close.bollinger(bars, k)
        outer = self.keltner(bars, keltner_k, bars)
        return (inner.upper < outer.upper) & (inner.lower > outer.lower)

    def ulcer_index(self, bars: int = 14) -> "Column":
        """Return the root mean square of the percent below the highest close of the last bars."""
        top = self.close.rolling_max(bars)
        fall = (self.close - top) / top * 100
        return self._of("root", ((fall * fall).sma(bars),))


def log_ratio(left: Floats, right: Floats) -> Floats:
    """Return ln(left / right), missing where one is not above 0.

    One by one: numpy's own logarithm may differ in the last bit with the length of the array.
    """
    known = (left > 0) & (right > 0)
    ratio: Sequence[float] = np.where(known, left / np.where(known, right, 1.0), np.nan).tolist()
    return np.array([log(one) for one in ratio], dtype=np.float64)


def square_root(values: Floats) -> Floats:
    """Return the root; what rounding left just below 0 counts as 0."""
    return np.sqrt(np.maximum(values, 0.0))


KERNELS: Mapping[str, Callable[..., Kernel]] = {
    "log_ratio": lambda: Elementwise(log_ratio),
    "root": lambda: Elementwise(square_root),
}
