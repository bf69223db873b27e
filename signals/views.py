"""Pages of the signals app: what was concluded, why, and why not."""

import inspect
import re
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_GET

from markets.models import Instrument
from markets.selectors import base_timeframe, instrument_by_symbol, instruments_watched
from markets.types import TIMEFRAME_SECONDS
from mystic.lib.clock import iso, now_ms
from mystic.models import User
from signals import selectors
from signals.models import Decision, Pattern, Signal, Strategy
from signals.selectors_rules import own_strategies_for
from signals.selectors_waiting import waiting_pairs
from signals.services.folder import folder_read
from signals.services.instances import is_written, readable
from signals.strategies.registry import CLASSES

PAGE = 50
MARKERS = 300
PATTERN_BARS = 1500
CODE_MARK = re.compile(r"``?([^`]+)``?")


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


def _instrument(slug: str) -> Instrument:
    try:
        return instrument_by_symbol(slug)
    except Instrument.DoesNotExist:
        raise Http404(f"{slug} is not in the catalogue") from None


def _number(text: str) -> int | None:
    """Return a row id from an address, or None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@require_GET
@login_required
def signals(request: HttpRequest) -> HttpResponse:
    """List signals, newest first, filtered as the address says."""
    symbol, side = request.GET.get("symbol", ""), request.GET.get("side", "")
    strategy_id = _number(request.GET.get("strategy", ""))
    before = _number(request.GET.get("before", ""))
    found = selectors.signals_recent(
        user=_user(request),
        instrument=_instrument(symbol) if symbol else None,
        strategy_id=strategy_id,
        side=side if side in Signal.Side.values else "",
    )
    rows = list((found.filter(pk__lt=before) if before else found)[: PAGE + 1])
    context = {
        "signals": rows[:PAGE],
        "oldest_id": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "is_first_page": before is None,
        "strategies": selectors.strategies_for(user=_user(request)),
        "instruments": instruments_watched(),
        "symbol": symbol.upper(),
        "strategy_id": strategy_id,
        "side": side,
    }
    return render(request, "signals/signals.html", context)


@require_GET
@login_required
def signal(request: HttpRequest, signal_id: int) -> HttpResponse:
    """Show one signal with everything its decision saw."""
    found = selectors.signals_recent(user=_user(request)).select_related("decision")
    row = get_object_or_404(found, pk=signal_id)
    values = [(name.replace("_", " "), value) for name, value in row.decision.values.items()]
    return render(request, "signals/signal.html", {"signal": row, "values": values})


@require_GET
@login_required
def strategies(request: HttpRequest) -> HttpResponse:
    """Show each strategy: what it does, its parameters, and its last word on each symbol."""
    folder_read()
    rows = selectors.strategies_with_progress(user=_user(request))
    waiting = waiting_pairs(rows)
    context = {
        "cards": [_card(row, waiting) for row in rows],
        "unfit": selectors.strategies_unfit(),
        "files": selectors.strategy_files(),
        "resting": own_strategies_for(user=_user(request)).filter(is_active=False),
    }
    return render(request, "signals/strategies.html", context)


@require_GET
@login_required
def strategy_pairs(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """Show the last word of one strategy on each symbol."""
    rows = selectors.strategies_with_progress(user=_user(request))
    row = next((row for row in rows if row.pk == strategy_id), None)
    if row is None:
        raise Http404("there is no such strategy")
    return render(
        request, "signals/strategies.html#pairs", {"card": _card(row, waiting_pairs([row]))}
    )


def _card(row: Strategy, waiting: dict[int, str]) -> dict[str, Any]:
    cls = CLASSES.get(row.class_name)
    rules, lost = readable(row) if is_written(row) else (None, "")
    specs = getattr(rules or cls, "param_specs", {})
    about = row.about if rules else inspect.getdoc(cls) or "" if cls is not None else lost
    pairs = list(row.progress.all())
    return {
        "strategy": row,
        "rules": rules.definition if rules else None,
        "has_parameters": bool(lost) or (cls is not None and bool(cls.param_specs)),
        "about": _paragraphs(about),
        "params": [
            {
                "label": (specs[name].label if name in specs else "") or name,
                "value": value,
                "unit": specs[name].unit if name in specs else "",
            }
            for name, value in row.params.items()
        ],
        "pairs": [(pair, waiting.get(pair.pk, "")) for pair in pairs],
        "of": getattr(cls, "asset_classes", ()),
        "decisions": sum(pair.decisions for pair in pairs),
        "signals": sum(pair.signals for pair in pairs),
        "acting": (Decision.Verdict.ENTER_LONG, Decision.Verdict.EXIT),
    }


def _paragraphs(text: str) -> list[SafeString]:
    """Return the paragraphs of a docstring without its line breaks, names in code marks as code."""
    return [_marked(" ".join(part.split())) for part in text.split("\n\n")]


def _marked(text: str) -> SafeString:
    words = enumerate(CODE_MARK.split(text))
    parts = (("<code>{}</code>" if n % 2 else "{}", word) for n, word in words)
    return mark_safe("".join(format_html(form, word) for form, word in parts))  # noqa: S308  each part is escaped


@require_GET
@login_required
def latest_fragment(request: HttpRequest) -> HttpResponse:
    """Show the newest signals on the dashboard."""
    rows = selectors.signals_recent(user=_user(request))[: selectors.LATEST]
    return render(request, "signals/fragments/latest.html", {"signals": rows})


@require_GET
@login_required
def symbol_fragment(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a symbol's newest signals, and what each strategy last said about it."""
    instrument, user = _instrument(slug), _user(request)
    context = {
        "instrument": instrument,
        "pairs": selectors.last_decisions(user=user, instrument=instrument),
        "signals": selectors.signals_recent(user=user, instrument=instrument)[: selectors.LATEST],
    }
    return render(request, "signals/fragments/symbol.html", context)


@require_GET
def patterns(request: HttpRequest, slug: str) -> HttpResponse:
    """Give the chart its zones, breaks and signal markers, as JSON."""
    instrument = _instrument(slug)
    name = request.GET.get("timeframe", "")
    timeframe = TIMEFRAME_SECONDS.get(name, base_timeframe())
    since = now_ms() // 1000 - PATTERN_BARS * timeframe
    newest = selectors.pattern_newest(instrument=instrument, timeframe=timeframe)
    if newest is not None:
        since = min(since, newest - PATTERN_BARS * timeframe)
    drawn = selectors.patterns_for(instrument=instrument, timeframe=timeframe, since=since)
    user = _user(request) if request.user.is_authenticated else None
    markers = selectors.signals_recent(user=user, instrument=instrument)[:MARKERS]
    return JsonResponse(
        {
            "data": {
                "symbol": instrument.symbol,
                "timeframe": timeframe,
                "patterns": [_pattern(row) for row in drawn],
                "signals": [_marker(row) for row in markers],
            },
            "live_data": False,
            "timestamp": now_ms(),
            "source": instrument.venue.code,
            "as_of": iso(None if newest is None else newest * 1000),
        }
    )


def _pattern(row: Pattern) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "direction": row.direction,
        "top": row.top,
        "bottom": row.bottom,
        "at": row.at,
        "confirmed_at": row.confirmed_at,
        "touched_at": row.touched_at,
        "mitigated_at": row.mitigated_at,
        "filled_at": row.filled_at,
        "quality": row.quality,
    }


def _marker(row: Signal) -> dict[str, Any]:
    return {
        "id": row.pk,
        "side": row.side,
        "bar_close": row.bar_close,
        "price": row.price,
        "stop": row.stop,
        "take": row.take,
        "confidence": row.confidence,
        "strategy": row.strategy.name,
        "source": row.source,
        "is_live": row.provenance.is_live,
    }
