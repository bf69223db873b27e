"""Changes, returns and simple functions of a column."""

from collections.abc import Callable, Mapping

from signals.columns.derivable import Derivable
from signals.columns.kernel import Kernel


class ChangeWords(Derivable):
    """Changes, returns and simple functions of a column."""

    __slots__ = ()


KERNELS: Mapping[str, Callable[..., Kernel]] = {}
