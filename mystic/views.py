"""Pages of the platform as a whole, and what every page shows in its frame."""

from typing import Any, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import trigger_client_event

from markets import watchlist
from mystic import feed
from mystic import status as platform_status
from mystic.forms import TokenForm
from mystic.models import ApiToken, User

# Paths that stay as they are; the frame need not know which app serves them.
NAVIGATION = (
    ("/", "layout-dashboard", "Dashboard"),
    ("/markets/", "chart-candlestick", "Markets"),
    ("/signals/", "radio", "Signals"),
    ("/strategies/", "bot", "Strategies"),
    ("/backtests/", "history", "Backtests"),
    ("/forecasts/", "eye", "Forecasts"),
    ("/portfolio/", "wallet", "Portfolio"),
    ("/orders/", "list-ordered", "Orders"),
    ("/alerts/", "bell", "Alerts"),
    ("/status/", "activity", "Status"),
)
PRIVATE = {
    "/signals/",
    "/strategies/",
    "/backtests/",
    "/forecasts/",
    "/portfolio/",
    "/orders/",
    "/alerts/",
}


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give every template what the frame shows; nothing is read before a template asks."""
    return {
        "theme": SimpleLazyObject(lambda: _theme(request)),
        "shell": {
            "nav": lambda: _navigation(request),
            "feed": SimpleLazyObject(feed.feed_now),
            "version": settings.SPECTACULAR_SETTINGS["VERSION"],
            "is_signup_open": settings.ENV["MYSTIC_SIGNUP"],
            "paper_balance": settings.ENV["MYSTIC_PAPER_BALANCE"],
            "paper_currency": settings.ENV["MYSTIC_PAPER_CURRENCY"],
        },
    }


def _member(request: HttpRequest) -> User | None:
    user = getattr(request, "user", None)
    return user if isinstance(user, User) and user.is_authenticated else None


def _user(request: HttpRequest) -> User:
    """Return who asks, in a view that lets only members in."""
    return cast("User", request.user)


def _theme(request: HttpRequest) -> str:
    member = _member(request)
    if member is not None:
        return str(member.theme)
    session = getattr(request, "session", {})
    return str(session.get("theme", User.Theme.DARK))


def _navigation(request: HttpRequest) -> list[dict[str, Any]]:
    is_member = _member(request) is not None
    return [
        {"path": path, "icon": icon, "label": label, "is_current": _is_at(request.path, path)}
        for path, icon, label in NAVIGATION
        if is_member or path not in PRIVATE
    ]


def _is_at(here: str, path: str) -> bool:
    if here.startswith("/sweeps/"):
        return path == "/backtests/"
    return here == path or (path != "/" and here.startswith(path))


@require_GET
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show a member's own dashboard, and a guest what Mystic is, both over the live watch list."""
    template = "mystic/dashboard.html" if _member(request) else "mystic/landing.html"
    return render(request, template, {"rows": watchlist.rows_watched()})


@require_GET
def feed_fragment(request: HttpRequest) -> HttpResponse:
    """Say in a sentence when no live source can be reached."""
    return render(request, "mystic/parts/feed_notice.html")


@require_GET
def status(request: HttpRequest) -> HttpResponse:
    return render(request, "mystic/status.html", _status_context(request))


@require_GET
def status_fragment(request: HttpRequest) -> HttpResponse:
    return render(request, "mystic/status.html#report", _status_context(request))


def _status_context(request: HttpRequest) -> dict[str, Any]:
    """Give a guest the sources only: the inside of the machine is for members."""
    reports = platform_status.reports()
    context: dict[str, Any] = {
        "sources": platform_status.sources(reports["markets"]),
        "checked_at": timezone.now(),
    }
    if _member(request):
        context |= {
            "markets": reports.pop("markets"),
            "reports": reports,
            "database": platform_status.database(),
            "versions": platform_status.versions(),
        }
    return context


@require_GET
@login_required
def settings_page(request: HttpRequest) -> HttpResponse:
    return render(request, "mystic/settings.html", _token_context(request))


def _token_context(request: HttpRequest, form: TokenForm | None = None) -> dict[str, Any]:
    tokens = ApiToken.objects.filter(user=_user(request))
    return {"form": form or TokenForm(), "tokens": tokens, "now": timezone.now()}


@require_POST
@login_required
def token_create(request: HttpRequest) -> HttpResponse:
    """Make an API token and show its key once."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        context = _token_context(request, form)
        return render(request, "mystic/parts/tokens.html", context, status=422)
    _, key = form.issue(user=_user(request))
    context = _token_context(request) | {"key": key}
    answer = render(request, "mystic/parts/tokens.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@login_required
def token_revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=token_id, user=_user(request))
    token.delete()
    answer = render(request, "mystic/parts/tokens.html", _token_context(request))
    said = {"level": "success", "text": f"The token {token.name} is revoked."}
    return trigger_client_event(answer, "mystic:toast", said)


@require_GET
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "mystic/about.html")


@require_POST
def theme_set(request: HttpRequest) -> HttpResponse:
    """Keep the look that a visitor chose: on the user, or in the session of a guest."""
    theme = request.POST.get("theme", "")
    if theme not in User.Theme.values:
        return HttpResponseBadRequest("theme wants dark or light")
    member = _member(request)
    if member is not None:
        member.theme = theme
        member.save(update_fields=["theme"])
    else:
        request.session["theme"] = theme
    return trigger_client_event(HttpResponse(status=204), "mystic:theme", {"theme": theme})
