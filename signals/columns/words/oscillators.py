"""Oscillators of the bars."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from signals.columns.derivable import Looking
from signals.columns.kernel import Kernel, Stateful
from signals.columns.refusals import refuse_options, whole_number
from signals.indicators.cci import MeanDeviation
from signals.indicators.fisher import HISTORY, Fisher
from signals.indicators.stochastic import Stochastic as StochasticState

if TYPE_CHECKING:
    from signals.columns.column import Column


class Stochastic(NamedTuple):
    """Where a value lies between the extremes of a window, 0 to 100, and the average of that."""

    k: "Column"
    d: "Column"


class Ppo(NamedTuple):
    """Fast minus slow average in percent of the slow one, its average, and their difference."""

    line: "Column"
    signal: "Column"
    histogram: "Column"


class FisherLines(NamedTuple):
    """The Fisher transform and its value one bar ago."""

    line: "Column"
    trigger: "Column"


class OscillatorWords(Looking):
    """Oscillators of the bars."""

    __slots__ = ()

    def stochastic(self, k: int = 14, d: int = 3, smooth: int = 3) -> Stochastic:
        """Return `.k`, the close between low and high of the last k bars, and `.d`, its average.

        `.k` is averaged over `smooth` bars (1: the fast stochastic), `.d` is the average of `.k`
        over d bars. Missing where the window has no range.
        """
        bars, each, last = (whole_number("stochastic", one, low=1) for one in (k, smooth, d))
        prices = self.high, self.low, self.close
        history = bars + each - 2
        table = self._of("stochastic", prices, bars, each, last, history=history)
        line = self._of("field", (table,), 0)
        return Stochastic(line, self._of("field", (table,), 1, history=last - 1))

    def stochastic_rsi(
        self, bars: int = 14, k: int = 14, d: int = 3, smooth: int = 3
    ) -> Stochastic:
        """Return where the relative strength index lies between its extremes of the last k bars."""
        index = self.close.rsi(bars)
        low = index.rolling_min(k)
        line = ((index - low) / (index.rolling_max(k) - low) * 100).sma(smooth)
        return Stochastic(line, line.sma(d))

    def cci(self, bars: int = 20) -> "Column":
        """Return the commodity channel index: the typical price in mean deviations, by 0.015."""
        count = whole_number("cci", bars, low=2)
        price = (self.high + self.low + self.close) / 3
        deviation = self._of("mean_deviation", (price,), count, history=count - 1)
        return (price - price.sma(count)) / (deviation * 0.015)

    def mfi(self, bars: int = 14) -> "Column":
        """Return the money flow index, 0 to 100: the share of rising typical price in turnover."""
        price = (self.high + self.low + self.close) / 3
        change, turnover = price - price.lag(1), price * self.volume
        # The same three prices in another order differ in their last bits: that is no change.
        least = abs(price) * 1e-12
        inflow = ((change > least) * turnover).sma(bars)
        outflow = ((change < -least) * turnover).sma(bars)
        return inflow / (inflow + outflow) * 100

    def williams_r(self, bars: int = 14) -> "Column":
        """Return Williams' %R, -100 at the lowest low to 0 at the highest high."""
        high, low = self.high.rolling_max(bars), self.low.rolling_min(bars)
        return (self.close - high) / (high - low) * 100

    def ultimate(self, fast: int = 7, middle: int = 14, slow: int = 28) -> "Column":
        """Return the ultimate oscillator, 0 to 100: buying pressure over three windows."""
        before = self.close.lag(1)
        bottom = self.low.at_most(before)
        pressure, reach = self.close - bottom, self.high.at_least(before) - bottom
        parts = [pressure.sma(one) / reach.sma(one) for one in (fast, middle, slow)]
        return (parts[0] * 4 + parts[1] * 2 + parts[2]) / 7 * 100

    def awesome(self, fast: int = 5, slow: int = 34) -> "Column":
        """Return the fast minus the slow average of the bar's middle."""
        middle = (self.high + self.low) / 2
        return middle.sma(fast) - middle.sma(slow)

    def tsi(self, slow: int = 25, fast: int = 13) -> "Column":
        """Return the true strength index, -100 to 100: twice averaged change by its size."""
        change = self.close - self.close.lag(1)
        return change.ema(slow).ema(fast) / abs(change).ema(slow).ema(fast) * 100

    def ppo(self, fast: int = 12, slow: int = 26, signal: int = 9) -> Ppo:
        """Return the percentage price oscillator with exponential averages."""
        average = self.close.ema(slow)
        line = (self.close.ema(fast) - average) / average * 100
        mean = line.ema(signal)
        return Ppo(line, mean, line - mean)

    def cmo(self, bars: int = 14) -> "Column":
        """Return Chande's momentum oscillator, -100 to 100, with the sums of its author."""
        change = self.close - self.close.lag(1)
        return change.sma(bars) / abs(change).sma(bars) * 100

    def dpo(self, bars: int = 20, **options: object) -> "Column":
        """Return the close of bars / 2 + 1 bars ago minus the average of the last `bars` bars.

        The detrended price oscillator as it is known at the bar. Charts that centre it show this
        value bars / 2 + 1 bars to the left, which is before it was known.
        """
        refuse_options("dpo", {"center" if one == "centered" else one: 1 for one in options})
        count = whole_number("dpo", bars, low=1)
        return self.close.lag(count // 2 + 1) - self.close.sma(count)

    def fisher(self, bars: int = 9) -> FisherLines:
        """Return Ehlers' Fisher transform of the bar's middle, and its value one bar ago."""
        count = whole_number("fisher", bars, low=2)
        middle = (self.high + self.low) / 2
        low = middle.rolling_min(count)
        place = (middle - low) / (middle.rolling_max(count) - low) * 2 - 1
        line = self._of("fisher", (place,), history=HISTORY)
        return FisherLines(line, line.lag(1))


KERNELS: Mapping[str, Callable[..., Kernel]] = {
    "stochastic": lambda bars, smooth, d: Stateful(StochasticState(bars, smooth, d)),
    "mean_deviation": lambda bars: Stateful(MeanDeviation(bars)),
    "fisher": lambda: Stateful(Fisher()),
}
