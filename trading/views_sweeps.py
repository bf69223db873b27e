"""Pages of sweeps and walk-forwards: how far they are, and what they found."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from markets.types import TIMEFRAME_NAMES
from mystic.models import User
from signals.models import Strategy
from signals.selectors_rules import own_strategies_for, seen_by
from signals.services.rules import free_name
from signals.services.variants import variant_create
from signals.strategies.definition_reading import DefinitionError
from signals.strategies.registry import CLASSES
from trading.backtest.assumptions import Assumptions
from trading.backtest.space import applied
from trading.models import Sweep, Trial
from trading.performance.catalogue import METRICS
from trading.research_search import (
    HeatTable,
    fold_rows,
    heat_table,
    inside_outside,
    objective_text,
    outside_figures,
    point_of,
    points_of,
    walk_plot,
)
from trading.research_shown import figure
from trading.selectors_sweeps import (
    folds_of,
    heat_map,
    sweep_for,
    trial_counts,
    trials_of,
    varied,
)
from trading.services.sweeps import sweep_archive, sweep_cancel

PAGE = 50
SHOWN = ("return", "sharpe", "max_drawdown", "trades")


@require_GET
@login_required
def sweep(request: HttpRequest, sweep_id: int) -> HttpResponse:
    """Show a search: its progress, the points it found, the map, the folds."""
    row = _sweep(request, sweep_id)
    is_walk = row.kind == Sweep.Kind.WALK_FORWARD
    folds = folds_of(row) if is_walk else []
    context: dict[str, Any] = {
        "run": row,
        "is_walk": is_walk,
        "names": sorted(varied(row)),
        "objective": METRICS[row.objective].label,
        "counts": trial_counts(row),
        "points": points_of(row),
        "heat": _heat(request, row, is_walk=is_walk),
        "folds": fold_rows(row, folds),
        "can_keep": row.class_name in CLASSES,
        **_trials(request, row),
    }
    if is_walk and row.state == Sweep.State.READY:
        context |= {
            "curve": walk_plot(row, folds),
            "outside": outside_figures(row),
            "sides": inside_outside(row),
            "drift": _drift(row),
        }
    return render(request, "trading/research/sweep.html", _counted(context))


@require_GET
@login_required
def sweep_progress(request: HttpRequest, sweep_id: int) -> HttpResponse:
    """Show how far a search is; the page is loaded anew once it has ended."""
    row = _sweep(request, sweep_id)
    context = _counted({"run": row, "kind": "sweep", "counts": trial_counts(row)})
    answer = render(request, "trading/research/progress.html", context)
    if row.is_ended:
        answer["HX-Refresh"] = "true"
    return answer


@require_GET
@login_required
def sweep_trials(request: HttpRequest, sweep_id: int) -> HttpResponse:
    """Show the table of trials, sorted as the address says."""
    row = _sweep(request, sweep_id)
    context = {"run": row, "objective": METRICS[row.objective].label, **_trials(request, row)}
    return render(request, "trading/research/trials.html", context)


@require_POST
@login_required
def sweep_act(request: HttpRequest, sweep_id: int) -> HttpResponse:
    """Cancel a search, archive it or put it back, or keep a point as a strategy of one's own."""
    user, row = _user(request), _sweep(request, sweep_id)
    to = reverse("sweep", args=[row.pk])
    what, _, which = request.POST.get("do", "").partition(" ")
    match what:
        case "cancel":
            sweep_cancel(sweep=row, actor=user.username)
        case "archive" if row.is_ended:
            sweep_archive(sweep=row)
            messages.success(request, "It is archived. The list shows it under Archived.")
            to = reverse("backtests")
        case "restore":
            sweep_archive(sweep=row, is_archived=False)
            messages.success(request, "It is in the list again.")
        case "keep":
            to = _keep(request, user, row, which) or to
        case _:
            messages.error(request, "That cannot be done to this search.")
    return HttpResponseRedirect(to)


def _keep(request: HttpRequest, user: User, row: Sweep, which: str) -> str | None:
    """Make a strategy of the person's own of a point; return where it stands."""
    point = point_of(row, which)
    if not point:
        messages.error(request, "There is no such point.")
        return None
    if row.strategy and not Strategy.objects.filter(seen_by(user), pk=row.strategy.pk).exists():
        messages.error(request, f"{row.strategy.name} is not shared with you any more.")
        return None
    params, _ = applied(point, row.params, Assumptions.from_json(dict(row.assumptions)))
    name = row.strategy.name if row.strategy else row.class_name
    taken = set(own_strategies_for(user=user).values_list("name", flat=True))
    try:
        kept: Strategy = variant_create(
            user=user,
            class_name=row.class_name,
            name=free_name(name, taken),
            timeframe=TIMEFRAME_NAMES[row.timeframe],
            params=params,
        )
    except DefinitionError as fault:
        messages.error(request, "; ".join(sentence for _, sentence in fault.faults))
        return None
    messages.success(request, f"{kept.name} is kept, version {kept.version}.")
    return reverse("strategies") + f"#strategy-{kept.pk}"


def _heat(request: HttpRequest, row: Sweep, *, is_walk: bool) -> HeatTable | None:
    names = sorted(varied(row))
    if len(names) < 2:
        return None
    x = request.GET.get("x", "")
    y = request.GET.get("y", "")
    x = x if x in names else names[0]
    y = y if y in names and y != x else next(one for one in names if one != x)
    fold = request.GET.get("fold", "")
    number = int(fold) if is_walk and fold.isascii() and fold.isdigit() and len(fold) < 5 else None
    found = heat_map(row, x, y, fold=number)
    return heat_table(row, found) if found.high is not None else None


def _trials(request: HttpRequest, row: Sweep) -> dict[str, Any]:
    """Return one page of the trials; what they left of their paths is not read."""
    sort = request.GET.get("sort", "")
    sort = sort if sort in ("number", *SHOWN) else "objective"
    is_descending = request.GET.get("direction", "down") != "up"
    text = request.GET.get("page", "")
    page = int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 else 1
    field = F(sort if sort in ("number", "objective") else f"metrics__{sort}")
    order = field.desc(nulls_last=True) if is_descending else field.asc(nulls_last=True)
    found = trials_of(row).order_by(order, "pk")
    total = found.count()
    pages = max(1, -(-total // PAGE))
    page = min(max(page, 1), pages)
    names = [f"metrics__{name}" for name in SHOWN]
    plain = ("pk", "number", "fold__number", "params", "state", "objective", "error")
    rows = found[(page - 1) * PAGE : page * PAGE].values(*plain, *names)
    return {
        "trials": [_trial(row, one) for one in rows],
        "trial_sort": sort,
        "trial_direction": "down" if is_descending else "up",
        "trial_columns": [
            (name, METRICS[name].label, _direction(name, sort, is_descending=is_descending))
            for name in SHOWN
        ],
        "trial_page": page,
        "trial_pages": pages,
        "trial_total": total,
    }


def _direction(name: str, sort: str, *, is_descending: bool) -> str:
    return ("descending" if is_descending else "ascending") if name == sort else ""


def _trial(row: Sweep, one: dict[str, Any]) -> dict[str, Any]:
    metrics = {name: one.get(f"metrics__{name}") for name in SHOWN}
    return {
        **one,
        "fold": one["fold__number"],
        "shown": objective_text(row, one["objective"]),
        "figures": [figure(name, metrics) for name in SHOWN],
        "is_done": one["state"] == Trial.State.DONE,
    }


def _drift(row: Sweep) -> list[tuple[str, list[Any], int]]:
    told = row.summary.get("drift") or {}
    return [(name, one["values"], one["changes"]) for name, one in told.items()]


def _counted(context: dict[str, Any]) -> dict[str, Any]:
    return context | {"total": sum(context["counts"].values())}


def _sweep(request: HttpRequest, sweep_id: int) -> Sweep:
    row = sweep_for(user=_user(request), sweep_id=sweep_id)
    if row is None:
        raise Http404("there is no such search")
    return row


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)
