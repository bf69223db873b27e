"""The page on which any user gives a class their own parameters."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from markets.types import TIMEFRAME_NAMES
from mystic.models import User
from signals.models import Strategy
from signals.selectors_rules import own_strategies_for, seen_by
from signals.services.folder import folder_read
from signals.services.rules import free_name
from signals.services.variants import variant_create, variant_edit, variant_read
from signals.strategies.base import Strategy as StrategyClass
from signals.strategies.definition_reading import DefinitionError
from signals.strategies.registry import CLASSES

WRONG = 422


@require_http_methods(["GET", "POST"])
@login_required
def parameters(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """Make a class one's own with other parameters, or change those of one's own."""
    user = cast("User", request.user)
    folder_read()
    rows = Strategy.objects.filter(
        seen_by(user), definition__replaced_by__isnull=True, class_name__in=list(CLASSES)
    )
    row = get_object_or_404(rows, pk=strategy_id)
    if request.method == "POST":
        return _sent(request, user, row)
    values = {
        name: f"{value:.15g}" if isinstance(value, float) else str(value)
        for name, value in row.params.items()
    }
    name = row.name if row.owner_id == user.pk else _free(user, row.name)
    return _page(request, row, {"name": name, "timeframe": row.timeframe_name, **values}, {})


def _free(user: User, name: str) -> str:
    return free_name(name, set(own_strategies_for(user=user).values_list("name", flat=True)))


def _sent(request: HttpRequest, user: User, row: Strategy) -> HttpResponse:
    sent = {key: str(value) for key, value in request.POST.dict().items()}
    cls = _class(row)
    name = " ".join(sent.get("name", "").split())
    try:
        params = variant_read(cls, sent)
        told: dict[str, Any] = {
            "name": name,
            "timeframe": sent.get("timeframe", ""),
            "params": params,
        }
        kept = (
            variant_edit(strategy=row, **told)
            if row.owner_id == user.pk
            else variant_create(user=user, class_name=row.class_name, **told)
        )
    except DefinitionError as fault:
        return _page(request, row, sent, dict(fault.faults), status=WRONG)
    messages.success(request, f"{kept.name} is kept, version {kept.version}.")
    place = f"#strategy-{kept.pk}" if kept.is_active else "#resting"
    return HttpResponseRedirect(reverse("strategies") + place)


def _class(row: Strategy) -> type[StrategyClass]:
    cls = CLASSES.get(row.class_name)
    if cls is None:
        raise Http404("its class is gone")
    return cls


def _page(
    request: HttpRequest,
    row: Strategy,
    values: dict[str, str],
    faults: dict[str, str],
    *,
    status: int = 200,
) -> HttpResponse:
    cls = _class(row)
    context = {
        "row": row,
        "name": values.get("name", ""),
        "timeframe": values.get("timeframe", ""),
        "timeframes": list(TIMEFRAME_NAMES.values()),
        "is_own": row.owner_id == request.user.pk,
        "fields": [
            {
                "name": name,
                "label": spec.label or name.replace("_", " "),
                "unit": spec.unit,
                "value": values.get(name, ""),
                "default": spec.default,
                "low": spec.low,
                "high": spec.high,
                "error": faults.get(f"/params/{name}", ""),
            }
            for name, spec in cls.param_specs.items()
        ],
        "errors": {
            "name": faults.get("/name", ""),
            "timeframe": faults.get("/timeframe", ""),
            "all": faults.get("", ""),
        },
    }
    return render(request, "signals/parameters.html", context, status=status)
