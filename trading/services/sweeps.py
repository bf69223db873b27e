"""Searches over parameters: begin, cancel, put away. A search is its rows; any worker goes on."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils import timezone

from mystic.lib.bus import publish
from mystic.models import User
from signals.models import Strategy
from trading.backtest.assumptions import Assumptions
from trading.backtest.folds import FoldSpan
from trading.events import ResearchChanged, ResearchWanted
from trading.models import Fold, Sweep, Trial
from trading.services.research_asked import refuse_crowd, research_fields
from trading.services.sweep_asked import (
    MIN_TRADES,
    Search,
    refuse_number,
    refuse_words,
    search_read,
    walk_read,
)
from trading.services.trials import trials_work

__all__ = ["KIND", "sweep_archive", "sweep_cancel", "sweep_start", "trials_work"]

KIND, WALK = "sweep", Sweep.Kind.WALK_FORWARD
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
    space, walk : mapping
        What varies, see `trading.backtest.space`; windows, see `trading.backtest.folds.Windows`.
    points : int, optional
        Trials of a random or a TPE search, in each fold; a grid has as many as it has.
    kind : str
        `sweep`, or `walk_forward`: a search in each fold, judged on the bars after it.
    params : mapping, optional
        Parameters that stay, in place of the strategy's own.
    min_trades : int
        A point with fewer closed trades is not ranked.

    Raises
    ------
    ResearchError
    """
    refuse_crowd(user)
    told: dict[str, Any] = {"symbols": symbols, "assumptions": assumptions, "params": params}
    told |= {"from_open": from_open, "through_open": through_open, "name": name}
    fields = research_fields(user=user, strategy=strategy, **told)
    refuse_words(kind, objective)
    refuse_number("min_trades", min_trades, low=0, high=1_000_000)
    search = search_read(fields, space=space, method=method, points=points, seed=seed)
    windows, spans = walk_read(fields, search, walk) if kind == WALK else ({}, [])
    refuse_crowd(user, is_last_look=True)
    sweep = Sweep.objects.create(
        **fields,
        kind=kind,
        method=method,
        space=dict(space),
        points=search.count,
        objective=objective,
        seed=seed,
        walk=windows,
        stage="waits for a worker",
        summary={"asked": {"min_trades": min_trades, "folds": len(spans)}},
    )
    return _begin(sweep, search, spans)


def _begin(sweep: Sweep, search: Search, spans: Sequence[FoldSpan]) -> Sweep:
    """Write the folds and the trials of a search, and ring for it; return it."""
    _trials_make(sweep, search, _folds_made(sweep, spans) or [None])
    wanted = ResearchWanted(KIND, sweep.pk, sweep.owner_id)
    transaction.on_commit(functools.partial(publish, wanted))
    return sweep


def _folds_made(sweep: Sweep, spans: Sequence[FoldSpan]) -> list[Fold]:
    return Fold.objects.bulk_create([Fold(sweep=sweep, **asdict(one)) for one in spans])


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
