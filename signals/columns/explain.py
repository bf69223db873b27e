"""Why, and why not: every condition of one bar with what it was made of.

The values are calculated by the engine itself, from the same bars and the same beginning as the
decision, so they are what the decision saw.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from signals.columns.compiled import (
    Compiled,
    EntryPlan,
    ExitPlan,
    Named,
    StrategyLike,
    compile_strategy,
)
from signals.columns.decisions import BarDecision, Verdict
from signals.columns.engine import block_start, evaluate
from signals.columns.graph import Node
from signals.columns.run import Run, Values
from signals.columns.series import Bars, InstrumentKey, SeriesProvider
from signals.columns.wording import JOINTS, spelled

DEPTH = 6
"""A condition is taken apart so many levels deep; what lies deeper has its value and no parts."""
SHALLOW = 2
"""The same for parts of a confidence and named columns."""


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a condition with its value on the bar.

    Attributes
    ----------
    text : str
        As an author would write it.
    value : float, bool or None
        A bool for a condition; None where it is not known.
    terms : tuple of Term
        What it is made of; empty for prices, numbers and what is not taken apart further.
    bar_open : int or None
        Open time of the bar of another series that the value belongs to.
    """

    text: str
    value: float | bool | None
    terms: "tuple[Term, ...]" = ()
    bar_open: int | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """One named condition or value of a rule.

    Attributes
    ----------
    is_decisive : bool
        The first condition of its rule that does not hold.
    """

    name: str
    term: Term
    is_decisive: bool = False


@dataclass(frozen=True, slots=True)
class RuleExplained:
    """An entry or an exit: does it hold, and by which of its conditions not."""

    kind: str
    why: str
    holds: bool
    conditions: tuple[Clause, ...]
    parts: tuple[Clause, ...] = ()
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was concluded from one bar, and from what.

    Attributes
    ----------
    rules : tuple of RuleExplained
        Exits first, as they win; empty for a strategy in the free form.
    columns : tuple of Clause
        The columns it names.
    """

    decision: BarDecision
    rules: tuple[RuleExplained, ...] = ()
    columns: tuple[Clause, ...] = ()


class Watched(Run):
    """A calculation that keeps the last value of every node, for the bar that is explained."""

    __slots__ = ("last_open", "seen")

    def feed(self, provider: SeriesProvider, through_open: int) -> tuple[Bars, Values]:
        bars, values = super().feed(provider, through_open)
        if len(bars.open_time):
            self.last_open = int(bars.open_time[-1])
            self.seen = {key: float(one[-1]) for key, one in values.items() if one.ndim == 1}
        return bars, values


def explain(
    strategy: StrategyLike,
    provider: SeriesProvider,
    *,
    instrument: InstrumentKey,
    bar_open: int,
) -> Explanation | None:
    """Take the decision on one closed bar apart; None where the series has no such bar.

    Parameters
    ----------
    bar_open : int
        Open time of the bar, UTC epoch seconds.
    """
    compiled = compile_strategy(strategy)
    found = evaluate(
        strategy, provider, instrument=instrument, from_open=bar_open, through_open=bar_open
    )
    if not found:
        return None
    decision = found[0]
    if decision.verdict in (Verdict.WARMING_UP, Verdict.ERROR):
        return Explanation(decision)
    run = Watched(compiled.plan, instrument, block_start(bar_open, compiled.timeframe))
    run.feed(provider, bar_open)
    seen = _Seen(run)
    return Explanation(decision, tuple(_rules(compiled, seen)), seen.clauses(compiled.named))


def _rules(compiled: Compiled, seen: "_Seen") -> Iterator[RuleExplained]:
    for leave in compiled.exits:
        conditions = seen.conditions(leave.when)
        yield RuleExplained("exit", _why(leave), _hold(conditions), conditions)
    for entry in compiled.entries:
        conditions = seen.conditions(entry.when)
        yield RuleExplained(
            "entry",
            _why(entry),
            _hold(conditions),
            conditions,
            seen.clauses(entry.parts),
            entry.threshold or None,
        )


def _why(rule: EntryPlan | ExitPlan) -> str:
    return rule.why or ", ".join(name for name, _ in rule.when)


def _hold(conditions: tuple[Clause, ...]) -> bool:
    return all(one.term.value is True for one in conditions)


class _Seen:
    """The values of one bar, and of the bars of other series it looked at."""

    def __init__(self, run: Watched) -> None:
        self._values: dict[int, float] = {}
        self._opens: dict[int, int] = {}
        self._take(run)

    def _take(self, run: Watched) -> None:
        seen = getattr(run, "seen", {})
        self._values.update(seen)
        for node in run.plan.nodes:
            if id(node) in seen:
                self._opens[id(node)] = run.last_open
        for parent in run.parents:
            if isinstance(parent, Watched):
                self._take(parent)

    def conditions(self, named: Named) -> tuple[Clause, ...]:
        clauses = self.clauses(named, DEPTH)
        failing = next((n for n, one in enumerate(clauses) if one.term.value is not True), None)
        return tuple(
            Clause(one.name, one.term, is_decisive=n == failing) for n, one in enumerate(clauses)
        )

    def clauses(self, named: Named, depth: int = SHALLOW) -> tuple[Clause, ...]:
        return tuple(Clause(name, self._term(node, depth)) for name, node in named)

    def _term(self, node: Node, depth: int) -> Term:
        parts = node.inputs if node.op in JOINTS and depth else ()
        terms = tuple(self._term(one, depth - 1) for one in parts if not _is_fixed(one))
        bar_open = self._opens.get(id(node.inputs[0])) if node.op == "align" else None
        return Term(spelled(node), self._value(node), terms, bar_open)

    def _value(self, node: Node) -> float | bool | None:
        value = self._values.get(id(node))
        if value is None or value != value:
            return None
        return value == 1 if node.is_flag else value


def _is_fixed(node: Node) -> bool:
    """Tell whether a node is a number, now and before: it says itself in the text."""
    return node.op == "constant" or (node.op == "lag" and node.inputs[0].op == "constant")
