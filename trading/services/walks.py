"""Walk-forward: in each fold a point is chosen on the bars before, and judged on those after."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from trading.backtest.folds import DAY_S
from trading.backtest.points import Ground, Outcome, stitched
from trading.backtest.stability import drift, recommended
from trading.models import Fold, Sweep, Trial
from trading.performance.metrics import periods_of
from trading.services.sweep_asked import windows_of
from trading.services.sweep_choice import figures_of, judged, sign_of, stable_of
from trading.services.sweep_ground import ground_of

COMPARED = ("cagr", "sharpe", "max_drawdown", "win_rate", "profit_factor")


def walk_summary(sweep: Sweep, rows: Sequence[Trial]) -> dict[str, Any]:
    """Run what each fold chose on the bars after it, one after the other; return what came of it.

    Each fold begins with the equity that the one before left. Where a fold could choose nothing,
    its bars are spent in cash.
    """
    ground = ground_of(sweep)
    folds = list(Fold.objects.filter(sweep=sweep).order_by("number"))
    parts: list[Outcome] = []
    table = []
    cash = ground.assumptions.cash
    for fold in folds:
        chosen = _chosen(sweep, [one for one in rows if one.fold_id == fold.pk])
        outcome = _judge(ground, fold, chosen, cash)
        cash = outcome.final
        parts.append(outcome)
        _keep(fold, chosen, outcome)
        table.append(_row(sweep, fold, chosen, outcome))
    periods = periods_of([one.is_always_open for one in ground.listings])
    daily, metrics = stitched(parts, periods)
    chosen_ones = [one for one in table if one["chosen"]]
    inside = _means([one["in_sample"] for one in chosen_ones], sweep.objective)
    return {
        "out_of_sample": {
            "metrics": metrics,
            "equity": {"time": daily.time.tolist(), "equity": daily.equity.tolist()},
            "from_open": folds[0].test_from,
            "through_open": folds[-1].test_through,
        },
        "in_sample": {"metrics": inside},
        "efficiency": _efficiency(sweep, inside, metrics, chosen_ones),
        "profitable_folds": sum((one["return"] or 0.0) > 0 for one in table) / len(table),
        "drift": drift([one["chosen"] for one in chosen_ones]),
        "latest": chosen_ones[-1]["chosen"] if chosen_ones else None,
        "folds": table,
        "verdict": judged(sweep, daily.returns, rows),
        "sentences": _sentences(sweep, folds, table),
    }


def _chosen(sweep: Sweep, rows: Sequence[Trial]) -> Trial | None:
    """Return the point that a fold takes, by the rule of its windows."""
    ranked = {one.number: one for one in rows if one.objective is not None}
    if windows_of(sweep).choose == "best":
        sign = sign_of(sweep)
        return max(
            ranked.values(), key=lambda one: (sign * (one.objective or 0.0), -one.number),
            default=None,
        )  # fmt: skip
    found = recommended(stable_of(sweep, rows))
    return None if found is None else ranked[found.number]


def _judge(ground: Ground, fold: Fold, chosen: Trial | None, cash: int) -> Outcome:
    """Return what the chosen point gives on the bars after; nothing is traded without one."""
    first, last = fold.test_from, fold.test_through
    if chosen is None:
        return ground.idle(cash=cash, from_open=first, through_open=last)
    return ground.outcome(chosen.params, cash=cash, from_open=first, through_open=last)


def _keep(fold: Fold, chosen: Trial | None, outcome: Outcome) -> None:
    daily = outcome.daily
    Fold.objects.filter(pk=fold.pk).update(
        chosen={} if chosen is None else chosen.params,
        chosen_metrics={} if chosen is None else figures_of(chosen),
        metrics=outcome.metrics,
        equity={"time": daily.time.tolist(), "equity": daily.equity.tolist()},
    )


def _row(sweep: Sweep, fold: Fold, chosen: Trial | None, outcome: Outcome) -> dict[str, Any]:
    return {
        "number": fold.number,
        "train_from": fold.train_from,
        "train_through": fold.train_through,
        "test_from": fold.test_from,
        "test_through": fold.test_through,
        "chosen": None if chosen is None else chosen.params,
        "in_sample": {} if chosen is None else figures_of(chosen),
        "in_sample_objective": None if chosen is None else chosen.objective,
        "objective": outcome.metrics[sweep.objective],
        "return": outcome.metrics["return"],
        "trades": outcome.metrics["trades"],
        "max_drawdown": outcome.metrics["max_drawdown"],
    }


def _means(rows: Sequence[Mapping[str, float | None]], objective: str) -> dict[str, float | None]:
    """Return the mean over the folds of what the chosen points gave on their own bars."""
    found: dict[str, float | None] = {}
    for name in dict.fromkeys((objective, *COMPARED)):
        known = [value for one in rows if (value := one.get(name)) is not None]
        found[name] = fmean(known) if known else None
    return found


def _efficiency(
    sweep: Sweep,
    inside: Mapping[str, float | None],
    outside: Mapping[str, float | None],
    table: Sequence[Mapping[str, Any]],
) -> dict[str, float | None]:
    """Return what is left of it outside: of yearly growth, and of the objective (Pardo 2008)."""
    known = [one["objective"] for one in table if one["objective"] is not None]
    mean = fmean(known) if known else None
    return {
        "growth": _share(outside["cagr"], inside["cagr"]),
        "objective": _share(mean, inside[sweep.objective]),
    }


def _share(part: float | None, whole: float | None) -> float | None:
    """Return a ratio; None where the whole is not above zero: it would say the opposite."""
    return part / whole if part is not None and whole is not None and whole > 0 else None


def _sentences(
    sweep: Sweep, folds: Sequence[Fold], table: Sequence[Mapping[str, Any]]
) -> list[str]:
    walk = sweep.walk
    gap_days = walk["gap_bars"] * sweep.timeframe / DAY_S
    rule = (
        "the point with the best neighbourhood"
        if walk["choose"] == "stability"
        else "the best point"
    )
    judged_on = f"is judged on the {walk['test_days']} days after"
    need = f"the columns look back {walk['column_need']}"
    said = [
        f"Each of {len(folds)} folds takes {rule} of its own bars and {judged_on}.",
        f"{walk['gap_bars']} bars ({gap_days:.1f} days) between are left out; {need}.",
        "Each fold begins flat; what is open at its end is marked at the last close.",
    ]
    left = (sweep.through_open - folds[-1].test_through) // sweep.timeframe
    if left:
        said.append(f"The last {left} bars are no whole test and are left over.")
    idle = [str(one["number"]) for one in table if one["chosen"] is None]
    if idle:
        said.append(f"No point could be ranked in fold {', '.join(idle)}: it stayed in cash.")
    return said
