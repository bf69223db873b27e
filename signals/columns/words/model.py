"""`x.model`: what a trained model says."""

from collections.abc import Callable, Mapping

from signals.columns.derivable import Looking
from signals.columns.kernel import Kernel


class ModelWords(Looking):
    """`x.model`: what a trained model says."""

    __slots__ = ()


KERNELS: Mapping[str, Callable[..., Kernel]] = {}
