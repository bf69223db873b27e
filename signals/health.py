"""How the evaluation does, for the status page."""

from typing import Any

from signals.models import Progress
from signals.selectors import evaluation_state, pairs_paused
from signals.selectors_rules import is_private


def report() -> dict[str, Any]:
    """Return figures and the pairs that are paused."""
    state = evaluation_state()
    paused = pairs_paused()
    age_s = state["newest_age_s"]
    summary = "Every strategy is evaluated on every closed bar."
    if not state["pairs"]:
        summary = "No bar was evaluated yet."
    elif paused:
        summary = f"{len(paused)} pairs are paused after errors."
    return {
        "state": "warn" if paused else "ok",
        "summary": summary,
        "figures": [
            {"label": "Pairs evaluated", "value": state["pairs"], "unit": "", "state": "ok"},
            {
                "label": "Pairs paused",
                "value": len(paused),
                "unit": "",
                "state": "warn" if paused else "ok",
            },
            {
                "label": "Newest decision",
                "value": None if age_s is None else round(age_s),
                "unit": "s ago",
                "state": "ok",
            },
        ],
        "tables": [
            {
                "title": "Paused pairs",
                "columns": ["Strategy", "Symbol", "Why"],
                "rows": [[_name(row), row.instrument.symbol, _why(row)] for row in paused],
            }
        ]
        if paused
        else [],
    }


def _name(row: Progress) -> str:
    """Return a strategy's name; everybody reads this page, and a private one is its owner's."""
    return "a private strategy" if is_private(row.strategy) else row.strategy.name


def _why(row: Progress) -> str:
    return "its owner sees why" if is_private(row.strategy) else row.paused_reason
