"""Searches over parameters: begin, cancel, put away. A search is its rows; any worker goes on."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from mystic.lib.bus import publish
from mystic.models import User
from signals.models import Strategy
from trading.backtest.assumptions import Assumptions
from trading.events import ResearchChanged, ResearchWanted
from trading.models import Fold, Sweep, Trial
from trading.services.research_asked import refuse_crowd, research_fields
from trading.services.research_errors import ResearchError
from trading.services.sweep_asked import (
    MIN_TRADES,
    Search,
    refuse_number,
    refuse_objective,
    search_read,
    walk_read,
)
from trading.services.trials import trials_work

__all__ = ["KIND", "sweep_archive", "sweep_cancel", "sweep_start", "trials_work"]

KIND = "sweep"
BATCH = 1_000
Trials = Trial.State
State = Sweep.State


@transaction.atomic
def sweep_start(
    *,
    user: User,
    strategy: Strategy,
    symbols: Sequence[str],
    from_open: int,
    through_open: int,
    assumptions: Assumptions | Mapping[str, Any] | None = None,
    space: Mapping[str, Any],
    method: str = "grid",
    points: int | None = None,
    objective: str = "sharpe",
    seed: int = 7,
    kind: str = "sweep",
    walk: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    min_trades: int = MIN_TRADES,
    name: str = "",
) -> Sweep:
    """Ask for a search; workers make its trials.

    Parameters
    ----------
    space : mapping
        What varies, see `trading.backtest.space.space_read`.
    method : str
        `grid`, `random` or `tpe`.
    points : int, optional
        Trials of a random or a TPE search, in each fold; a grid has as many as it has.
    objective : str
        The metric that is searched for.
    kind : str
        `sweep`, or `walk_forward`: a search in each fold, judged on the bars after it.
    walk : mapping, optional
        The windows of a walk-forward, see `trading.backtest.folds.Windows`.
    params : mapping, optional
        Parameters that stay, in place of the strategy's own.
    min_trades : int
        A point with fewer closed trades is not ranked.

    Raises
    ------
    ResearchError
        With the place of what is wrong.
    """
    refuse_crowd(user)
    fields = research_fields(
        user=user,
        strategy=strategy,
        symbols=symbols,
        from_open=from_open,
        through_open=through_open,
        assumptions=assumptions,
        params=params,
        name=name,
    )
    if kind not in Sweep.Kind.values:
        raise ResearchError(f"The kind is {' or '.join(Sweep.Kind.values)}.", "/kind")
    refuse_objective(objective)
    refuse_number("min_trades", min_trades, low=0, high=1_000_000)
    search = search_read(fields, space=space, method=method, points=points, seed=seed)
    is_walk = kind == Sweep.Kind.WALK_FORWARD
    windows, spans = walk_read(fields, search, walk) if is_walk else ({}, [])
    sweep = Sweep.objects.create(
        **fields,
        kind=Sweep.Kind(kind),
        method=method,
        space=dict(space),
        points=search.count,
        objective=objective,
        seed=seed,
        walk=windows,
        stage="waits for a worker",
        summary={"asked": {"min_trades": min_trades, "folds": len(spans)}},
    )
    folds = Fold.objects.bulk_create(
        [
            Fold(
                sweep=sweep,
                number=one.number,
                train_from=one.train_from,
                train_through=one.train_through,
                test_from=one.test_from,
                test_through=one.test_through,
            )
            for one in spans
        ]
    )
    _trials_make(sweep, search, folds or [None])
    transaction.on_commit(functools.partial(publish, ResearchWanted(KIND, sweep.pk, user.pk)))
    return sweep


def _trials_make(sweep: Sweep, search: Search, folds: Sequence[Fold | None]) -> None:
    """Write the trials that are known beforehand; those the strategy refuses are done at once."""
    now = timezone.now()
    rows = []
    for fold in folds:
        for number, point in enumerate(search.points, 1):
            row = Trial(sweep=sweep, fold=fold, number=number, params=point)
            if number in search.refused:
                row.state, row.finished_at = Trials.DONE, now
                row.error = search.refused[number][:300]
            rows.append(row)
    Trial.objects.bulk_create(rows, batch_size=BATCH)


def sweep_cancel(*, sweep: Sweep, actor: str) -> bool:
    """End a search that waits or runs; its trials stay. Workers notice within seconds."""
    ended = Sweep.objects.filter(pk=sweep.pk, state__in=(State.WAITING, State.RUNNING)).update(
        state=State.CANCELED,
        error=f"Canceled by {actor}."[:500],
        stage="",
        leased_until=None,
        finished_at=timezone.now(),
    )
    if ended:
        sweep.refresh_from_db()
        publish(
            ResearchChanged(
                KIND, sweep.pk, sweep.owner_id, sweep.state, sweep.progress, sweep.stage
            )
        )
    return bool(ended)


def sweep_archive(*, sweep: Sweep, is_archived: bool = True) -> None:
    """Leave an ended search out of lists, or put it back."""
    Sweep.objects.filter(pk=sweep.pk).update(is_archived=is_archived)
