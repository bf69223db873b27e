"""Volume indicators of the bars; what accumulates declares its reset."""

from collections.abc import Callable, Mapping

from signals.columns.derivable import Looking
from signals.columns.kernel import Kernel


class VolumeWords(Looking):
    """Volume indicators of the bars; what accumulates declares its reset."""

    __slots__ = ()


KERNELS: Mapping[str, Callable[..., Kernel]] = {}
