"""A strategy that was written as rules: to the engine it is like a class."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from markets.types import TIMEFRAME_SECONDS
from signals.columns.clock import Clock
from signals.columns.column import Column
from signals.columns.compiled import Compiled, compile_strategy
from signals.columns.cursor import Cursor
from signals.columns.decisions import Intent
from signals.columns.engine import BLOCK
from signals.columns.errors import ColumnError
from signals.columns.expression_reader import FUNCTIONS, ITSELF
from signals.columns.expressions import parse
from signals.columns.graph import Graph
from signals.columns.plan import ClockPlan
from signals.columns.rules import Entry, Exit
from signals.columns.smc_fields import FIELDS
from signals.columns.space import NAMES, Space
from signals.strategies.base import LANGUAGE
from signals.strategies.definition import Definition, EntryRule, ExitRule, Pairs, ParamRule
from signals.strategies.definition_reading import (
    DefinitionError,
    Fault,
    definition_read,
    step_of,
)
from signals.strategies.params import Param, ParamError, TextParam

FORM = 1
"""The meaning of the definition itself: raised when the same one would conclude something else."""
RESERVED = frozenset((*NAMES, *FUNCTIONS, ITSELF))
"""What no parameter or column of a new definition may be called."""
MOST_SERIES = 8
MOST_REACH = 60_000
MOST_VALUES = 4_000_000
"""Bounds of one calculation: series looked at, bars of each, values held at once (32 MB)."""
WIDTH = {"smc": len(FIELDS)}
"""Values a bar of the operators that keep more than one."""


class WrittenStrategy:
    """One definition with its parameters' values; a `StrategyLike`.

    Parameters
    ----------
    definition : Definition
    params : mapping, optional
        Values by name; what is not given has its default.
    timeframe : str, optional
        In place of the definition's own.

    Raises
    ------
    DefinitionError
        Where a parameter's value is not one it may have.
    """

    def __init__(
        self,
        definition: Definition,
        params: Mapping[str, float | str] | None = None,
        *,
        timeframe: str | None = None,
    ) -> None:
        self.definition = definition
        self.name = definition.name
        self.timeframe = timeframe or definition.timeframe
        self.param_specs = {name: _spec(name, rule) for name, rule in definition.params}
        self.params = self._cleaned(params or {})
        self._meaning = definition.meaning()

    def _cleaned(self, given: Mapping[str, float | str]) -> dict[str, Any]:
        faults: list[Fault] = [
            (step_of("/params", name), f"there is no parameter {name}")
            for name in given
            if name not in self.param_specs
        ]
        values: dict[str, Any] = {}
        for name, spec in self.param_specs.items():
            try:
                values[name] = spec.clean(given.get(name, spec.default))
            except ParamError as fault:
                faults.append((step_of("/params", name), str(fault)))
        if faults:
            raise DefinitionError(faults)
        return values

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from other written strategies, which have the same class."""
        return "rules", self._meaning

    @property
    def version(self) -> str:
        """Hash of what the rules mean and the parameters' values; not of their name and text."""
        digest = hashlib.sha256(f"rules {FORM} language {LANGUAGE}".encode())
        digest.update(self._meaning.encode())
        digest.update(json.dumps(self.params, sort_keys=True).encode())
        return digest.hexdigest()[:16]

    def columns(self, x: Space) -> dict[str, Column]:
        """Return the named columns; they are stored with every decision."""
        return _made(self, x).columns

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        """Return the entries and exits as columns."""
        made = _made(self, x)
        return (*made.entries, *made.exits)

    def decide(self, b: Cursor) -> Intent | None:
        """Conclude nothing: rules say it all."""
        return None

    def faults(self) -> list[Fault]:
        """Return what is wrong with its expressions, or with its size; usually nothing."""
        making = _Making(self, is_patient=True)
        making.made(Space(Graph(), Clock(None, TIMEFRAME_SECONDS[self.timeframe])))
        if making.faults:
            return making.faults
        try:
            refuse_heavy(compile_strategy(self))
        except ColumnError as fault:
            return [("", str(fault))]
        return []


@dataclass(slots=True)
class _Made:
    columns: dict[str, Column] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    exits: list[Exit] = field(default_factory=list)


def _made(strategy: WrittenStrategy, x: Space) -> _Made:
    return _Making(strategy, is_patient=False).made(x)


class _Making:
    """Makes columns of the expressions; a patient one collects what cannot be made."""

    def __init__(self, strategy: WrittenStrategy, *, is_patient: bool) -> None:
        self._definition, self._params = strategy.definition, strategy.params
        self._is_patient = is_patient
        self.faults: list[Fault] = []

    def made(self, x: Space) -> _Made:
        names: dict[str, Any] = dict(self._params)
        made = _Made()
        for name, text in self._definition.columns:
            place = step_of("/columns", name)
            found = self._value(place, text, x, names)
            if isinstance(found, Column):
                made.columns[name] = found
            names[name] = found
        for n, entry in enumerate(self._definition.entries):
            made.entries.append(self._entry(f"/entries/{n}", entry, x, names))
        for n, leave in enumerate(self._definition.exits):
            made.exits.append(self._exit(f"/exits/{n}", leave, x, names))
        return made

    def _entry(self, place: str, rule: EntryRule, x: Space, names: Mapping[str, Any]) -> Entry:
        confidence: Any = rule.confidence
        if not isinstance(confidence, float):
            confidence = dict(self._columns(f"{place}/confidence", confidence, x, names))
        return Entry(
            when=dict(self._conditions(f"{place}/when", rule.when, x, names)),
            stop=self._column(f"{place}/stop", rule.stop, x, names),
            take=None if rule.take is None else self._column(f"{place}/take", rule.take, x, names),
            confidence=confidence,
            threshold=rule.threshold,
            why=rule.why,
        )

    def _exit(self, place: str, rule: ExitRule, x: Space, names: Mapping[str, Any]) -> Exit:
        when = dict(self._conditions(f"{place}/when", rule.when, x, names))
        return Exit(when=when, why=rule.why)

    def _value(self, place: str, text: str, x: Space, names: Mapping[str, Any]) -> Any:
        return self._tried(place, lambda: parse(text).value(x, names), x)

    def _column(self, place: str, text: str, x: Space, names: Mapping[str, Any]) -> Column:
        found: Column = self._tried(place, lambda: parse(text).column(x, names), x)
        return found

    def _columns(
        self, place: str, pairs: Pairs, x: Space, names: Mapping[str, Any]
    ) -> Iterator[tuple[str, Column]]:
        for name, text in pairs:
            yield name, self._column(step_of(place, name), text, x, names)

    def _conditions(
        self, place: str, pairs: Pairs, x: Space, names: Mapping[str, Any]
    ) -> Iterator[tuple[str, Column]]:
        for name, text in pairs:
            where = step_of(place, name)
            yield name, self._tried(where, lambda said=text: parse(said).condition(x, names), x)

    def _tried(self, place: str, make: Any, x: Space) -> Any:
        try:
            return make()
        except ColumnError as fault:
            if not self._is_patient:
                raise DefinitionError([(place, str(fault))]) from None
            self.faults.append((place, str(fault)))
            return x.close


def _spec(name: str, rule: ParamRule) -> Param[Any]:
    spec: Param[Any]
    if isinstance(rule.default, str):
        spec = TextParam(rule.default, label=rule.label)
    else:
        spec = Param(
            rule.default,
            low=rule.low,
            high=rule.high,
            step=rule.step,
            label=rule.label,
            unit=rule.unit,
        )
    spec.name = name
    return spec


def refuse_heavy(compiled: Compiled) -> None:
    """Refuse a strategy whose calculation would take more memory than one may.

    Raises
    ------
    ColumnError
    """
    plans = list(_plans(compiled.plan))
    if len(plans) > MOST_SERIES:
        message = (
            f"it looks at {len(plans)} series (symbols and timeframes); "
            f"at most {MOST_SERIES} are allowed"
        )
        raise ColumnError(message)
    reach = max(plans, key=lambda one: one.reach)
    if reach.reach > MOST_REACH:
        message = (
            f"it needs {reach.reach:,} {reach.clock} bars before the first decision; "
            f"at most {MOST_REACH:,} are allowed: use shorter windows, or fewer in each other"
        )
        raise ColumnError(message)
    values = sum(_values(one) for one in plans)
    if values > MOST_VALUES:
        message = (
            f"it would hold {values:,} values at once; at most {MOST_VALUES:,} are allowed: "
            "use shorter windows or fewer conditions"
        )
        raise ColumnError(message)


def _plans(plan: ClockPlan) -> Iterator[ClockPlan]:
    yield plan
    for parent in plan.parents:
        yield from _plans(parent)


def _values(plan: ClockPlan) -> int:
    width = sum(WIDTH.get(node.op, 1) for node in plan.nodes)
    return width * (plan.reach + BLOCK)


def written(data: object, params: Mapping[str, float | str] | None = None) -> WrittenStrategy:
    """Return the strategy of a stored definition.

    Raises
    ------
    DefinitionError
        With every fault of the form, or of the parameters' values.
    """
    return WrittenStrategy(definition_read(data), params)
