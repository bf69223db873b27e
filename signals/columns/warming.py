"""Warm-up analysis: from how many bars of history on a column has the value of a long history.

The series is let begin at later and later bars. One run from such a beginning shows every length of
history at once: its first bar has none before it, the next has one, and so on. Its values are held
against those of a run over all the history there is, so the answer is exact to the bar and is the
longest over all beginnings. The engine's own values, with the warm-up that it derives, are held
against the same long run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signals.columns.analysis import always
from signals.columns.compiled import Compiled, StrategyLike, compile_strategy
from signals.columns.engine import BLOCK, block_start
from signals.columns.graph import Node
from signals.columns.run import Run
from signals.columns.series import Floats, InstrumentKey, SeriesProvider, Times
from signals.columns.views import Since

MOST_STARTS = 12
NEAR, ROUGH = 1e-9, 1e-3
LONG, AFTER = 2_000, 200
"""Bars before the first beginning, and after the last one, where so many are stored."""
BLOCKS = 4
"""Newest blocks on which the engine's own values are compared."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """How much history one column needs, in bars of the strategy before its own.

    Attributes
    ----------
    derived : int
        What the engine derived and waits for.
    exact, near, rough : int or None
        From so many bars on its value is bit-identical, within 1e-9, within 1e-3 of the one with
        the long history, relative to its size there or, where that is smaller, to the column's
        median size. None where it still differed on the newest bar of some beginning.
    left : float or None
        The largest relative difference between the engine's value and the long history's; None
        where no block of the engine could be compared.
    """

    name: str
    derived: int
    exact: int | None
    near: int | None
    rough: int | None
    left: float | None


@dataclass(frozen=True, slots=True)
class Warming:
    """The warm-up of every column.

    Attributes
    ----------
    begins : tuple of int
        The beginnings that were tried, open times, UTC epoch seconds.
    history, tried : int
        Bars of the long history before the first beginning, and bars after the last one.
    """

    columns: tuple[WarmUp, ...]
    begins: tuple[int, ...]
    history: int
    tried: int
    is_cut_short: bool = False


Part = tuple[Times, Mapping[str, Floats]]


def warming(
    strategy: StrategyLike,
    provider: SeriesProvider,
    *,
    instrument: InstrumentKey,
    from_open: int,
    through_open: int,
    starts: int = MOST_STARTS,
    may_go_on: Callable[[], bool] = always,
) -> Warming:
    """Measure from how many bars on each column is settled.

    Parameters
    ----------
    from_open : int
        Where the long history begins; it is taken for what is there where less is stored.
    starts : int
        Beginnings at most, spread over the part that leaves each its derived warm-up on both sides.

    Raises
    ------
    ColumnError, BadBarsError, UnreadFeedError
        As the engine.
    """
    compiled = compile_strategy(strategy)
    step, named = compiled.timeframe, named_nodes(compiled)
    span = provider.coverage(instrument, step)
    first = max(from_open, span.first_open) if span else from_open
    begin, last = -(-first // step) * step, through_open // step * step
    derived = {name: -(-need_seconds(node) // step) for name, node in named.items()}
    most = max(derived.values(), default=0)
    reference = _values(compiled, provider, (instrument, begin, last), named)
    begins = _begins(reference[0], most, starts)
    worst = _Worst(named, reference)
    tried: list[int] = []
    for one in begins:
        if tried and not may_go_on():
            break
        part = _values(compiled, Since(provider, one), (instrument, one, last), named)
        worst.take(part)
        tried.append(one)
    left = _left(compiled, provider, (instrument, begin, last), worst)
    columns = tuple(
        WarmUp(name, derived[name], *worst.bars(name), left.get(name)) for name in named
    )
    history = int(np.searchsorted(reference[0], tried[0])) if tried else 0
    rest = len(reference[0]) - int(np.searchsorted(reference[0], tried[-1])) if tried else 0
    return Warming(columns, tuple(tried), history, rest, len(tried) < len(begins))


def named_nodes(compiled: Compiled) -> dict[str, Node]:
    """Return every calculation that a person can name: columns, conditions, stops, targets."""
    found = dict(compiled.named)
    for at, entry in enumerate(compiled.entries):
        mark = f" {at + 1}" if len(compiled.entries) > 1 else ""
        found.update(dict((*entry.when, *entry.parts)))
        found[f"stop{mark}"] = entry.stop
        if entry.take is not None:
            found[f"take{mark}"] = entry.take
    for leave in compiled.exits:
        found.update(dict(leave.when))
    return found


def need_seconds(node: Node) -> int:
    """Return how far back a node's value reaches at most, other clocks included."""
    behind = 0
    seen: set[int] = set()
    todo = [node]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if one.op == "align":
            inner = one.inputs[0]
            behind = max(behind, need_seconds(inner) + inner.clock.timeframe)
        else:
            todo.extend(one.inputs)
    return node.need * node.clock.timeframe + behind


def _values(
    compiled: Compiled,
    provider: SeriesProvider,
    place: tuple[InstrumentKey, int, int],
    named: Mapping[str, Node],
) -> Part:
    """Calculate from a beginning to the end, in one go."""
    instrument, begin, last = place
    run = Run(compiled.plan, instrument, begin + compiled.plan.reach * compiled.timeframe)
    bars, values = run.feed(provider, last)
    return bars.open_time, {name: values[id(node)] for name, node in named.items()}


def _begins(opens: Times, most: int, starts: int) -> list[int]:
    """Return beginnings with the derived warm-up, and as much again, before and after them."""
    room = most + most // 4 + 4
    low, high = max(room, min(len(opens) // 3, LONG)), len(opens) - max(2 * room, AFTER)
    if high <= low:  # too little is stored: half of it is history, half is looked at
        low, high = len(opens) // 2, len(opens) // 2 + 1
    if len(opens) < 4:
        return []
    rows = np.unique(np.linspace(low, high - 1, starts).round().astype(int))
    return [int(opens[row]) for row in rows]


class _Worst:
    """The last row of any beginning on which each column still differed, by tolerance."""

    def __init__(self, named: Mapping[str, Node], reference: Part) -> None:
        self.opens, self._values = reference
        self._sizes = {name: _size(values) for name, values in self._values.items()}
        self._bars: dict[str, list[int | None]] = {name: [0, 0, 0] for name in named}

    def differences(
        self, name: str, opens: Times, values: Floats
    ) -> tuple[NDArray[np.bool_], Floats]:
        """Return where the bits differ from the long history's, and by how much, relatively."""
        told = self._values[name][np.searchsorted(self.opens, opens)]
        is_same = (told == values) & (np.signbit(told) == np.signbit(values))
        is_same |= np.isnan(told) & np.isnan(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            size = np.maximum(np.abs(told), self._sizes[name])
            far = np.where(is_same, 0.0, np.abs(told - values) / size)
        return ~is_same, np.where(np.isnan(far), np.inf, far)

    def take(self, part: Part) -> None:
        opens, values = part
        for name, found in values.items():
            differs, far = self.differences(name, opens, found)
            held = self._bars[name]
            for place, is_off in enumerate((differs, far > NEAR, far > ROUGH)):
                held[place] = _longest(held[place], is_off)

    def bars(self, name: str) -> tuple[int | None, int | None, int | None]:
        exact, near, rough = self._bars[name]
        return exact, near, rough


def _size(values: Floats) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(np.median(finite)) if finite.size else 0.0


def _longest(held: int | None, is_off: NDArray[np.bool_]) -> int | None:
    rows = np.flatnonzero(is_off)
    if held is None or (rows.size and rows[-1] == len(is_off) - 1):
        return None
    return max(held, int(rows[-1]) + 1 if rows.size else 0)


def _left(
    compiled: Compiled,
    provider: SeriesProvider,
    place: tuple[InstrumentKey, int, int],
    worst: _Worst,
) -> dict[str, float]:
    """Return how far the engine's values, anchored to blocks, lie from the long history's."""
    instrument, begin, last = place
    step, reach = compiled.timeframe, compiled.plan.reach
    named = named_nodes(compiled)
    left: dict[str, float] = {}
    block = block_start(last, step)
    for at in range(BLOCKS):
        first = block - at * BLOCK * step
        if first - 2 * reach * step < begin:
            break
        run = Run(compiled.plan, instrument, first)
        bars, values = run.feed(provider, min(last, first + (BLOCK - 1) * step))
        row = int(np.searchsorted(bars.open_time, first))
        for name, node in named.items():
            _, far = worst.differences(name, bars.open_time[row:], values[id(node)][row:])
            left[name] = max(left.get(name, 0.0), float(far.max(initial=0.0)))
    return left
