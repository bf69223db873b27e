"""The kernel translated by numba: the same functions, the same integers, some hundred times faster.

The translation is kept on disk beside the code and made anew when any of the code changes.
"""

import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, cast

import numpy as np

from trading.backtest import account, booking, carry, entries, exits, kernel, layout, prices
from trading.backtest.layout import Work
from trading.execution import arithmetic
from trading.risk import arithmetic as risk_arithmetic

MODULES: tuple[ModuleType, ...] = (
    arithmetic,
    risk_arithmetic,
    layout,
    prices,
    booking,
    carry,
    account,
    entries,
    exits,
    kernel,
)
"""In the order of who uses whom."""
WORTHWHILE = 300_000
"""Bars simulated in this process after which loading numba pays."""
LONG = 5_000
"""Bars from which on a simulation is long enough for the compiled form, where numba is loaded."""
COLUMNS = ("times", "opens", "highs", "lows", "closes", "volumes")


class Pace:
    """How many bars this process has simulated; wrong by a little between threads."""

    def __init__(self) -> None:
        self.bars = 0

    def is_compiled_for(self, bars: int) -> bool:
        """Say whether the compiled form pays for a simulation of so many bars."""
        if bars < LONG:
            return False
        self.bars += bars
        return "numba" in sys.modules or self.bars >= WORTHWHILE


PACE = Pace()


def as_arrays(work: Work, bars: int) -> Work:
    """Return the tables as arrays, with room to write."""
    tables = {
        name: np.array(value, dtype=np.int64)
        for name, value in work._asdict().items()
        if name not in COLUMNS
    }
    tables["factors"] = np.array(work.factors, dtype=np.float64)
    return _with_room(work._replace(**tables), bars, lambda count: np.zeros(count, np.int64))


def as_lists(work: Work, bars: int) -> Work:
    """Return the tables as lists, with room to write."""
    tables = {name: np.asarray(value).tolist() for name, value in work._asdict().items()}
    for name in ("account", "listings", "factors", *COLUMNS):
        value = getattr(work, name)
        tables[name] = value.tolist() if isinstance(value, np.ndarray) else list(value)
    return _with_room(work._replace(**tables), bars, lambda count: [0] * count)


def _with_room(work: Work, bars: int, empty: Callable[[int], Any]) -> Work:
    return work._replace(
        steps=empty(bars * layout.STEP_SIZE),
        fills=empty(int(work.account[layout.FILL_ROOM]) * layout.FILL_SIZE),
        events=empty(int(work.account[layout.EVENT_ROOM]) * layout.EVENT_SIZE),
        trades=empty(int(work.account[layout.TRADE_ROOM]) * layout.TRADE_SIZE),
    )


def enlarged(work: Work) -> Work:
    """Return the tables with twice the room to write."""
    for room in (layout.FILL_ROOM, layout.EVENT_ROOM, layout.TRADE_ROOM):
        work.account[room] *= 2
    return work._replace(
        fills=_doubled(work.fills), events=_doubled(work.events), trades=_doubled(work.trades)
    )


def _doubled(table: Any) -> Any:
    if isinstance(table, list):
        return table + [0] * len(table)
    return np.concatenate((table, np.zeros(len(table), dtype=np.int64)))


@cache
def compiled_walk() -> Callable[[Work], int]:
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
    return cast("Callable[[Work], int]", names["walk"])


def _types(numba: Any) -> dict[Any, Any]:
    """Return what each annotation of the kernel stands for; one form of each function will do."""
    ints, floats = np.zeros(1, np.int64), np.zeros(1)
    columns: dict[str, Any] = dict.fromkeys(Work._fields, ints)
    columns.update(dict.fromkeys(("factors", "opens", "highs", "lows", "closes"), floats))
    plain = {int: numba.int64, float: numba.float64, bool: numba.boolean, None: numba.void}
    return {**plain, Work: numba.typeof(Work(**columns))}


def _translate(numba: Any, function: FunctionType, signature: Any) -> Any:
    # Nothing is allocated, so numba need not count references (`_nrt`): that takes most of the
    # time of a translation. Nothing is divided by nought.
    options = {"_nrt": False, "error_model": "numpy"}
    try:
        return numba.njit(signature, cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in
        return numba.njit(signature, **options)(function)


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
