"""The parity page of a deployment: what it decided, held against the same again."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from mystic.models import User
from trading import selectors_parity as selectors
from trading.drawing import Curve, plot
from trading.models import Deployment, ParityReport
from trading.parity import when
from trading.selectors import deployments_for
from trading.services.parity_nights import parity_ask

PAGE = "trading/parity.html"
PAGE_SIZE = 50
# An open page looks for its report so many times, every two seconds.
MOST_LOOKS = 60


@require_GET
@login_required
def parity_page(request: HttpRequest, deployment_id: int) -> HttpResponse:
    """Show a report with its differences, the newest unless another is named, and all others."""
    deployment = _deployment(request, deployment_id)
    reports = selectors.reports_for(user=_member(request), deployment_id=deployment_id)
    history = list(reports[: selectors.MOST_SHOWN])
    named = request.GET.get("report", "")
    report = get_object_or_404(reports, pk=_number(named)) if named else next(iter(history), None)
    context = {
        "deployment": deployment,
        "history": [(one, selectors.passport(one)) for one in history],
        "plot": _plot(history),
        **(_told(report, request.GET.get("page")) if report else {"report": None}),
    }
    return render(request, PAGE, context)


@require_POST
@login_required
def parity_asked(request: HttpRequest, deployment_id: int) -> HttpResponse:
    """Let a worker write a report, and look for it."""
    deployment = _deployment(request, deployment_id)
    newest = deployment.parity_reports.order_by("-id").values_list("pk", flat=True).first()
    parity_ask(deployment=deployment, asked_by=_member(request).username)
    if request.headers.get("HX-Request") != "true":
        return redirect("parity", deployment.pk)
    return _waiting(request, deployment, newest or 0, 1)


@require_GET
@login_required
def parity_waited(request: HttpRequest, deployment_id: int) -> HttpResponse:
    """Show the page again once there is a newer report than the one it was asked after."""
    deployment = _deployment(request, deployment_id)
    after, looks = _number(request.GET.get("after", "0")), _number(request.GET.get("looks", "1"))
    if deployment.parity_reports.filter(pk__gt=after).exists():
        return HttpResponseClientRefresh()
    return _waiting(request, deployment, after, looks + 1)


@require_GET
@login_required
def running_fragment(request: HttpRequest) -> HttpResponse:
    """Show the person's running deployments with what their reports say."""
    context = {"running": selectors.running_for(user=_member(request))}
    return render(request, "trading/fragments/running.html", context)


def _waiting(request: HttpRequest, deployment: Deployment, after: int, looks: int) -> HttpResponse:
    context = {
        "deployment": deployment,
        "after": after,
        "looks": looks,
        "is_over": looks > MOST_LOOKS,
    }
    return render(request, f"{PAGE}#waiting", context)


def _told(report: ParityReport, page: str | None) -> dict[str, object]:
    """Return what the page says of one report."""
    found = Paginator(selectors.differences_of(report), PAGE_SIZE).get_page(page)
    return {
        "report": report,
        "passport": selectors.passport(report),
        "causes": selectors.causes_told(report),
        "apart": selectors.apart_told(report),
        "notes": report.causes["notes"],
        "page": found,
        "differences": selectors.shown(found),
        "counted": sum(selectors.counts_of(report).values()),
    }


def _plot(history: list[ParityReport]) -> object:
    """Draw the matches over time, oldest first."""
    rows = [one for one in reversed(history) if one.decisions]
    if len(rows) < 2:
        return None
    times = [one.made_at.timestamp() for one in rows]
    return plot(
        "Share of decisions found again, by report",
        [
            Curve("as received", "first", times, [_percent(one.match) for one in rows]),
            Curve(
                "as published",
                "second",
                times,
                [100 * one.matched_published / one.decisions for one in rows],
            ),
        ],
        shown=lambda value: f"{value:g} %",
        day=lambda moment: when(int(moment)),
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Http404
    return int(text)


def _deployment(request: HttpRequest, deployment_id: int) -> Deployment:
    return get_object_or_404(deployments_for(user=_member(request)), pk=deployment_id)


def _member(request: HttpRequest) -> User:
    """Return who is signed in; `login_required` has seen to it that somebody is."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user
