"""What a search chose, how firm its ground is, and what chance would have found."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trading.backtest.points import returns_from
from trading.backtest.stability import (
    Scored,
    Stability,
    distribution,
    recommended,
    stabilities,
)
from trading.models import Sweep, Trial
from trading.performance.catalogue import METRICS
from trading.performance.metrics import periods_of
from trading.performance.significance import Record, effective_trials, mean_correlation
from trading.performance.types import Floats
from trading.performance.verdicts import verdict
from trading.services.sweep_asked import space_of
from trading.services.sweep_ground import ground_of

MOST_RANKED = 50
MOST_CORRELATED = 2_000
State = Trial.State


def choice_of(sweep: Sweep, rows: Sequence[Trial]) -> dict[str, Any]:
    """Return the best point, the recommended one, the ranking and the distribution."""
    sign = sign_of(sweep)
    ranked = sorted(
        (one for one in rows if one.objective is not None),
        key=lambda one: (-sign * (one.objective or 0.0), one.number),
    )
    stable = stable_of(sweep, rows)
    chosen = recommended(stable)
    by_number = {one.number: one for one in ranked}
    return {
        "best": _point(ranked[0], stable, sign) if ranked else None,
        "recommended": None if chosen is None else _point(by_number[chosen.number], stable, sign),
        "ranking": [_point(one, stable, sign) for one in ranked[:MOST_RANKED]],
        "profitable_share": _profitable(rows),
        "distribution": distribution(
            [one.objective for one in ranked if one.objective is not None]
        ),
    }


def stable_of(sweep: Sweep, rows: Sequence[Trial]) -> dict[int, Stability]:
    """Return the neighbourhood of every ranked point, higher is better."""
    sign = sign_of(sweep)
    points = [
        Scored(one.number, one.params, None if one.objective is None else sign * one.objective)
        for one in rows
        if one.metrics
    ]
    is_grid = sweep.method == Sweep.Method.GRID
    return stabilities(space_of(sweep), points, is_grid=is_grid)


def sign_of(sweep: Sweep) -> float:
    """Return -1 where a lower objective is better."""
    return -1.0 if METRICS[sweep.objective].better == "lower" else 1.0


def judged(sweep: Sweep, returns: Floats, rows: Sequence[Trial]) -> dict[str, Any]:
    """Return what a track record is worth after so many trials: the user's own of the strategy.

    Earlier searches over the same strategy and symbols count: each was another chance of luck.
    """
    periods = periods_of([one.is_always_open for one in ground_of(sweep).listings])
    paths = [one.metrics["path"] for one in rows if one.metrics.get("path")]
    earlier = trials_before(sweep)
    sharpes = [one.metrics["sharpe"] for one in rows if one.metrics.get("sharpe") is not None]
    variance = float(np.var(np.array(sharpes) / np.sqrt(periods), ddof=1)) if sharpes[1:] else 0.0
    matrix = matrix_of(paths[:MOST_CORRELATED])
    shared = mean_correlation(matrix) if matrix.shape[1] > 1 else 0.0
    counted = len(paths) + earlier
    independent = effective_trials(counted, shared)
    found = verdict(Record.of(returns), independent, variance)
    return {
        "probability": found.deflated,
        "luck": found.luck,
        "word": str(found.word),
        "sentence": found.sentence,
        "trials": counted,
        "trials_before": earlier,
        "independent_trials": independent,
        "expected_sharpe": found.expected * float(np.sqrt(periods)),
        "needed_days": found.needed,
    }


def trials_before(sweep: Sweep) -> int:
    """Return how many trials the owner made of this strategy on these symbols before."""
    return Trial.objects.filter(
        sweep__owner=sweep.owner_id,
        sweep__class_name=sweep.class_name,
        sweep__definition=sweep.definition,
        sweep__timeframe=sweep.timeframe,
        sweep__symbols=sweep.symbols,
        sweep__pk__lt=sweep.pk,
        state=State.DONE,
        objective__isnull=False,
    ).count()


def matrix_of(paths: Sequence[str]) -> Floats:
    """Return the returns of trials side by side; those of another length are left out."""
    columns = [returns_from(one) for one in paths]
    length = max((len(one) for one in columns), default=0)
    kept = [one for one in columns if len(one) == length]
    return np.array(kept).T if kept and length else np.empty((0, 0))


def _point(trial: Trial, stable: dict[int, Stability], sign: float) -> dict[str, Any]:
    near = stable[trial.number]
    return {
        "number": trial.number,
        "params": trial.params,
        "objective": trial.objective,
        "metrics": figures_of(trial),
        "stability": {
            "median": sign * near.median,
            "mean": sign * near.mean,
            "worst": sign * near.low,
            "neighbours": near.neighbours,
        },
    }


def figures_of(trial: Trial) -> dict[str, float | None]:
    """Return the figures of a trial by the names of the catalogue."""
    return {name: trial.metrics[name] for name in METRICS if name in trial.metrics}


def _profitable(rows: Sequence[Trial]) -> float | None:
    known = [one.metrics["net_profit"] for one in rows if one.metrics]
    return sum((one or 0.0) > 0 for one in known) / len(known) if known else None
