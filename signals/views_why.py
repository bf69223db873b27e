"""The page that says why, and why not."""

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from markets.models import Instrument
from markets.selectors import instrument_by_symbol
from mystic.models import User
from signals.columns.explain import Clause, Term
from signals.models import Strategy
from signals.selectors_why import why


@require_GET
@login_required
def why_page(request: HttpRequest, strategy_id: int, slug: str) -> HttpResponse:
    """Take the decision of one strategy on one bar apart, condition by condition."""
    asked = request.GET.get("bar", "")
    bar = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 12 else None
    try:
        instrument = instrument_by_symbol(slug)
        found = why(
            user=cast("User", request.user),
            strategy_id=strategy_id,
            instrument=instrument,
            bar_open=bar,
        )
    except (Instrument.DoesNotExist, Strategy.DoesNotExist):
        raise Http404("there is no such strategy or symbol") from None
    step = found.strategy.timeframe
    is_newest = found.newest_open is None or found.bar_open >= found.newest_open
    context = {
        "why": found,
        "bar_close": found.bar_open + step,
        "earlier": found.bar_open - step,
        "later": None if is_newest else found.bar_open + step,
        "rules": [_rule(one) for one in found.explanation.rules] if found.explanation else [],
        "columns": [_clause(one) for one in found.explanation.columns] if found.explanation else [],
    }
    return render(request, "signals/why.html", context)


def _rule(rule: Any) -> dict[str, Any]:
    return {
        "kind": rule.kind,
        "why": rule.why,
        "holds": rule.holds,
        "conditions": [_clause(one) for one in rule.conditions],
        "parts": [_clause(one) for one in rule.parts],
        "threshold": rule.threshold,
    }


def _clause(clause: Clause) -> dict[str, Any]:
    """Return a clause with the parts of its term as one list, each with its depth."""
    return {
        "name": clause.name.removeprefix("confidence."),
        "text": clause.term.text,
        "value": clause.term.value,
        "is_decisive": clause.is_decisive,
        "terms": _flat(clause.term.terms, 1),
    }


def _flat(terms: tuple[Term, ...], depth: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for one in terms:
        rows.append(
            {"text": one.text, "value": one.value, "depth": depth, "bar_open": one.bar_open}
        )
        rows += _flat(one.terms, depth + 1)
    return rows
