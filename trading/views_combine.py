"""The page that asks for several strategies in one portfolio."""

from datetime import UTC, datetime
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from markets.selectors_spans import StoredSpan, spans_stored
from mystic.models import User
from signals.models import Strategy
from signals.selectors_rules import seen_by
from signals.services.folder import folder_read
from trading.backtest.assumptions import Assumptions
from trading.forms_combine import CombineForm, form_blank, form_sent
from trading.models import BacktestRun
from trading.services.accounts import account_open
from trading.services.combinations import combination_start
from trading.services.research_errors import ResearchError
from trading.standing import limits_of

WRONG = 422


@require_http_methods(["GET", "POST"])
@login_required
def backtest_combine(request: HttpRequest) -> HttpResponse:
    """Ask for two to eight strategies in one portfolio, with the limits of the paper account."""
    user = cast("User", request.user)
    folder_read()
    rows = Strategy.objects.filter(seen_by(user), definition__replaced_by__isnull=True)
    seen = {str(one.pk): one for one in rows.order_by("name", "pk")}
    stored = spans_stored()
    form = form_blank(request.GET.getlist("strategy"))
    status = 200
    if request.method == "POST":
        form = form_sent(request.POST)
        run = _start(form, user, seen)
        if run is not None:
            messages.success(request, "It is asked for. This page shows how far it is.")
            return HttpResponseRedirect(reverse("backtest", args=[run.pk]))
        status = WRONG
    elif stored:
        _fill_days(form, stored)
    context = {"form": form, "strategies": seen.values(), "stored": stored}
    return render(request, "trading/research/combine.html", context, status=status)


def _start(form: CombineForm, user: User, seen: dict[str, Strategy]) -> BacktestRun | None:
    parts, (from_open, through_open) = form.parts(seen), form.span()
    if form.has_errors:
        return None
    account = account_open(user=user)
    assumptions = Assumptions(
        currency=account.currency, scale=account.scale, limits=limits_of(account.risk_limit)
    )
    try:
        return combination_start(
            user=user,
            parts=parts,
            from_open=from_open,
            through_open=through_open,
            assumptions=assumptions,
            name=form.name,
        )
    except ResearchError as fault:
        form.show(fault.place, str(fault))
        return None


def _fill_days(form: CombineForm, stored: list[StoredSpan]) -> None:
    """Begin with the newest thirty whole days that are stored of anything."""
    last = max(one.last for one in stored) // 86_400 - 1
    first = max(min(one.first for one in stored) // 86_400 + 1, last - 29)
    form.from_day, form.through_day = (
        f"{datetime.fromtimestamp(day * 86_400, tz=UTC):%Y-%m-%d}" for day in (first, last)
    )
