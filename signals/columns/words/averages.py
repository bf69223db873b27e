"""Moving averages of a column."""

from collections.abc import Callable, Mapping

from signals.columns.derivable import Derivable
from signals.columns.kernel import Kernel


class AverageWords(Derivable):
    """Moving averages of a column."""

    __slots__ = ()


KERNELS: Mapping[str, Callable[..., Kernel]] = {}
