"""Moving averages of a column."""

from collections.abc import Callable, Mapping
from math import ceil, isqrt, log, log1p
from typing import TYPE_CHECKING

from signals.columns.derivable import Derivable, whole
from signals.columns.errors import ColumnError
from signals.columns.kernel import Kernel, Stateful
from signals.columns.refusals import refuse_options, whole_number
from signals.indicators.ema import Rma
from signals.indicators.kama import Kama
from signals.indicators.regression import Wma
from signals.indicators.warmup import PRICE_TOLERANCE, rma_history

if TYPE_CHECKING:
    from signals.columns.column import Column


class AverageWords(Derivable):
    """Moving averages of a column; `sma` and `ema` are words of the column itself."""

    __slots__ = ()

    def wma(self, bars: int, **options: object) -> "Column":
        """Return the average with weights n for the newest value down to 1 for the oldest.

        Source: TA-Lib WMA.
        """
        return self._window("wma", bars, options)

    def rma(self, bars: int, **options: object) -> "Column":
        """Return Wilder's average, weight 1 / bars, begun with the mean of the first `bars`.

        Source: W. Wilder, New Concepts in Technical Trading Systems, 1978.
        """
        refuse_options("rma", options)
        count = whole_number("rma", bars, low=1)
        return self._derive("rma", count, history=rma_history(count))

    def dema(self, bars: int) -> "Column":
        """Return the double exponential average, 2 e1 - e2, where e2 is the average of e1.

        Source: P. Mulloy, Stocks & Commodities 12:1, 1994; TA-Lib DEMA.
        """
        once = whole(self).ema(bars)
        return 2 * once - once.ema(bars)

    def tema(self, bars: int) -> "Column":
        """Return the triple exponential average, 3 e1 - 3 e2 + e3.

        Source: P. Mulloy, Stocks & Commodities 12:1, 1994; TA-Lib TEMA.
        """
        once = whole(self).ema(bars)
        twice = once.ema(bars)
        return 3 * once - 3 * twice + twice.ema(bars)

    def trima(self, bars: int) -> "Column":
        """Return the triangular average: the simple average of a simple average.

        Source: TA-Lib TRIMA.
        """
        count = whole_number("trima", bars, low=1)
        return whole(self).sma((count + 1) // 2).sma(count // 2 + 1)

    def hma(self, bars: int) -> "Column":
        """Return Hull's average: wma(2 wma(n / 2) - wma(n), sqrt(n)), both rounded down.

        Source: A. Hull, 2005.
        """
        count = whole_number("hma", bars, low=2)
        return (2 * self.wma(count // 2) - self.wma(count)).wma(isqrt(count))

    def kama(self, bars: int, fast: int = 2, slow: int = 30) -> "Column":
        """Return Kaufman's adaptive average, between exponential averages of `fast` and `slow`.

        Its warm-up is that of the slowest it can be, as in a market without direction.
        Source: P. Kaufman, Trading Systems and Methods, 1995; TA-Lib KAMA.
        """
        count = whole_number("kama", bars, low=2)
        quick, lazy = whole_number("kama", fast, low=1), whole_number("kama", slow, low=2)
        if quick >= lazy:
            raise ColumnError(f"kama takes a fast length below the slow one, not {quick}, {lazy}")
        weight = (2 / (lazy + 1)) ** 2
        history = count + ceil(log(PRICE_TOLERANCE) / log1p(-weight))
        return self._derive("kama", count, quick, lazy, history=history)

    def vwma(self, volume: "Column", bars: int) -> "Column":
        """Return the average weighted by another column, as a rule `x.volume`.

        It is missing where the weights of the window sum to zero.
        """
        count = whole_number("vwma", bars, low=1)
        if not isinstance(volume, Derivable):
            raise ColumnError(f"vwma takes a column of weights first, x.volume, not {volume!r}")
        return (whole(self) * volume).total(count) / volume.total(count)


KERNELS: Mapping[str, Callable[..., Kernel]] = {
    "wma": lambda bars: Stateful(Wma(bars)),
    "rma": lambda bars: Stateful(Rma(bars)),
    "kama": lambda bars, fast, slow: Stateful(Kama(bars, fast, slow)),
}
