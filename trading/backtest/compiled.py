"""The kernel translated by numba: the same functions, the same integers."""

import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, cast

import numpy as np

from mystic.lib.translation import translated
from trading.backtest import account, booking, carry, entries, exits, kernel, layout, prices, quiet
from trading.backtest.layout import Bars, Ints
from trading.backtest.tables import Laid
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
    quiet,
    kernel,
)
"""In the order of who uses whom."""
WORTHWHILE = 300_000
"""Bars simulated in this process after which loading numba pays."""
LONG = 5_000
"""Bars from which on a simulation is long enough for the compiled form, where numba is loaded."""
INSIDE = frozenset(
    {
        *("share", "worth_down", "brought", "skim", "skim_flat", "skim_held"),
        *("end_bars", "end_bar", "begin_bars", "begin_bar"),
    }
)
"""Translated into what calls them: the inner loops, and what is handed all the bars."""
OUTCOMES = ("step_times", "equity", "cash", "exposure")


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


def as_arrays(laid: Laid) -> tuple[Any, Bars]:
    """Return the row and the bars as arrays.

    All that is written is one block: the system gives a large one in large pages, which is many
    times quicker than several in small ones.
    """
    bars, steps = laid.bars, len(laid.bars.times)
    before = np.concatenate((np.array(laid.head, dtype=np.int64), laid.acts.ravel(), laid.funding))
    block = np.empty(len(OUTCOMES) * steps + len(before) + laid.room, dtype=np.int64)
    given = {name: block[n * steps : (n + 1) * steps] for n, name in enumerate(OUTCOMES)}
    row = block[len(OUTCOMES) * steps :]
    row[: len(before)] = before
    factors = np.array(bars.factors, dtype=np.float64)
    return row, bars._replace(factors=factors, **given)  # type: ignore[arg-type]


def as_lists(laid: Laid) -> tuple[Any, Bars]:
    """Return the row and the bars as lists."""
    steps = len(laid.bars.times)
    columns = {name: _listed(getattr(laid.bars, name)) for name in Bars._fields}
    columns.update({name: [0] * steps for name in OUTCOMES})
    row = [*laid.head, *laid.acts.ravel().tolist(), *laid.funding.tolist(), *[0] * laid.room]
    return row, Bars(**columns)


def _listed(column: Any) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


@cache
def compiled_walk() -> Callable[[Any, Bars], int]:
    """Return `kernel.walk` translated, with everything it calls."""
    import numba

    # Nothing is divided by nought.
    options = {"error_model": "numpy"}
    names = translated(MODULES, _types(numba), options=options, inside=INSIDE)
    return cast("Callable[[Any, Bars], int]", names["walk"])


def _types(numba: Any) -> dict[Any, Any]:
    """Return what each annotation of the kernel stands for."""
    ints, floats = np.zeros(1, np.int64), np.zeros(1)
    columns: dict[str, Any] = dict.fromkeys(Bars._fields, ints)
    columns.update(dict.fromkeys(("factors", "opens", "highs", "lows", "closes"), floats))
    plain = {int: numba.int64, float: numba.float64, bool: numba.boolean, None: numba.void}
    return {**plain, Ints: numba.int64[::1], Bars: numba.typeof(Bars(**columns))}
