"""The budgets of sources: one for all who ask a source, whatever object they ask through."""

from typing import Any

from mystic.lib.ratelimit import WeightBudget


def budget_share(rest: Any, source: str) -> None:
    """Let the requests of `rest` count in the budget that all who ask `source` share."""
    budget = getattr(rest, "budget", None)
    if isinstance(budget, WeightBudget):
        budget.join(source)
