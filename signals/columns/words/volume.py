"""Volume and money flow of the bars."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from signals.columns.kernel import Kernel, Stateful
from signals.columns.refusals import finite_number, whole_number
from signals.columns.words.periods import PeriodWords
from signals.indicators.obv import Obv
from signals.indicators.periods import LENGTH_S
from signals.indicators.same_time import SameTime
from signals.indicators.vwap import Vwap as VwapState
from signals.indicators.vwap import VwapOfLast
from signals.indicators.zones import DAY_S

if TYPE_CHECKING:
    from signals.columns.column import Column


class Vwap(NamedTuple):
    """Volume-weighted average price and bands of k standard deviations around it."""

    upper: "Column"
    line: "Column"
    lower: "Column"


class VolumeWords(PeriodWords):
    """Volume and money flow of the bars."""

    __slots__ = ()

    def obv(self, reset: str | None = None) -> "Column":
        """Return the on-balance volume since the day, week, month or session began.

        The volume of bars that closed above the bar before, minus that of bars that closed below;
        the first bar of a period counts 0.
        """
        period = self._reset("obv", reset)
        bars = self._bars_of("obv", LENGTH_S[str(period.node.args[0])])
        return self._of("obv", (self.close, self.volume, period), history=bars - 1)

    def accumulation(self, reset: str | None = None) -> "Column":
        """Return the accumulation/distribution since the day, week, month or session began."""
        period = self._reset("accumulation", reset)
        return self._since("accumulation", "sum", self._money_flow(), period)

    def vwap(self, reset: str | None = None, k: float = 1.0) -> Vwap:
        """Return the volume-weighted typical price since a period began, `.line`, and its bands.

        `.upper` and `.lower` are k volume-weighted standard deviations away.
        """
        period = self._reset("vwap", reset)
        bars = self._bars_of("vwap", LENGTH_S[str(period.node.args[0])])
        inputs = (self._typical_price(), self.volume, period)
        table = self._of("vwap", inputs, history=bars - 1)
        line = self._of("field", (table,), 0)
        width = self._of("field", (table,), 1) * finite_number("vwap", k)
        return Vwap(line + width, line, line - width)

    def vwap_of_last(self, bars: int) -> "Column":
        """Return the volume-weighted typical price of the last `bars` bars."""
        count = whole_number("vwap_of_last", bars, low=1)
        inputs = self.high, self.low, self.close, self.volume
        return self._of("vwap_of_last", inputs, count, history=count - 1)

    def chaikin_money_flow(self, bars: int = 20) -> "Column":
        """Return the share of the volume of the last `bars` bars that flowed in, -1 to 1."""
        return self._money_flow().sma(bars) / self.volume.sma(bars)

    def force_index(self, bars: int = 13) -> "Column":
        """Return the exponential average of the close's change times the volume."""
        return ((self.close - self.close.lag(1)) * self.volume).ema(bars)

    def ease_of_movement(self, bars: int = 14) -> "Column":
        """Return the average way of the middle of the bar per 100 million of volume and range.

        Missing while a bar of the window has no volume.
        """
        middle = (self.high + self.low) / 2
        ease = (middle - middle.lag(1)) * (self.high - self.low) / self.volume
        return (ease * 100_000_000).sma(bars)

    def relative_volume(self, bars: int = 20) -> "Column":
        """Return the volume as a multiple of the mean of the `bars` bars before this one."""
        return self.volume / self.volume.sma(bars).lag(1)

    def relative_volume_at_time(self, days: int = 5) -> "Column":
        """Return the volume as a multiple of its mean at this time (UTC) of the last `days` days.

        Days without a bar at this time are passed over; without any the value is missing.
        """
        count = whole_number("relative_volume_at_time", days, low=1)
        bars = self._bars_of("relative_volume_at_time", count * DAY_S)
        usual = self._of("same_time", (self._time(), self.volume), count, history=bars)
        return self.volume / usual

    def _typical_price(self) -> "Column":
        return (self.high + self.low + self.close) / 3

    def _money_flow(self) -> "Column":
        """Return the volume times where the close lies in the bar, -1 at its low to 1 at its high.

        A bar without a range has no direction and counts 0.
        """
        place = ((self.close - self.low) - (self.high - self.close)) / (self.high - self.low)
        return place.otherwise(0) * self.volume


KERNELS: Mapping[str, Callable[..., Kernel]] = {
    "obv": lambda: Stateful(Obv()),
    "vwap": lambda: Stateful(VwapState()),
    "vwap_of_last": lambda bars: Stateful(VwapOfLast(bars)),
    "same_time": lambda days: Stateful(SameTime(days)),
}
