"""Pages of backtests: the list of research, one run while it goes and when it has ended."""

from collections.abc import Mapping
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from markets.models import Instrument
from markets.selectors_spans import AT, instrument_by_series
from mystic.lib.units import tick_places
from mystic.models import User
from trading import exports, research_list, research_shown
from trading.models import BacktestRun
from trading.research_before import changes_since, run_before
from trading.research_breakdown import breakdowns, refused
from trading.research_robust import robustness
from trading.research_trades import LEAVES, Asked, TradeTable, trade_table
from trading.selectors_luck import luck_shown
from trading.selectors_research import document_of, run_for, same_before
from trading.services.backtests import backtest_again, backtest_archive, backtest_cancel
from trading.services.research_errors import ResearchError

MOST_MARKERS = 5_000
EXPORTS = {
    "trades.csv": (exports.trades_csv, exports.CSV),
    "equity.csv": (exports.equity_csv, exports.CSV),
    "report.json": (exports.report_json, exports.JSON),
    "report.html": (exports.report_html, exports.HTML),
}


@require_GET
@login_required
def backtests(request: HttpRequest) -> HttpResponse:
    """List the person's backtests, sweeps and walk-forwards."""
    filters = research_list.Filters.read(request.GET.dict())
    rows, older = research_list.listed(
        user=_user(request), filters=filters, before=request.GET.get("before", "")
    )
    context = {
        "rows": rows,
        "older": filters.query(before=older) if older else "",
        "filters": filters,
        "kinds": [(name, label, filters.query(kind=name)) for name, label in research_list.KINDS],
        "states": research_list.STATES,
        "is_working": any(not row.research.is_ended for row in rows),
        "is_first_page": "before" not in request.GET,
    }
    return render(request, "trading/research/list.html", context)


@require_GET
@login_required
def backtest(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show one backtest: how far it is, or what came of it."""
    run = _run(request, run_id)
    document = document_of(run) if run.state == BacktestRun.State.READY else None
    if document is None:
        return render(request, "trading/research/run.html", {"run": run})
    asked = Asked.read(request.GET.dict())
    before = run_before(run)
    context = {
        "run": run,
        "report": document,
        "currency": document["assumptions"].get("currency", ""),
        "headline": research_shown.headline(document),
        "groups": research_shown.more_figures(document),
        "curves": research_shown.curves(document),
        "months": research_shown.months(document),
        "breakdowns": breakdowns(document),
        "refused": refused(document),
        "month_names": research_shown.MONTHS,
        "robust": robustness(document, luck_shown(document, run.result.metrics)),
        "same": same_before(run),
        "before": before,
        "changes": changes_since(before, run) if before else [],
        "chart": _chart(document, asked.symbol),
        **_trades(document, asked),
    }
    return render(request, "trading/research/run.html", context)


@require_GET
@login_required
def backtest_progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show how far a backtest is; the page is loaded anew once it has ended."""
    run = _run(request, run_id)
    answer = render(request, "trading/research/progress.html", {"run": run, "kind": "backtest"})
    if run.is_ended:
        answer["HX-Refresh"] = "true"
    return answer


@require_GET
@login_required
def backtest_trades(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show the table of trades, sorted and filtered as the address says."""
    run = _run(request, run_id)
    context = {"run": run, **_trades(_document(run), Asked.read(request.GET.dict()))}
    return render(request, "trading/research/trades.html", context)


@require_GET
@login_required
def backtest_marks(request: HttpRequest, run_id: int) -> JsonResponse:
    """Give the chart the trades of one symbol, as JSON."""
    document = _document(_run(request, run_id))
    symbol = request.GET.get("symbol", "")
    found = [_mark(one) for one in document["trades"] if one["symbol"] == symbol]
    return JsonResponse({"data": {"symbol": symbol, "trades": found[-MOST_MARKERS:]}})


@require_GET
@login_required
def backtest_export(request: HttpRequest, run_id: int, name: str) -> HttpResponse:
    """Give a part of the report as a file."""
    if name not in EXPORTS:
        raise Http404(f"there is no {name}; there are {', '.join(EXPORTS)}")
    make, kind = EXPORTS[name]
    headers = {"Content-Disposition": f'attachment; filename="backtest-{run_id}-{name}"'}
    content = make(_document(_run(request, run_id)))
    return HttpResponse(content, content_type=kind, headers=headers)


@require_POST
@login_required
def backtest_act(request: HttpRequest, run_id: int) -> HttpResponse:
    """Cancel a backtest, run it again, archive it or put it back."""
    user, run = _user(request), _run(request, run_id)
    to = reverse("backtest", args=[run.pk])
    match request.POST.get("do", ""):
        case "cancel":
            backtest_cancel(run=run, actor=user.username)
        case "again":
            try:
                to = reverse("backtest", args=[backtest_again(run=run, user=user).pk])
            except ResearchError as fault:
                messages.error(request, str(fault))
        case "archive" if run.is_ended:
            backtest_archive(run=run)
            messages.success(request, "It is archived. The list shows it under Archived.")
            to = reverse("backtests")
        case "restore":
            backtest_archive(run=run, is_archived=False)
            messages.success(request, "It is in the list again.")
        case _:
            messages.error(request, "That cannot be done to this backtest.")
    return HttpResponseRedirect(to)


def _trades(document: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    table: TradeTable = trade_table(document["trades"], asked)
    places = {symbol: _places(symbol) for symbol in {one["symbol"] for one in table.rows}}
    rows = [
        (one, places[one["symbol"]], LEAVES.get(one["leave"], one["leave"])) for one in table.rows
    ]
    return {"table": table, "trade_rows": rows, "asked": asked}


def _chart(document: Mapping[str, Any], symbol: str) -> dict[str, Any] | None:
    """Return what the candlestick chart begins with: a symbol that was traded."""
    traded = [one["symbol"] for one in document["trades"]]
    symbols = list(dict.fromkeys(traded)) or list(document["symbols"])
    # The candles of a page are those of the venue: a file's trades do not belong on them.
    symbols = [one for one in symbols if AT not in one]
    if not symbols:
        return None
    chosen = symbol if symbol in symbols else symbols[0]
    instrument = _instrument(chosen)
    if instrument is None:
        return None
    return {
        "symbol": chosen,
        "slug": instrument.slug,
        "places": tick_places(instrument.tick, instrument.price_scale),
        "symbols": [(one, found.slug) for one in symbols if (found := _instrument(one))],
    }


def _instrument(symbol: str) -> Instrument | None:
    try:
        return instrument_by_series(symbol)
    except Instrument.DoesNotExist:
        return None


def _places(symbol: str) -> int:
    found = _instrument(symbol)
    return 8 if found is None else tick_places(found.tick, found.price_scale)


def _mark(trade: Mapping[str, Any]) -> dict[str, Any]:
    names = ("number", "side", "opened_at", "closed_at", "entry_price", "exit_price", "profit")
    told = {name: trade[name] for name in names}
    told["leave"] = LEAVES.get(trade["leave"], trade["leave"])
    return told | {name: trade.get(name) for name in ("stop", "take")}


def _document(run: BacktestRun) -> dict[str, Any]:
    document = document_of(run)
    if document is None:
        raise Http404("this backtest has no result")
    return document


def _run(request: HttpRequest, run_id: int) -> BacktestRun:
    run = run_for(user=_user(request), run_id=run_id)
    if run is None:
        raise Http404("there is no such backtest")
    return run


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)
