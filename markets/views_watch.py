"""Search the whole catalogue and the sources of stocks, keep one's own watch list."""

from collections.abc import Sequence

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from markets import watchlist
from markets.asking import NoSource
from markets.models import Instrument
from markets.selectors_search import (
    LONGEST_QUERY,
    MOST_FOUND,
    instruments_found,
    lacks_stock,
    watch_list,
    watched_by,
)
from markets.services import watch_add, watch_move, watch_remove
from markets.services.stock_lookup import TooManyLookups, stocks_look_up
from markets.services.watchlists import WatchListFull
from mystic.lib.http import Refused

ACTIONS = ("add", "remove", "up", "down")


def _user_id(request: HttpRequest) -> int | None:
    return request.user.pk if request.user.is_authenticated else None


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Answer what matches in the catalogue, with a button to watch it."""
    query = request.GET.get("q", "").strip()[:LONGEST_QUERY]
    asset_class = request.GET.get("class", "")
    if asset_class not in Instrument.AssetClass.values:
        asset_class = ""
    found = instruments_found(query, asset_class=asset_class)
    may_ask = _user_id(request) is not None and asset_class in {"", Instrument.AssetClass.STOCK}
    return _results(request, query, found, can_ask=may_ask and lacks_stock(query, found))


@login_required
@require_POST
def lookup(request: HttpRequest) -> HttpResponse:
    """Ask the sources of stocks for what the catalogue has not; answer as the search does."""
    query = " ".join(request.POST.get("q", "").split())
    found: list[Instrument] = []
    told, fault, status = "", "", 200
    try:
        answer = stocks_look_up(query, user_id=_user_id(request) or 0)
    except Refused as refusal:
        fault, status = f"{refusal}.", 422
    except TooManyLookups as refusal:
        fault, status = f"{refusal}.", 429
    except NoSource as refusal:
        fault = f"No source of stocks answered: {refusal}. Ask again in a minute."
    else:
        found = answer.stocks
        told = f"{answer.source} knows {len(found)} that match, asked just now."
        if not found:
            fault = (
                f"{answer.source} knows no stock in US dollars that is called so."
                " Try its ticker, such as AAPL."
            )
    known = instruments_found(query[:LONGEST_QUERY])
    keys = {one.pk for one in found}
    rows = [*found, *(one for one in known if one.pk not in keys)][:MOST_FOUND]
    return _results(request, query[:LONGEST_QUERY], rows, told=told, fault=fault, status=status)


def _results(
    request: HttpRequest,
    query: str,
    found: Sequence[Instrument],
    *,
    can_ask: bool = False,
    told: str = "",
    fault: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "query": query,
        "found": found,
        "is_cut": len(found) == MOST_FOUND,
        "watched": watched_by(_user_id(request), found),
        "listed": Instrument.objects.exists(),
        "can_ask": can_ask,
        "told": told if found else "",
        "look_up_fault": fault,
    }
    return render(request, "markets/parts/search_results.html", context, status=status)


@require_GET
def own_list(request: HttpRequest) -> HttpResponse:
    """Show the person's own list; nothing for a guest or an empty list."""
    return _own_list(request)


@login_required
@require_POST
def watch(request: HttpRequest, instrument_id: int) -> HttpResponse:
    """Put an instrument on the person's list, take it off, or move it; answer what changed."""
    action = request.POST.get("action", "")
    if action not in ACTIONS:
        return HttpResponseBadRequest(f"action wants one of {', '.join(ACTIONS)}")
    instrument = get_object_or_404(Instrument.objects.select_related("venue"), pk=instrument_id)
    user_id, fault = _user_id(request) or 0, ""
    if action == "add":
        try:
            watch_add(user_id=user_id, instrument=instrument)
        except WatchListFull as full:
            fault = str(full)
    elif action == "remove":
        watch_remove(user_id=user_id, instrument=instrument)
    else:
        watch_move(user_id=user_id, instrument=instrument, is_up=action == "up")
    if request.POST.get("answer") == "list":
        return _own_list(request)
    context = {
        "one": instrument,
        "watched": watched_by(user_id, [instrument]),
        "fault": fault,
    }
    response = render(request, "markets/parts/watch_button.html", context)
    response["HX-Trigger"] = "mystic:watchlist"
    return response


def _own_list(request: HttpRequest) -> HttpResponse:
    rows = watchlist.rows_for(watch_list(_user_id(request)))
    return render(request, "markets/parts/own_list.html", {"rows": rows})
