"""What happened within the last bars, and choices between columns."""

from collections.abc import Callable, Mapping

from signals.columns.derivable import Derivable
from signals.columns.kernel import Kernel


class MemoryWords(Derivable):
    """What happened within the last bars, and choices between columns."""

    __slots__ = ()


KERNELS: Mapping[str, Callable[..., Kernel]] = {}
