"""The pass translated by numba: the same functions, the same bits, some hundred times faster.

numba takes most of a second and some memory to load, so it is asked for once a process has taken
enough bars in long pieces for that to pay; a live process, which takes bars one by one, never is.
The translation is kept on disk beside the code and made anew when any of the code changes.
"""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

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

    sources = [Path(str(module.__file__)).read_bytes() for module in MODULES]
    version = sha256(b"".join(sources)).hexdigest()[:12]
    names: dict[str, Any] = {"__name__": kernel.__name__}
    for module in MODULES:
        names.update({key: value for key, value in vars(module).items() if key not in names})
    types = _types(numba)
    for module in MODULES:
        for function in _callees_first(module):
            copy = FunctionType(function.__code__, names, function.__name__)
            # numba names its file on disk after this and looks at one module's date only.
            copy.__qualname__ = f"{function.__name__}_{version}"
            wanted = [types[one] for one in function.__annotations__.values()]
            names[function.__name__] = _translate(numba, copy, wanted[-1](*wanted[:-1]))
    walk: Walk = names["walk"]
    return walk


def _types(numba: Any) -> dict[Any, Any]:
    """Return what each annotation of the pass stands for; one form of each function will do."""
    ints, floats = numba.types.int64[::1], numba.types.float64[::1]
    state = numba.typeof(as_arrays(new_state(1)))
    bars = numba.types.Tuple((ints, floats, floats, floats, floats))
    plain = {int: numba.int64, float: numba.float64, bool: numba.boolean, None: numba.void}
    return {**plain, State: state, Table: floats, Bars: bars}


def _translate(numba: Any, function: FunctionType, signature: Any) -> Any:
    # Nothing is allocated in the pass, so numba need not count references (`_nrt`): that took
    # nine tenths of the time.
    try:
        return numba.njit(signature, cache=True, _nrt=False)(function)
    except RuntimeError:  # no folder to keep it in
        return numba.njit(signature, _nrt=False)(function)


def _callees_first(module: ModuleType) -> list[FunctionType]:
    own = {
        name: one
        for name, one in vars(module).items()
        if isinstance(one, FunctionType) and one.__module__ == module.__name__
    }
    ordered: dict[str, FunctionType] = {}

    def add(name: str) -> None:
        if name not in ordered:
            for used in own[name].__code__.co_names:
                if used in own and used != name:
                    add(used)
            ordered.setdefault(name, own[name])

    for name in own:
        add(name)
    return list(ordered.values())
