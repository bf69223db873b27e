"""How many tries stand behind a result: its owner's own log of runs and trials, and what luck does.

What was tried counts whatever came of it: the same class on the same symbols, equal runs once.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trading.models import BacktestResult, Trial
from trading.models.research import Research
from trading.performance.significance import Record
from trading.performance.verdicts import verdict

DEFLATED, TRIED, VARIANCE = "deflated_sharpe", "tried", "tried_variance"


@dataclass(frozen=True, slots=True)
class Tried:
    """What was tried: how many, and the variance of their yearly Sharpe ratios."""

    count: int
    variance: float


def tried_by_owner(research: Research) -> Tried:
    """Return what the owner tried of this class on these symbols until now, this one left out."""
    wanted = sorted(research.symbols)
    results = BacktestResult.objects.filter(
        run__owner=research.owner_id, run__class_name=research.class_name
    ).exclude(run_id=research.pk)
    by_digest = {
        digest: metrics.get("sharpe")
        for digest, metrics, symbols in results.values_list("digest", "metrics", "run__symbols")
        if sorted(symbols) == wanted
    }
    trials = Trial.objects.filter(
        sweep__owner=research.owner_id,
        sweep__class_name=research.class_name,
        state=Trial.State.DONE,
    )
    ratios = [
        *by_digest.values(),
        *(
            metrics.get("sharpe")
            for metrics, symbols in trials.values_list("metrics", "sweep__symbols")
            if sorted(symbols) == wanted
        ),
    ]
    known = [float(one) for one in ratios if one is not None]
    return Tried(len(ratios), float(np.var(known)) if len(known) > 1 else 0.0)


def luck_of(research: Research, content: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the deflated Sharpe ratio of a report, and the tries that it is deflated by."""
    tried = tried_by_owner(research)
    found = _judged(content, tried.count + 1, tried.variance)
    return {DEFLATED: found["deflated"], TRIED: tried.count + 1, VARIANCE: tried.variance}


def luck_shown(content: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the verdict on a report as it was when its run ended, None where none was made."""
    if TRIED not in metrics:
        return None
    return {
        "trials": metrics[TRIED],
        **_judged(content, metrics[TRIED], metrics[VARIANCE]),
    }


def _judged(content: Mapping[str, Any], trials: int, yearly: float) -> dict[str, Any]:
    robust = content["robustness"]
    record = None if robust["record"] is None else Record(**robust["record"])
    variance = yearly / robust["periods"]
    if not math.isfinite(variance):
        variance = 0.0
    return asdict(verdict(record, trials, variance))
