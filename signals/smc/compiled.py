"""The pass translated by numba: the same functions, the same bits, some hundred times faster.

numba takes most of a second and some memory to load, so it is asked for once a process has taken
enough bars in long pieces for that to pay; a live process, which takes bars one by one, never is.
"""

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from mystic.lib.translation import translated
from signals.smc import kernel, ladders, layout, structure, zones
from signals.smc.layout import Bars, State, Table
from signals.smc.tables import as_arrays, new_state

MODULES: tuple[ModuleType, ...] = (layout, ladders, zones, structure, kernel)
"""In the order of who uses whom."""
LONG_PIECE = 1024
"""Bars from which on a piece counts as long."""
WORTHWHILE = 20_000
"""Bars taken in long pieces after which loading numba pays."""

type Walk = Callable[..., int]


class Pace:
    """How many bars this process has taken in long pieces; wrong by a little between threads."""

    def __init__(self) -> None:
        self.bars = 0

    def walk_for(self, count: int) -> Walk:
        """Return the form of the pass for a piece of so many bars."""
        if count < LONG_PIECE:
            return kernel.walk
        self.bars += count
        return compiled_walk() if self.bars >= WORTHWHILE else kernel.walk


PACE = Pace()


@cache
def compiled_walk() -> Walk:
    """Return `kernel.walk` translated, with everything it calls."""
    import numba

    walk: Walk = translated(MODULES, _types(numba))["walk"]
    return walk


def _types(numba: Any) -> dict[Any, Any]:
    """Return what each annotation of the pass stands for."""
    ints, floats = numba.types.int64[::1], numba.types.float64[::1]
    state = numba.typeof(as_arrays(new_state(1)))
    bars = numba.types.Tuple((ints, floats, floats, floats, floats))
    plain = {int: numba.int64, float: numba.float64, bool: numba.boolean, None: numba.void}
    return {**plain, State: state, Table: floats, Bars: bars}
