"""The pages of macro series and of the news, and the news beside one pair."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from markets import feed_pages, selectors
from markets.models import Instrument

NEWS_A_PAGE = 40
NEWS_OF_A_PAIR = 8
PERIODS = 260


@require_GET
def macro(request: HttpRequest) -> HttpResponse:
    """Show every macro series with its newest value, when it was released and from where."""
    context = {"rows": feed_pages.macro_rows(), "off": feed_pages.macro_off()}
    return render(request, "markets/macro.html", context)


@require_GET
def macro_series(request: HttpRequest, series: str) -> HttpResponse:
    """Show one series: its periods as they are known now, and how often each was revised."""
    row = feed_pages.macro_row(series.upper())
    if row is None:
        raise Http404(f"{series} is not one of the series of MYSTIC_MACRO")
    shown = feed_pages.macro_observations(row, PERIODS)
    context = {
        "row": row,
        "shown": shown[:60],
        "line": feed_pages.macro_line(shown),
        "periods": len(shown),
        "off": feed_pages.macro_off(),
    }
    return render(request, "markets/macro_series.html", context)


@require_GET
def news(request: HttpRequest) -> HttpResponse:
    """Show the news, of one instrument where one is named, with the mood beside it."""
    symbol = request.GET.get("symbol", "").strip()
    instrument = None
    if symbol:
        try:
            instrument = selectors.instrument_by_symbol(symbol)
        except Instrument.DoesNotExist:
            instrument = None
    is_unknown = bool(symbol) and instrument is None
    found = feed_pages.news_items(instrument)
    page = Paginator(found.none() if is_unknown else found, NEWS_A_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "page": page,
        "lines": feed_pages.news_lines(page.object_list),
        "instrument": instrument,
        "symbol": symbol[:40],
        "is_unknown": is_unknown,
        "watched": selectors.instruments_watched(),
        "fear_greed": feed_pages.fear_greed(),
        "tone": feed_pages.news_mood(instrument),
        "feeds": feed_pages.news_feeds(),
        "off": feed_pages.news_off(),
    }
    return render(request, "markets/news.html", context)


@require_GET
def news_of(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer the newest stories of one pair with its mood, for the pair's page."""
    try:
        instrument = selectors.instrument_by_symbol(slug)
    except Instrument.DoesNotExist:
        raise Http404(f"{slug} is not in the catalogue") from None
    context = {
        "instrument": instrument,
        "lines": feed_pages.news_lines(feed_pages.news_items(instrument)[:NEWS_OF_A_PAIR]),
        "fear_greed": feed_pages.fear_greed(limit=30),
        "tone": feed_pages.news_mood(instrument, limit=48),
        "off": feed_pages.news_off(),
    }
    return render(request, "markets/parts/pair_news.html", context)
