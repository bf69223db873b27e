"""`x.ta`: the catalogue of the `ta` package."""

from collections.abc import Callable, Mapping

from signals.columns.derivable import Looking
from signals.columns.kernel import Kernel


class CatalogueWords(Looking):
    """`x.ta`: the catalogue of the `ta` package."""

    __slots__ = ()


KERNELS: Mapping[str, Callable[..., Kernel]] = {}
