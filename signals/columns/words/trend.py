"""Trend indicators of the bars."""

from collections.abc import Callable, Mapping
from math import log
from typing import TYPE_CHECKING, NamedTuple, Never

from signals.columns.errors import ColumnError
from signals.columns.kernel import Kernel, Stateful
from signals.columns.refusals import finite_number, whole_number
from signals.columns.words.ranges import RangeWords
from signals.indicators.adx import Adx, adx_history
from signals.indicators.aroon import Freshness
from signals.indicators.gridded import HISTORY as GRID_HISTORY
from signals.indicators.heikin_ashi import HISTORY as HEIKIN_ASHI_HISTORY
from signals.indicators.heikin_ashi import AverageOpen
from signals.indicators.psar import Psar
from signals.indicators.supertrend import Supertrend

if TYPE_CHECKING:
    from signals.columns.column import Column


class Aroon(NamedTuple):
    """How fresh the highest high and the lowest low are, 0 to 100, and the difference."""

    up: "Column"
    down: "Column"
    oscillator: "Column"


class SupertrendLines(NamedTuple):
    """The band that follows the trend, and whether that is up."""

    line: "Column"
    is_up: "Column"


class Vortex(NamedTuple):
    """Upward and downward movement, about 1 each without a trend."""

    plus: "Column"
    minus: "Column"


class HeikinAshi(NamedTuple):
    """The averaged bar."""

    open: "Column"
    high: "Column"
    low: "Column"
    close: "Column"


class Ichimoku(NamedTuple):
    """The lines of the cloud as they stand at the bar.

    `span_a` and `span_b` are the cloud plotted at this bar, calculated `base` bars earlier.
    """

    conversion: "Column"
    base: "Column"
    span_a: "Column"
    span_b: "Column"

    @property
    def chikou(self) -> Never:
        """Refuse the lagging span."""
        raise ColumnError(
            "ichimoku has no chikou: the lagging span plots this bar's close 26 bars back, so at a "
            "bar it is the close of 26 bars later, which has not happened yet; compare the "
            "close with an earlier one instead: x.close > x.close.lag(26)"
        )


class TrendWords(RangeWords):
    """Trend indicators of the bars."""

    __slots__ = ()

    def adx(self, bars: int = 14) -> "Column":
        """Return the average directional index, 0 to 100: how strong the trend is."""
        return self._directional("adx", bars, 0)

    def plus_di(self, bars: int = 14) -> "Column":
        """Return the upward movement in percent of the true range."""
        return self._directional("plus_di", bars, 1)

    def minus_di(self, bars: int = 14) -> "Column":
        """Return the downward movement in percent of the true range."""
        return self._directional("minus_di", bars, 2)

    def aroon(self, bars: int = 25) -> Aroon:
        """Return how long ago the extremes were: 100 now, 0 `bars` bars ago."""
        count = whole_number("aroon", bars, low=1)
        up = self._of("freshness", (self.high,), count, 1.0, history=count)
        down = self._of("freshness", (self.low,), count, -1.0, history=count)
        return Aroon(up, down, up - down)

    def psar(self, step: float = 0.02, limit: float = 0.2) -> "Column":
        """Return the parabolic stop that stood at the bar, begun anew every 256 bars of time."""
        numbers = finite_number("psar", step), finite_number("psar", limit)
        if not 0 < numbers[0] <= numbers[1]:
            raise ColumnError(f"psar takes 0 < step <= limit, not {step!r} and {limit!r}")
        inputs = (self._time(), self.high, self.low)
        bar = self._clock.timeframe
        return self._of("psar", inputs, *numbers, bar, history=GRID_HISTORY)

    def supertrend(self, bars: int = 10, k: float = 3.0) -> SupertrendLines:
        """Return the band of k average true ranges that follows the trend, and its direction."""
        inputs = (self._time(), self.high, self.low, self.close, self._average_range(bars))
        numbers = finite_number("supertrend", k), self._clock.timeframe
        line = self._of("supertrend", inputs, *numbers, history=GRID_HISTORY)
        return SupertrendLines(line, self.close > line)

    def ichimoku(self, conversion: int = 9, base: int = 26, span: int = 52) -> Ichimoku:
        """Return the lines of the cloud; the spans are those that were plotted for this bar."""
        fast, slow, long = (self._middle_of(one) for one in (conversion, base, span))
        return Ichimoku(fast, slow, ((fast + slow) / 2).lag(base), long.lag(base))

    def vortex(self, bars: int = 14) -> Vortex:
        """Return how far highs rise above and lows fall below the bar before, per true range."""
        reach = self.true_range().sma(bars)
        plus, minus = abs(self.high - self.low.lag(1)), abs(self.low - self.high.lag(1))
        return Vortex(plus.sma(bars) / reach, minus.sma(bars) / reach)

    def trix(self, bars: int = 15) -> "Column":
        """Return the change of the thrice averaged close in percent."""
        average = self.close.ema(bars).ema(bars).ema(bars)
        before = average.lag(1)
        return (average - before) / before * 100

    def choppiness(self, bars: int = 14) -> "Column":
        """Return the choppiness index: near 100 sideways, low in a trend."""
        count = whole_number("choppiness", bars, low=2)
        before = self.close.lag(1)
        top = self.high.at_least(before).rolling_max(count)
        bottom = self.low.at_most(before).rolling_min(count)
        walked = self.true_range().sma(count) * count
        return self._of("log_ratio", (walked, top - bottom)) / log(count) * 100

    def heikin_ashi(self) -> HeikinAshi:
        """Return the averaged bar: close the mean of the bar, open the mean of the bar before."""
        close = (self.open + self.high + self.low + self.close) / 4
        inputs = (self.open, self.close, close)
        first = self._of("average_open", inputs, history=HEIKIN_ASHI_HISTORY)
        top, bottom = first.at_least(close), first.at_most(close)
        return HeikinAshi(first, self.high.at_least(top), self.low.at_most(bottom), close)

    def _directional(self, what: str, bars: int, place: int) -> "Column":
        count = whole_number(what, bars, low=2)
        inputs = (self.high, self.low, self.close)
        table = self._of("directional", inputs, count, history=adx_history(count))
        return self._of("field", (table,), place)

    def _middle_of(self, bars: int) -> "Column":
        return (self.high.rolling_max(bars) + self.low.rolling_min(bars)) / 2


KERNELS: Mapping[str, Callable[..., Kernel]] = {
    "directional": lambda bars: Stateful(Adx(bars)),
    "freshness": lambda bars, sign: Stateful(Freshness(bars, sign)),
    "psar": lambda *numbers: Stateful(Psar(*numbers)),
    "supertrend": lambda *numbers: Stateful(Supertrend(*numbers)),
    "average_open": lambda: Stateful(AverageOpen()),
}
