"""The time of the bar: hours, weekdays, trading sessions."""

from collections.abc import Callable, Mapping

from signals.columns.derivable import Looking
from signals.columns.kernel import Kernel


class CalendarWords(Looking):
    """The time of the bar: hours, weekdays, trading sessions."""

    __slots__ = ()


KERNELS: Mapping[str, Callable[..., Kernel]] = {}
