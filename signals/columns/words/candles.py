"""`x.candle` and `x.chart`: candlestick and chart patterns."""

from collections.abc import Callable, Mapping

from signals.columns.derivable import Looking
from signals.columns.kernel import Kernel


class CandleWords(Looking):
    """`x.candle` and `x.chart`: candlestick and chart patterns."""

    __slots__ = ()


KERNELS: Mapping[str, Callable[..., Kernel]] = {}
