"""The page that starts research, and the one that holds backtests against each other."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from markets.selectors_spans import StoredSpan, spans_stored
from mystic.models import User
from signals.models import Strategy
from signals.selectors_rules import seen_by
from signals.services.folder import folder_read
from signals.services.instances import instance_of
from signals.strategies.registry import decides_on
from trading import research_fields
from trading.assumed import PRESETS
from trading.backtest.assumptions import Assumptions
from trading.forms_research import (
    KINDS,
    METHODS,
    SPANS,
    ResearchForm,
    form_blank,
    form_sent,
    objectives,
)
from trading.models import Account, BacktestRun, Sweep
from trading.research_compare import compared
from trading.research_search import point_of
from trading.selectors_research import UNMADE, document_of, run_for, runs_for
from trading.selectors_sweeps import sweep_for
from trading.services.accounts import account_open
from trading.services.backtests import backtest_start
from trading.services.research_errors import ResearchError
from trading.services.sweeps import sweep_start
from trading.standing import limits_of

WRONG = 422
MOST_COMPARED = 6


@require_http_methods(["GET", "POST"])
@login_required
def backtest_new(request: HttpRequest) -> HttpResponse:
    """Ask for a backtest, a sweep or a walk-forward of a strategy."""
    user = _user(request)
    folder_read()
    asked = request.GET.get("strategy", "")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        return _choose(request, user)
    seen = Strategy.objects.filter(seen_by(user)).select_related("owner")
    strategy = get_object_or_404(seen, pk=int(asked))
    own = _own(account_open(user=user))
    try:
        form = _form(strategy, own)
    except UNMADE as fault:
        messages.error(request, f"{strategy.name} cannot be made any more: {fault}")
        return HttpResponseRedirect(reverse("backtest_new"))
    if request.method != "POST":
        _fill(form, request, user)
        return _page(request, form)
    form = form_sent(form, request.POST)
    what, _, which = request.POST.get("do", "").partition(" ")
    if what == "span" and which in dict(SPANS):
        form.choose_span(which)
    elif what == "preset" and which in PRESETS:
        form.choose_preset(which, research_fields.texts_of(own), own)
    elif (begun := _start(form, user)) is not None:
        messages.success(request, "It is asked for. This page shows how far it is.")
        name = "backtest" if isinstance(begun, BacktestRun) else "sweep"
        return _gone_to(request, reverse(name, args=[begun.pk]))
    return _page(request, form, status=WRONG if form.has_errors else 200)


@require_GET
@login_required
def backtest_compare(request: HttpRequest) -> HttpResponse:
    """Show several of the person's backtests side by side."""
    user = _user(request)
    asked = request.GET.getlist("run") or request.GET.get("runs", "").split(",")
    ids = [int(one) for one in asked if one.isascii() and one.isdigit() and len(one) < 19]
    ids = list(dict.fromkeys(ids))[:MOST_COMPARED]
    ready = runs_for(user=user).filter(state=BacktestRun.State.READY)
    rows = {
        run.pk: run for run in (ready | runs_for(user=user, is_archived=True)).filter(pk__in=ids)
    }
    found = [
        (rows[one], report) for one in ids if one in rows and (report := document_of(rows[one]))
    ]
    context: dict[str, Any] = {
        "comparison": compared(found) if len(found) > 1 else None,
        "missing": [one for one in ids if one not in {run.pk for run, _ in found}],
        "others": [one for one in ready[:30] if one.pk not in rows],
        "chosen": [run.pk for run, _ in found],
        "most": MOST_COMPARED,
    }
    return render(request, "trading/research/compare.html", context)


def _choose(request: HttpRequest, user: User) -> HttpResponse:
    rows = Strategy.objects.filter(seen_by(user), definition__replaced_by__isnull=True)
    context = {"strategies": rows.select_related("owner").order_by("name", "pk")}
    return render(request, "trading/research/choose.html", context)


def _form(strategy: Strategy, own: Assumptions) -> ResearchForm:
    instance = instance_of(strategy)
    specs = getattr(instance, "param_specs", {})
    stored: list[StoredSpan] = [
        one for one in spans_stored() if decides_on(strategy.class_name, one.instrument.asset_class)
    ]
    own_first = sorted(stored, key=lambda one: one.instrument.quote != own.currency)
    return form_blank(strategy, specs, own_first, own)


def _fill(form: ResearchForm, request: HttpRequest, user: User) -> None:
    """Take over what the address names: a kind, another run, or a point of a search."""
    kind = request.GET.get("kind", "")
    if kind in [name for name, _, _ in KINDS]:
        form.kind = kind
    like, of_sweep = (_id(request.GET.get(one, "")) for one in ("like", "sweep"))
    run = None if like is None else run_for(user=user, run_id=like)
    if run is not None:
        form.fill_from(run, {})
    sweep = None if of_sweep is None else sweep_for(user=user, sweep_id=of_sweep)
    if sweep is not None:
        which = request.GET.get("point", "")
        form.fill_from(sweep, point_of(sweep, which) if which else {})
        form.fill_search(sweep)


def _id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _start(form: ResearchForm, user: User) -> BacktestRun | Sweep | None:
    """Ask the service; None, and sentences in the form, where it cannot be."""
    told = form.read()
    search = form.read_search() if form.kind != "backtest" else {}
    walk = form.read_walk() if form.kind == "walk_forward" else None
    if form.has_errors:
        return None
    try:
        if form.kind == "backtest":
            return backtest_start(user=user, strategy=form.strategy, **told)
        return sweep_start(
            user=user, strategy=form.strategy, kind=form.kind, walk=walk, **told, **search
        )
    except ResearchError as fault:
        form.show(fault.place, str(fault))
        return None


def _own(account: Account) -> Assumptions:
    """Return the assumptions of the person's own paper account."""
    return Assumptions(
        currency=account.currency, scale=account.scale, limits=limits_of(account.risk_limit)
    )


def _page(request: HttpRequest, form: ResearchForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "strategy": form.strategy,
        "kinds": KINDS,
        "methods": METHODS,
        "spans": SPANS,
        "presets": [(name, *told[:2]) for name, told in PRESETS.items()],
        "objectives": objectives(),
    }
    return render(request, "trading/research/new.html", context, status=status)


def _gone_to(request: HttpRequest, address: str) -> HttpResponse:
    if request.headers.get("HX-Request") != "true":
        return HttpResponseRedirect(address)
    answer = HttpResponse()
    answer["HX-Redirect"] = address
    return answer


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)
