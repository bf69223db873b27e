"""Rolling statistics of a column."""

from collections.abc import Callable, Mapping

from signals.columns.derivable import Derivable
from signals.columns.kernel import Kernel


class StatisticsWords(Derivable):
    """Rolling statistics of a column."""

    __slots__ = ()


KERNELS: Mapping[str, Callable[..., Kernel]] = {}
