"""The pages of the sources: what each gives, how it does, and where sources disagree."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from markets import selectors, selectors_sources
from markets.agreement import distance_percent
from markets.models import Instrument


@require_GET
def sources(request: HttpRequest) -> HttpResponse:
    """Show every source, also those that are off with the reason; refreshed by its own report."""
    views = selectors_sources.source_views()
    context = {
        "sources": views,
        "live": sum(view.state == selectors_sources.State.LIVE for view in views),
        "off": sum(not view.is_on for view in views),
        "doubts": [(row, _apart(row)) for row in selectors_sources.disagreements_open()],
        "checked_at": timezone.now(),
    }
    return _page(request, "markets/sources.html", context)


@require_GET
def source(request: HttpRequest, code: str) -> HttpResponse:
    """Show one source: its connections, its operations, its budget."""
    view = selectors_sources.source_view(code)
    if view is None:
        raise Http404(f"{code} is no source")
    context = {"source": view, "checked_at": timezone.now()}
    return _page(request, "markets/source.html", context)


@require_GET
def warning(request: HttpRequest, slug: str) -> HttpResponse:
    """Say on a symbol's page that its sources disagree; nothing where they do not."""
    try:
        instrument = selectors.instrument_by_symbol(slug)
    except Instrument.DoesNotExist:
        raise Http404(f"{slug} is not in the catalogue") from None
    reason = selectors_sources.pause_reason(instrument.pk)
    return render(request, "markets/parts/doubt.html", {"reason": reason})


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    is_fragment = bool(getattr(request, "htmx", False))
    return render(request, f"{template}#report" if is_fragment else template, context)


def _apart(row: Any) -> float:
    """Return how far the two prices are apart, as a fraction."""
    return distance_percent(row.price, row.other_price) / 100
