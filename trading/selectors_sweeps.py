"""What is asked about searches; another user's row looks like an absent one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from mystic.models import User
from trading.models import Fold, Sweep, Trial

Done = Trial.State.DONE
Value = int | float | str | bool


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Two parameters against each other.

    Attributes
    ----------
    x_values, y_values : tuple
        In order.
    cells : tuple of rows, one for each y value, of one cell for each x value
        The mean objective of the trials there; None where there is none.
    counts : as `cells`
        How many trials stand behind each.
    low, high : float or None
        Of all cells.
    """

    x: str
    y: str
    objective: str
    x_values: tuple[Value, ...]
    y_values: tuple[Value, ...]
    cells: tuple[tuple[float | None, ...], ...]
    counts: tuple[tuple[int, ...], ...]
    low: float | None
    high: float | None


def sweeps_for(*, user: User, is_archived: bool = False) -> QuerySet[Sweep]:
    """Return the user's searches, newest first."""
    found = Sweep.objects.filter(owner=user, is_archived=is_archived)
    return found.select_related("strategy")


def sweep_for(*, user: User, sweep_id: int) -> Sweep | None:
    """Return one of the user's searches, or None."""
    return Sweep.objects.filter(owner=user, pk=sweep_id).select_related("strategy").first()


def trials_of(sweep: Sweep, *, fold: int | None = None) -> QuerySet[Trial]:
    """Return the trials in their order, those of one fold where it is named by its number."""
    found = Trial.objects.filter(sweep=sweep).select_related("fold").order_by("pk")
    return found if fold is None else found.filter(fold__number=fold)


def folds_of(sweep: Sweep) -> list[Fold]:
    """Return the folds of a walk-forward, first to last."""
    return list(Fold.objects.filter(sweep=sweep).order_by("number"))


def trial_counts(sweep: Sweep) -> dict[str, int]:
    """Return how many trials there are by state."""
    rows = Trial.objects.filter(sweep=sweep).aggregate(
        **{state: Count("pk", filter=Q(state=state)) for state in Trial.State.values}
    )
    return {name: int(count) for name, count in rows.items()}


def varied(sweep: Sweep) -> list[str]:
    """Return the names of what varies."""
    return [name for name in sweep.space if name != "where"]


def heat_map(
    sweep: Sweep,
    x: str,
    y: str,
    *,
    fixed: Mapping[str, Value] | None = None,
    fold: int | None = None,
) -> HeatMap:
    """Return two parameters against each other; others are averaged, or fixed at a value.

    Raises
    ------
    KeyError
        Where a name does not vary in this search.
    """
    names = varied(sweep)
    for name in (x, y, *(fixed or {})):
        if name not in names:
            raise KeyError(name)
    rows = trials_of(sweep, fold=fold).filter(state=Done, objective__isnull=False)
    sums: dict[tuple[Value, Value], list[float]] = {}
    for params, objective in rows.values_list("params", "objective"):
        if objective is not None and all(
            params[name] == value for name, value in (fixed or {}).items()
        ):
            sums.setdefault((params[x], params[y]), []).append(objective)
    x_values = tuple(_sorted({place[0] for place in sums}))
    y_values = tuple(_sorted({place[1] for place in sums}))
    cells = tuple(tuple(_mean(sums.get((a, b))) for a in x_values) for b in y_values)
    known = [one for row in cells for one in row if one is not None]
    return HeatMap(
        x,
        y,
        sweep.objective,
        x_values,
        y_values,
        cells,
        tuple(tuple(len(sums.get((a, b), ())) for a in x_values) for b in y_values),
        min(known, default=None),
        max(known, default=None),
    )


def _mean(values: list[float] | None) -> float | None:
    return sum(values) / len(values) if values else None


def _sorted(values: set[Any]) -> list[Any]:
    return sorted(values, key=lambda one: (isinstance(one, str), one))
