"""A strategy turned into a plan: what is calculated, and how a row becomes a decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from markets.types import TIMEFRAME_SECONDS
from signals.columns.clock import Clock
from signals.columns.column import Column
from signals.columns.cursor import PRICES, Cursor
from signals.columns.decisions import Intent
from signals.columns.errors import ColumnError
from signals.columns.graph import Graph, Node
from signals.columns.model_column import models_of
from signals.columns.plan import ClockPlan, make_plan
from signals.columns.rules import Entry, Exit
from signals.columns.space import Space

Named = tuple[tuple[str, Node], ...]


class StrategyLike(Protocol):
    """What the engine asks of a strategy; `signals.strategies.Strategy` is one."""

    timeframe: str

    @property
    def params(self) -> Mapping[str, Any]: ...
    def columns(self, x: Space) -> Mapping[str, Column]: ...
    def rules(self, x: Space) -> tuple[Entry | Exit, ...]: ...
    def decide(self, b: Cursor) -> Intent | None: ...


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """An entry whose columns are nodes; `parts` are those of its confidence."""

    when: Named
    stop: Node
    take: Node | None
    parts: Named
    fixed_confidence: float
    threshold: float
    why: str


@dataclass(frozen=True, slots=True)
class ExitPlan:
    """An exit whose columns are nodes."""

    when: Named
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A strategy ready to be evaluated.

    Attributes
    ----------
    key : tuple
        Equal for strategies that conclude the same: class, timeframe, parameters, models.
    prices : tuple of Node
        Open, high, low, close, volume.
    named : tuple
        The columns stored with a decision.
    models : mapping
        The version of each trained model that is asked, by name.
    """

    key: tuple[object, ...]
    strategy: StrategyLike
    timeframe: int
    plan: ClockPlan
    prices: tuple[Node, ...]
    named: Named
    entries: tuple[EntryPlan, ...]
    exits: tuple[ExitPlan, ...]
    models: Mapping[str, int]


def strategy_key(strategy: StrategyLike) -> tuple[object, ...]:
    """Return what tells two strategies apart within one process: their class, or their rules."""
    identity = getattr(strategy, "identity", type(strategy))
    return identity, strategy.timeframe, tuple(sorted(strategy.params.items()))


def compile_strategy(strategy: StrategyLike) -> Compiled:
    """Describe the strategy's columns once and put them in order.

    Raises
    ------
    ColumnError
        Where it asks for something a causal column cannot be.
    """
    seconds = TIMEFRAME_SECONDS[strategy.timeframe]
    x = Space(Graph(), Clock(None, seconds))
    home = x.close.node.clock
    named = _named("columns", strategy.columns(x), home)
    prices = tuple(_node(name, getattr(x, name), home) for name in PRICES)
    entries: list[EntryPlan] = []
    exits: list[ExitPlan] = []
    for rule in strategy.rules(x):
        if isinstance(rule, Entry):
            entries.append(_entry(rule, home))
        elif isinstance(rule, Exit):
            exits.append(ExitPlan(_conditions(rule.when, home), rule.why))
        else:
            raise ColumnError(f"rules returns Entry and Exit, not {rule!r}")
    wanted = [*prices, *(node for _, node in named)]
    for entry in entries:
        wanted += [node for _, node in (*entry.when, *entry.parts)]
        wanted += [node for node in (entry.stop, entry.take) if node is not None]
    wanted += [node for one in exits for _, node in one.when]
    plan = make_plan(home, wanted)
    models = models_of(plan)
    return Compiled(
        (*strategy_key(strategy), *sorted(models.items())),
        strategy,
        seconds,
        plan,
        prices,
        named,
        tuple(entries),
        tuple(exits),
        models,
    )


def _entry(rule: Entry, home: Clock) -> EntryPlan:
    parts: Named = ()
    fixed = 0.0
    if isinstance(rule.confidence, Column):
        parts = (("confidence", _node("confidence", rule.confidence, home)),)
    elif isinstance(rule.confidence, Mapping):
        parts = tuple(
            (f"confidence.{name}", node)
            for name, node in _named("confidence", rule.confidence, home)
        )
    else:
        fixed = float(rule.confidence)
    return EntryPlan(
        _conditions(rule.when, home),
        _node("stop", rule.stop, home),
        None if rule.take is None else _node("take", rule.take, home),
        parts,
        fixed,
        float(rule.threshold),
        rule.why,
    )


def _conditions(when: object, home: Clock) -> Named:
    if not isinstance(when, Mapping) or not when:
        raise ColumnError('when takes conditions by name: when={"the trend is up": ...}')
    named = _named("when", when, home)
    for name, node in named:
        if not node.is_flag:
            raise ColumnError(f'when "{name}" must be a condition; it is a number')
    return named


def _named(what: str, columns: Mapping[str, Column], home: Clock) -> Named:
    return tuple((name, _node(f"{what} {name}", one, home)) for name, one in columns.items())


def _node(what: str, column: object, home: Clock) -> Node:
    if not isinstance(column, Column):
        raise ColumnError(f"{what} must be a column, not {column!r}")
    if column.node.clock != home:
        raise ColumnError(
            f"{what} lives on {column.node.clock}; return it from x.tf or x.symbol, which align it"
        )
    return column.node
