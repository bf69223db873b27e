"""What is asked about written strategies; another user's private one looks like an absent one."""

from django.db.models import Q, QuerySet

from mystic.models import User
from signals.models import Strategy


def seen_by(user: User) -> Q:
    """Return the condition on strategies that a user may see: everybody's, own, and shared ones."""
    return Q(owner=None) | Q(owner=user) | Q(is_shared=True)


def own_strategies_for(*, user: User) -> QuerySet[Strategy]:
    """Return the present version of each strategy of the user: written, or a class of their own."""
    found = Strategy.objects.filter(owner=user, definition__replaced_by__isnull=True)
    return found.order_by("name", "pk")


def rules_for(*, user: User) -> QuerySet[Strategy]:
    """Return the present version of each strategy that the user wrote, running or not."""
    return _present(Strategy.objects.filter(owner=user)).order_by("name", "pk")


def rules_seen_by(*, user: User) -> QuerySet[Strategy]:
    """Return the present versions that the user may read and copy: their own, and shared ones."""
    found = Strategy.objects.filter(Q(owner=user) | Q(is_shared=True, is_active=True))
    return _present(found).select_related("owner").order_by("name", "pk")


def _present(rows: QuerySet[Strategy]) -> QuerySet[Strategy]:
    return rows.filter(origin=Strategy.Origin.RULES, definition__replaced_by__isnull=True)


def successor_of(strategy: Strategy) -> Strategy | None:
    """Return the version of a written strategy that took its place and runs, if there is one."""
    row: Strategy | None = strategy
    seen: set[int] = set()
    while row is not None and row.pk not in seen:
        seen.add(row.pk)
        following = row.definition.get("replaced_by")
        if following is None:
            return row if row.is_active and row.pk != strategy.pk else None
        row = Strategy.objects.filter(pk=following, owner=strategy.owner_id).first()
    return None


def is_private(strategy: Strategy) -> bool:
    """Say whether its owner alone may see what it concludes."""
    return strategy.owner_id is not None and not strategy.is_shared
