"""The page of a strategy's lookahead and warm-up analyses."""

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from markets.selectors import instruments_watched
from mystic.models import User
from signals.forms_analysis import AnalysisForm
from signals.models import Analysis, Strategy
from signals.selectors_analyses import analyses_for, strategy_seen
from signals.services.analyses import analysis_start
from signals.services.analysis_work import AnalysisError
from signals.strategies.registry import decides_on

WRONG = 422
SHOWN = 5


@require_http_methods(["GET", "POST"])
@login_required
def analysis(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """Show the newest analysis of a strategy, and ask for another one."""
    user, row = cast("User", request.user), _strategy(request, strategy_id)
    symbols = [
        one.symbol for one in instruments_watched() if decides_on(row.class_name, one.asset_class)
    ]
    form = AnalysisForm(request.POST or None, symbols=symbols)
    if request.method == "POST" and form.is_valid():
        try:
            analysis_start(user=user, strategy=row, **form.cleaned_data)
        except AnalysisError as fault:
            form.refuse(fault)
        else:
            return HttpResponseRedirect(reverse("strategy_analysis", args=[row.pk]))
    status = WRONG if form.is_bound else 200
    return render(
        request, "signals/analysis.html", {**_context(user, row), "form": form}, status=status
    )


@require_GET
@login_required
def analysis_result(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """Show the newest analysis alone; a page that waits for it asks again and again."""
    row = _strategy(request, strategy_id)
    context = _context(cast("User", request.user), row)
    return render(request, "signals/analysis.html#result", context)


def _strategy(request: HttpRequest, strategy_id: int) -> Strategy:
    row = strategy_seen(user=cast("User", request.user), strategy_id=strategy_id)
    if row is None:
        raise Http404("there is no such strategy")
    return row


def _context(user: User, row: Strategy) -> dict[str, Any]:
    found = list(analyses_for(user=user, strategy=row)[:SHOWN])
    newest = found[0] if found else None
    return {
        "row": row,
        "newest": newest,
        "earlier": found[1:],
        "outputs": _outputs(newest) if newest and newest.document else [],
    }


def _outputs(newest: Analysis) -> list[dict[str, Any]]:
    """Return a row for each output: what changed, and how much history it wants."""
    ahead = {one["name"]: one for one in newest.document["lookahead"]["outputs"]}
    warm = {one["name"]: one for one in newest.document["warm_up"]["columns"]}
    return [
        {"name": name, "ahead": ahead.get(name), "warm": warm.get(name)}
        for name in dict.fromkeys((*ahead, *warm))
    ]
