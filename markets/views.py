"""The pages of the markets: the watch list, and one pair with its chart."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from markets import cache, history, selectors, watchlist
from markets.bars import BarArrays
from markets.imputed import estimates_shown, others_in_holes
from markets.models import Instrument
from markets.watch_hours import grouped

MOST_BARS = 2000

# None sorts last in both directions.
SORTS: dict[str, Callable[[watchlist.WatchRow], Any]] = {
    "symbol": lambda row: row.symbol,
    "last": lambda row: row.last,
    "change": lambda row: row.change,
    "spread": lambda row: None if row.spread is None or not row.last else row.spread / row.last,
}


@require_GET
def markets(request: HttpRequest) -> HttpResponse:
    """Show the watch list, searched and sorted as the address says."""
    query = request.GET.get("q", "").strip()[:40]
    sort = request.GET.get("sort", "")
    is_descending = request.GET.get("direction") == "down"
    rows = watchlist.rows_watched()
    total = len(rows)
    plain = query.upper().replace("/", "").replace("-", "")
    rows = [
        row
        for row in rows
        if plain in row.instrument.slug.upper().replace("-", "")
        or query.upper() in row.instrument.name.upper()
    ]
    if sort in SORTS:
        rows = _sorted(rows, SORTS[sort], is_descending=is_descending)
    context = {
        "rows": rows,
        "groups": grouped(rows),
        "total": total,
        "query": query,
        "sort": sort if sort in SORTS else "",
        "direction": "down" if is_descending else "up",
        "columns": (
            ("symbol", "Symbol"),
            ("last", "Last"),
            ("change", "24 h"),
            ("spread", "Spread"),
        ),
    }
    return render(request, "markets/markets.html", context)


def _sorted(
    rows: list[watchlist.WatchRow],
    key: Callable[[watchlist.WatchRow], Any],
    *,
    is_descending: bool,
) -> list[watchlist.WatchRow]:
    known = [row for row in rows if key(row) is not None]
    unknown = [row for row in rows if key(row) is None]
    return sorted(known, key=key, reverse=is_descending) + unknown


def _instrument(slug: str) -> Instrument:
    try:
        return selectors.instrument_by_symbol(slug)
    except Instrument.DoesNotExist:
        raise Http404(f"{slug} is not in the catalogue") from None


@require_GET
def market(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one pair: chart, quote, book, ticket, and what the user has in it."""
    instrument = _instrument(slug)
    if instrument.asset_class == Instrument.AssetClass.MACRO:
        return redirect("macro_series", instrument.symbol, permanent=False)
    if slug != instrument.slug:
        return redirect("market", instrument.slug, permanent=False)
    book = cache.book_now(instrument.pk)
    context = {
        "instrument": instrument,
        "row": watchlist.rows_for([instrument])[0],
        "book": book,
        "book_origin": book.origin if book else None,
        "timeframes": list(history.timeframes()),
        "timeframe": settings.ENV["MYSTIC_TIMEFRAME"],
        "siblings": selectors.instruments_watched(),
    }
    return render(request, "markets/market.html", context)


@require_GET
def bars(request: HttpRequest, slug: str) -> JsonResponse:
    """Give the chart its newest sealed bars, or those before `end`, whatever the clock says.

    `parts` are the sealed bars of the stored timeframe that follow the last of `bars`: the
    beginning of a longer bar that is not complete. A replay's clock is not ours, so the API's
    spans, which end now, do not serve the chart.
    """
    instrument = _instrument(slug)
    known, base = history.timeframes(), selectors.base_timeframe()
    seconds = known.get(request.GET.get("timeframe", ""))
    limit = _whole(request.GET.get("limit", "600"), most=MOST_BARS)
    end = _whole(request.GET["end"], most=history.LATEST) if "end" in request.GET else None
    if seconds is None or limit is None or ("end" in request.GET and end is None):
        detail = f"wants timeframe ({', '.join(known)}), limit up to {MOST_BARS}, end in seconds"
        return JsonResponse({"title": "Bad request", "status": 400, "detail": detail}, status=400)
    found = selectors.bars_load(instrument.pk, seconds, end=end, limit=limit)
    parts = BarArrays.empty(timeframe=base)
    if seconds > base and end is None:
        newest = selectors.bars_load(instrument.pk, base, limit=seconds // base)
        through = int(found.open_time[-1]) + seconds if len(found) else 0
        parts = newest.cut(slice(int(newest.open_time.searchsorted(through)), None))
    data = {"bars": _listed(found), "parts": _listed(parts), **_imputed(instrument, found)}
    return JsonResponse({"data": data, "source": found.source or parts.source, "is_live": False})


def _imputed(instrument: Instrument, found: BarArrays) -> dict[str, Any]:
    """Return what is drawn beside the bars: estimates, and what other venues have in holes."""
    if not len(found):
        return {"estimates": [], "others": []}
    start, end = int(found.open_time[0]), int(found.open_time[-1]) + found.timeframe
    return {
        "estimates": estimates_shown(instrument, found.timeframe, start, end),
        "others": [
            other.as_json(found.timeframe) for other in others_in_holes(instrument, start, end)
        ],
    }


def _whole(text: str, *, most: int) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) < 13):
        return None
    return int(text) if 0 < int(text) <= most else None


def _listed(found: BarArrays) -> list[tuple[float, ...]]:
    columns = (found.open_time, found.open, found.high, found.low, found.close, found.volume)
    return list(zip(*(column.tolist() for column in columns), strict=True))
