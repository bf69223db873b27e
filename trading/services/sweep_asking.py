"""The rows of a TPE search, made a generation at a time from what the rows before them gave."""

from collections.abc import Sequence

from django.db.models import QuerySet

from trading.backtest.tpe import GENERATION, Known, asked, generation_of
from trading.models import Fold, Sweep, Trial
from trading.performance.catalogue import METRICS
from trading.services.sweep_asked import space_of

ENDED = (Trial.State.DONE, Trial.State.FAILED)


def trials_ask(sweep: Sweep) -> bool:
    """Write the next generation of some fold; tell whether there is anything new to do.

    Two workers that ask at once ask for the same points: the second one's rows are there already.
    """
    folds: Sequence[Fold | None] = list(Fold.objects.filter(sweep=sweep).order_by("number"))
    return any(_ask(sweep, fold) for fold in (folds or [None]))


def _ask(sweep: Sweep, fold: Fold | None) -> bool:
    rows = list(_rows(sweep, fold))
    count = min(GENERATION, sweep.points - len(rows))
    if count <= 0:
        return False
    coming = generation_of(len(rows) + 1)
    if any(one.state not in ENDED and generation_of(one.number) <= coming - 2 for one in rows):
        return False
    sign = -1.0 if METRICS[sweep.objective].better == "lower" else 1.0
    known = [
        Known(
            one.params,
            None if one.objective is None else sign * one.objective,
            is_under_way=generation_of(one.number) == coming - 1,
        )
        for one in rows
    ]
    seed = sweep.seed + (0 if fold is None else fold.number)
    points = asked(space_of(sweep), known, count=count, seed=seed)
    if len(points) < count:
        # The space has no more: every fold has the same.
        Sweep.objects.filter(pk=sweep.pk).update(points=max(1, len(rows) + len(points)))
        sweep.refresh_from_db(fields=["points"])
    Trial.objects.bulk_create(
        [
            Trial(sweep=sweep, fold=fold, number=len(rows) + place, params=point)
            for place, point in enumerate(points, 1)
        ],
        ignore_conflicts=True,
    )
    return bool(points)


def _rows(sweep: Sweep, fold: Fold | None) -> QuerySet[Trial]:
    found = Trial.objects.filter(sweep=sweep, fold=fold).order_by("number")
    return found.only("number", "params", "state", "objective")
