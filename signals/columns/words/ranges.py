"""The true range and its average, on which trend and volatility words build."""

from typing import TYPE_CHECKING

from signals.columns.derivable import Looking
from signals.columns.refusals import whole_number
from signals.indicators.warmup import rma_history

if TYPE_CHECKING:
    from signals.columns.column import Column


class RangeWords(Looking):
    """The true range and its average."""

    __slots__ = ()

    def true_range(self) -> "Column":
        """Return the range of the bar, the close before it included."""
        before = self.close.lag(1)
        return self.high.at_least(before) - self.low.at_most(before)

    def _average_range(self, bars: int) -> "Column":
        count = whole_number("atr", bars, low=1)
        inputs = (self.high, self.low, self.close)
        return self._of("atr", inputs, count, history=rma_history(count) + 1)
