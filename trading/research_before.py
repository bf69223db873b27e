"""What is different between a run and the one before it of the same class."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trading.assumed import BY_NAME
from trading.backtest.assumptions import Assumptions
from trading.models import BacktestRun
from trading.models.research import Research
from trading.research_fields import texts_of
from trading.research_shown import day_of


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not the same; `here` and `there` are in words."""

    what: str
    there: str
    here: str


def run_before(run: BacktestRun) -> BacktestRun | None:
    """Return the owner's last ready run of the same class that began earlier."""
    found = BacktestRun.objects.filter(
        owner=run.owner_id, class_name=run.class_name, state=BacktestRun.State.READY, pk__lt=run.pk
    )
    if run.definition:  # all written rules share a class: the strategy tells them apart
        found = found.filter(strategy=run.strategy_id)
    return found.select_related("result").defer("result__document").order_by("-pk").first()


def changes_since(there: BacktestRun, here: BacktestRun) -> list[Change]:
    """Return what was changed from one run to the other; nothing where they are the same."""
    return [
        Change(what, old, new)
        for what, (old, new) in sides([told_of(there), told_of(here)])
        if old != new
    ]


def sides(told: list[dict[str, str]]) -> list[tuple[str, tuple[str, ...]]]:
    """Return each thing that any of them tells, with what each says of it."""
    names = dict.fromkeys(name for one in told for name in one)
    return [(name, tuple(one.get(name, "—") for one in told)) for name in names]


def told_of(run: Research) -> dict[str, str]:
    """Return what a run was made of, in words."""
    told = {
        "strategy": run.class_name,
        "version of code and parameters": run.version,
        "bars": run.timeframe_name,
        "symbols": ", ".join(run.symbols),
        "span": f"{day_of(run.from_open)} to {day_of(run.through_open)}",
    }
    result = getattr(run, "result", None) if isinstance(run, BacktestRun) else None
    if result is not None:
        told["hash of the code"] = result.code_hash[:12]
        told["hash of the candles"] = result.data_hash[:12]
    told |= {f"parameter {name.replace('_', ' ')}": _word(one) for name, one in run.params.items()}
    return told | {f"assumption {name}": one for name, one in _assumed(run.assumptions)}


def _assumed(assumptions: Mapping[str, Any]) -> list[tuple[str, str]]:
    texts = texts_of(Assumptions.from_json(dict(assumptions)))
    return [
        (BY_NAME[name].label.lower(), f"{text} {BY_NAME[name].unit}".strip())
        for name, text in texts.items()
    ]


def _word(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
