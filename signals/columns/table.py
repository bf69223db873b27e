"""The values of named columns over a span: what models are trained on and charts are drawn from.

The same plan, runs and blocks as `evaluate`, so a value is the same number, to the bit, that a
strategy sees live.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from markets.types import TIMEFRAME_SECONDS
from signals.columns.cache import EvaluationCache
from signals.columns.clock import Clock
from signals.columns.column import Column
from signals.columns.engine import BLOCK, block_start
from signals.columns.errors import ColumnError
from signals.columns.graph import Graph, Node
from signals.columns.plan import ClockPlan, make_plan
from signals.columns.run import Run
from signals.columns.series import Floats, InstrumentKey, SeriesProvider, Times
from signals.columns.space import Space

Describe = Callable[[Space], Column]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns over the bars of a span, oldest first.

    Attributes
    ----------
    open_time : int64 array, shape (bars,)
        UTC epoch seconds.
    values : float64 array, shape (bars, columns)
        NaN where a column has no value; a condition is 1 or 0.
    names : tuple of str
    """

    open_time: Times
    values: Floats
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.open_time)

    def column(self, name: str) -> Floats:
        """Return one column, shape (bars,)."""
        found: Floats = self.values[:, self.names.index(name)]
        return found

    def without(self, *names: str) -> NDArray[np.float32]:
        """Return the other columns as float32, shape (bars, columns)."""
        kept = [place for place, name in enumerate(self.names) if name not in names]
        return np.ascontiguousarray(self.values[:, kept], dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class TablePlan:
    """Named columns in the order in which they are calculated; made once, used for any span."""

    key: tuple[object, ...]
    timeframe: int
    plan: ClockPlan
    named: tuple[tuple[str, Node], ...]


def table_plan(features: Mapping[str, Describe], timeframe: str | int) -> TablePlan:
    """Describe the columns and put them in order.

    Parameters
    ----------
    features : mapping of name to function of `x`

    Raises
    ------
    ColumnError
        Where one of them is no column, or asks for what a causal column cannot be.
    """
    seconds = TIMEFRAME_SECONDS[timeframe] if isinstance(timeframe, str) else timeframe
    home = Clock(None, seconds)
    x = Space(Graph(), home)
    if not features:
        raise ColumnError("a table wants at least one column")
    named = tuple((name, _node(name, describe(x), home)) for name, describe in features.items())
    plan = make_plan(home, [node for _, node in named])
    return TablePlan(("table", seconds, tuple(features.items())), seconds, plan, named)


def _node(name: str, column: object, home: Clock) -> Node:
    if not isinstance(column, Column):
        raise ColumnError(f"{name} must be a column, not {column!r}")
    if column.node.clock != home:
        raise ColumnError(
            f"{name} lives on {column.node.clock}; return it from x.tf or x.symbol, which align it"
        )
    return column.node


def table(
    features: Mapping[str, Describe] | TablePlan,
    provider: SeriesProvider,
    *,
    instrument: InstrumentKey,
    timeframe: str | int,
    from_open: int,
    through_open: int,
    cache: EvaluationCache | None = None,
) -> Table:
    """Return the columns of every closed bar with `from_open <= open_time <= through_open`.

    Bars that do not have their whole history before them are left out, and it ends before the first
    bar for which an input is not complete yet.

    Parameters
    ----------
    features : mapping of name to function of `x`, or TablePlan
    from_open, through_open : int
        Open times, UTC epoch seconds.
    cache : EvaluationCache, optional
        Lets the next bar cost one bar; changes no value.

    Raises
    ------
    ColumnError
        Where a column cannot be.
    BadBarsError
        Where a stored bar is impossible.
    """
    plan = features if isinstance(features, TablePlan) else table_plan(features, timeframe)
    memory = cache or EvaluationCache()
    pieces: list[tuple[Times, Floats]] = []
    coverage = provider.coverage(instrument, plan.timeframe)
    if coverage is not None:
        step = plan.timeframe
        first = -(-max(from_open, coverage.first_open) // step) * step
        last = min(through_open, coverage.last_open)
        while first <= last:
            block = block_start(first, step)
            end = min(last, block + (BLOCK - 1) * step)
            if not _block(plan, provider, (instrument, block, first, end), memory, pieces):
                break
            first = block + BLOCK * step
    names = tuple(name for name, _ in plan.named)
    if not pieces:
        return Table(np.empty(0, dtype=np.int64), np.empty((0, len(names))), names)
    opens, values = zip(*pieces, strict=True)
    return Table(np.concatenate(opens), np.concatenate(values), names)


def _block(
    plan: TablePlan,
    provider: SeriesProvider,
    place: tuple[InstrumentKey, int, int, int],
    cache: EvaluationCache,
    pieces: list[tuple[Times, Floats]],
) -> bool:
    """Add the rows of one block; tell whether it was complete."""
    instrument, block, first, end = place
    run = cache.take(plan.key, instrument, block)
    if run is None or run.next_open > first:
        run = Run(plan.plan, instrument, block)
    if not run.is_covered(provider):
        return True
    reached = run.complete_through(provider, end)
    if reached >= first:
        bars, values = run.feed(provider, reached)
        begin = int(np.searchsorted(bars.open_time, first))
        columns = [values[id(node)][begin:] for _, node in plan.named]
        pieces.append((bars.open_time[begin:], np.column_stack(columns)))
    cache.keep(plan.key, instrument, block, run)
    return reached >= end
