"""Rolling statistics of a column."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from signals.columns.derivable import Derivable
from signals.columns.errors import ColumnError
from signals.columns.kernel import Kernel, Stateful
from signals.columns.refusals import (
    finite_number,
    refuse_options,
    refuse_whole_sample,
    whole_number,
)
from signals.indicators.order import PercentRank, Quantile
from signals.indicators.pairs import Beta, Correlation
from signals.indicators.regression import Linreg, Slope
from signals.indicators.skew import Skew
from signals.indicators.stdev import Variance, Zscore
from signals.indicators.window import Total

if TYPE_CHECKING:
    from signals.columns.column import Column


class StatisticsWords(Derivable):
    """Rolling statistics of a column; `stdev` is a word of the column itself."""

    __slots__ = ()

    def total(self, bars: int, **options: object) -> "Column":
        """Return the sum of the last `bars` values."""
        return self._window("total", bars, options)

    def variance(self, bars: int, **options: object) -> "Column":
        """Return the population variance of the last `bars` values (TA-Lib VAR)."""
        return self._window("variance", bars, options)

    def zscore(self, bars: int | None = None, **options: object) -> "Column":
        """Return the distance from the mean of the last `bars` in their standard deviations.

        It is missing where the window has not moved.
        """
        return self._rolling("zscore", bars, options, low=2)

    def median(self, bars: int | None = None, **options: object) -> "Column":
        """Return the median of the last `bars` values."""
        if bars is None:
            raise refuse_whole_sample("median")
        return self.quantile(bars, 0.5, **options)

    def quantile(
        self, bars: int | None = None, q: float | None = None, **options: object
    ) -> "Column":
        """Return the value below which the share `q` (0 to 1) of the last `bars` values lies.

        Between two values it is linear (Hyndman and Fan 1996, type 7; as numpy and pandas).
        """
        if bars is None or q is None:
            raise refuse_whole_sample("quantile")
        refuse_options("quantile", options)
        share = finite_number("quantile", q)
        if not 0 <= share <= 1:
            raise ColumnError(f"quantile takes a share from 0 to 1, not {q!r}")
        count = whole_number("quantile", bars, low=1)
        return self._derive("quantile", count, share, history=count - 1)

    def percent_rank(self, bars: int | None = None, **options: object) -> "Column":
        """Return the percentage of the `bars` values before this one that are not above it.

        Source: TradingView's `ta.percentrank`.
        """
        if bars is None:
            raise refuse_whole_sample("percent_rank")
        refuse_options("percent_rank", options)
        count = whole_number("percent_rank", bars, low=1)
        return self._derive("percent_rank", count, history=count)

    def slope(self, bars: int, **options: object) -> "Column":
        """Return the slope per bar of the least squares line through the last `bars` values.

        Source: TA-Lib LINEARREG_SLOPE.
        """
        return self._rolling("slope", bars, options, low=2)

    def linreg(self, bars: int, **options: object) -> "Column":
        """Return that line's value at the current bar (TA-Lib LINEARREG)."""
        return self._rolling("linreg", bars, options, low=2)

    def skew(self, bars: int | None = None, **options: object) -> "Column":
        """Return the skewness of the last `bars` values, corrected for their number.

        Source: Joanes and Gill 1998, G1, as pandas and scipy. Missing where nothing has moved.
        """
        return self._rolling("skew", bars, options, low=3)

    def correlation(self, other: "Column", bars: int) -> "Column":
        """Return Pearson's correlation with another column over the last `bars` values.

        It is missing where one of the two has not moved; TA-Lib's CORREL says 0 there.
        """
        count = whole_number("correlation", bars, low=2)
        return self._join("correlation", (other,), count, history=count - 1)

    def beta(self, other: "Column", bars: int) -> "Column":
        """Return the covariance with another column by that one's variance, over `bars` values.

        The values are taken as they are; the beta of an asset to a market is that of returns:
        `x.close.roc(1).beta(market.roc(1), n)`, which is TA-Lib's BETA(market, asset, n). Missing
        where the other has not moved.
        """
        count = whole_number("beta", bars, low=2)
        return self._join("beta", (other,), count, history=count - 1)

    def _rolling(
        self, word: str, bars: int | None, options: dict[str, object], *, low: int
    ) -> "Column":
        if bars is None:
            raise refuse_whole_sample(word)
        return self._window(word, whole_number(word, bars, low=low), options)


KERNELS: Mapping[str, Callable[..., Kernel]] = {
    "total": lambda bars: Stateful(Total(bars)),
    "variance": lambda bars: Stateful(Variance(bars)),
    "zscore": lambda bars: Stateful(Zscore(bars)),
    "quantile": lambda bars, share: Stateful(Quantile(bars, share)),
    "percent_rank": lambda bars: Stateful(PercentRank(bars)),
    "slope": lambda bars: Stateful(Slope(bars)),
    "linreg": lambda bars: Stateful(Linreg(bars)),
    "skew": lambda bars: Stateful(Skew(bars)),
    "correlation": lambda bars: Stateful(Correlation(bars)),
    "beta": lambda bars: Stateful(Beta(bars)),
}
