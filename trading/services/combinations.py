"""Ask for several strategies in one portfolio, and make that run."""

import functools
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from mystic.lib.bus import publish
from mystic.models import User
from signals.columns.compiled import compile_strategy
from signals.models import Strategy
from trading.backtest.assumptions import Assumptions
from trading.backtest.combination import Part, Together, combination, prepare_together
from trading.backtest.report import Identity, measured, report
from trading.backtest.robust import robustness
from trading.backtest.run import Tell, silent, simulated
from trading.events import ResearchWanted
from trading.models import BacktestRun
from trading.models.research import Research
from trading.selectors_research import Restored, restored
from trading.services.research_asked import refuse_crowd, research_fields
from trading.services.research_errors import ResearchError
from trading.services.research_made import Material, identity_made, material_of, result_fields

COMBINATION = "Combination"
"""The class name of every run of several strategies; no class of strategies has it."""
FEWEST, MOST = 2, 8
MOST_PAIRS = 40
KIND = "backtest"


@dataclass(frozen=True, slots=True)
class PartAsked:
    """One strategy of a combination: on which symbols, with which parameters of its own."""

    strategy: Strategy
    symbols: Sequence[str]
    params: Mapping[str, Any] = field(default_factory=dict)


def is_combination(research: Research) -> bool:
    """Say whether a run holds several strategies."""
    return research.class_name == COMBINATION and "parts" in research.definition


def combination_start(
    *,
    user: User,
    parts: Sequence[PartAsked],
    from_open: int,
    through_open: int,
    assumptions: Assumptions | Mapping[str, Any] | None = None,
    name: str = "",
) -> BacktestRun:
    """Ask for several strategies in one portfolio; a worker makes it.

    Raises
    ------
    ResearchError
        With the place of what is wrong: `/parts/0/symbols`.
    """
    if not FEWEST <= len(parts) <= MOST:
        raise ResearchError(
            f"{len(parts)} strategies; a combination has {FEWEST} to {MOST}.", "/parts"
        )
    step = max(one.strategy.timeframe for one in parts)
    first, last = -(-from_open // step) * step, through_open // step * step
    asked = [
        _checked(user, number, one, (first, last + step), assumptions, name)
        for number, one in enumerate(parts)
    ]
    pairs = sum(len(one["symbols"]) for one in asked)
    if pairs > MOST_PAIRS:
        raise ResearchError(
            f"{pairs} pairs of a strategy and a symbol; {MOST_PAIRS} are allowed.", "/parts"
        )
    symbols = list(dict.fromkeys(symbol for one in asked for symbol in one["symbols"]))
    told = [_part_told(one) for one in asked]
    fields = {
        "owner": user,
        "name": asked[0]["name"],
        "strategy": None,
        "class_name": COMBINATION,
        "version": version_of(one["version"] for one in told),
        "definition": {"parts": told},
        "params": {},
        "symbols": symbols,
        "timeframe": step,
        "from_open": first,
        "through_open": last,
        "assumptions": asked[0]["assumptions"],
    }
    return _waiting(user, fields)


def _checked(
    user: User,
    number: int,
    part: PartAsked,
    span: tuple[int, int],
    assumptions: Assumptions | Mapping[str, Any] | None,
    name: str,
) -> dict[str, Any]:
    try:
        return research_fields(
            user=user,
            strategy=part.strategy,
            symbols=part.symbols,
            from_open=span[0],
            through_open=span[1] - part.strategy.timeframe,
            assumptions=assumptions,
            params=part.params,
            name=name,
        )
    except ResearchError as fault:
        is_own = fault.place.startswith(("/symbols", "/params", "/strategy"))
        place = f"/parts/{number}{fault.place}" if is_own else fault.place
        raise ResearchError(str(fault), place) from None


def _part_told(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the row says of a part, so that a later edit leaves the record as it was."""
    kept = ("class_name", "version", "definition", "params", "symbols", "timeframe")
    strategy: Strategy = fields["strategy"]
    return {**{one: fields[one] for one in kept}, "strategy": strategy.pk, "name": strategy.name}


@transaction.atomic
def _waiting(user: User, fields: Mapping[str, Any]) -> BacktestRun:
    """Write the row and ring for it, unless too many of the user's wait already."""
    refuse_crowd(user, is_last_look=True)
    run = BacktestRun.objects.create(stage="waits for a worker", **fields)
    transaction.on_commit(functools.partial(publish, ResearchWanted(KIND, run.pk, user.pk)))
    return run


def version_of(versions: Any) -> str:
    """Return the version of a whole: a hash of the parts' versions in their order."""
    return hashlib.sha256(" ".join(versions).encode()).hexdigest()[:16]


def parts_restored(research: Research) -> list[Restored]:
    """Return the strategies of the parts as they can be made now.

    Raises
    ------
    NoStrategyError, ParamError, DefinitionError, ColumnError
    """
    return [
        restored(
            class_name=one["class_name"],
            definition=one["definition"],
            params=one["params"],
            timeframe=one["timeframe"],
        )
        for one in research.definition["parts"]
    ]


def combination_version(research: Research) -> str:
    """Return the version that a combination's code and parameters have now."""
    return version_of(one.version for one in parts_restored(research))


def combination_made(
    research: Research, *, tell: Tell = silent
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the report, made of what is stored now, and the fields of its result row.

    Raises
    ------
    RunError, ColumnError, ParamError, NoStrategyError
        If it cannot be made; another attempt would end the same way.
    """
    begun = time.monotonic()
    tell(0.0, "reading the bars")
    found = parts_restored(research)
    assumptions = Assumptions.from_json(research.assumptions)
    material = material_of(research, [one.strategy for one in found])
    together = prepare_together(
        _parts(research, found, material),
        material.series,
        span=material.span,
        step=material.step,
        assumptions=assumptions,
        tell=lambda done, stage: tell(0.05 + 0.5 * done, stage),
    )
    identity = _identity(research, found, material, assumptions)
    content = _document(together, identity, material, assumptions, tell)
    for part, told in zip(content["combination"]["parts"], _told(research), strict=True):
        part.update(told)
    return content, {**result_fields(content), "seconds": time.monotonic() - begun}


def _parts(research: Research, found: Sequence[Restored], material: Material) -> list[Part]:
    subjects = {one.symbol: one for one in material.subjects}
    return [
        Part(told["name"], one.strategy, tuple(subjects[symbol] for symbol in told["symbols"]))
        for told, one in zip(research.definition["parts"], found, strict=True)
    ]


def _document(
    together: Together,
    identity: Identity,
    material: Material,
    assumptions: Assumptions,
    tell: Tell,
) -> dict[str, Any]:
    """Fill, measure and stress the whole, hold it against its parts, return the report."""
    tell(0.55, "filling orders")
    simulation = simulated(together.whole, assumptions)
    result = measured(together.whole, simulation, assumptions)
    content = report(
        together.whole,
        simulation,
        assumptions,
        identity=identity,
        span=material.span,
        step=material.step,
        result=result,
    )
    for trade, row in zip(content["trades"], simulation.trades, strict=True):
        trade["part"] = together.part_of[row.slot] + 1
    content["combination"] = combination(
        together,
        simulation,
        result,
        assumptions,
        tell=lambda done, stage: tell(0.6 + 0.15 * done, stage),
    )
    content["robustness"] = robustness(
        together.whole,
        result,
        assumptions,
        trades=list(simulation.trades),
        tell=lambda done, stage: tell(0.75 + 0.2 * done, stage),
    )
    return content


def _told(research: Research) -> list[dict[str, Any]]:
    """Return what the report says of each part; rows of strategies are no part of the result."""
    kept = ("class_name", "version", "definition", "params", "symbols", "timeframe")
    return [{name: one[name] for name in kept} for one in research.definition["parts"]]


def _identity(
    research: Research,
    found: Sequence[Restored],
    material: Material,
    assumptions: Assumptions,
) -> Identity:
    versions = [one.version for one in found]
    models: dict[str, int] = {}
    for one in found:
        models.update(compile_strategy(one.strategy).models)
    told = {
        "class_name": COMBINATION,
        "name": " + ".join(one["name"] for one in research.definition["parts"]),
        "version": version_of(versions),
        "params": {},
        "timeframe": material.step,
        "definition": {"parts": _told(research)},
    }
    return identity_made(told, models, material, assumptions)
