"""The pages of options: one underlying's chain, and what stands out everywhere."""

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from markets import tasks_options
from markets.chain_view import chain_view
from markets.models import Instrument, OptionChain
from markets.selectors_options import has_options, underlying_by_symbol, unusual_recent
from markets.services.options import UnknownExpiry, chain_want
from mystic.lib.clock import now_ms
from mystic.lib.provenance import Provenance

MOST_UNUSUAL = 100


@require_GET
def chain(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the chain of one expiry; asking for it is what makes the sources be asked."""
    try:
        instrument = underlying_by_symbol(slug)
    except Instrument.DoesNotExist:
        raise Http404(f"{slug} is not in the catalogue") from None
    if slug != instrument.slug:
        return redirect("option_chain", instrument.slug, permanent=False)
    expiry = _expiry(request.GET.get("expiry", ""))
    if has_options(instrument):
        try:
            is_due = chain_want(instrument, expiry)
        except UnknownExpiry as fault:
            raise Http404(str(fault)) from None
        if is_due:
            tasks_options.refresh.delay(instrument.pk, expiry.isoformat() if expiry else "")
    try:
        view = chain_view(
            instrument, expiry, at_ms=now_ms(), is_whole=request.GET.get("all") == "1"
        )
    except OptionChain.DoesNotExist:
        raise Http404(f"{expiry} is not listed") from None
    context = {"view": view, "instrument": instrument, "is_whole": request.GET.get("all") == "1"}
    return render(request, "markets/options.html", context)


def _expiry(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text) if len(text) == 10 else _refuse(text)
    except ValueError:
        return _refuse(text)


def _refuse(text: str) -> date:
    raise Http404(f"{text[:20]!r} is no expiry; one is written YYYY-MM-DD")


@require_GET
def unusual(request: HttpRequest) -> HttpResponse:
    """Show the contracts that stood out, the newest day first."""
    rows = [
        {
            "row": row,
            "origin": Provenance(
                source=row.source,
                is_live=False,
                as_of_ms=row.detected_at_ms,
                received_at_ms=row.detected_at_ms,
            ),
        }
        for row in unusual_recent(limit=MOST_UNUSUAL)
    ]
    return render(request, "markets/unusual.html", {"rows": rows})
