"""Oscillators of the bars."""

from collections.abc import Callable, Mapping

from signals.columns.derivable import Looking
from signals.columns.kernel import Kernel


class OscillatorWords(Looking):
    """Oscillators of the bars."""

    __slots__ = ()


KERNELS: Mapping[str, Callable[..., Kernel]] = {}
