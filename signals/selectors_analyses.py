"""What is asked about analyses of strategies; another user's row looks like an absent one."""

from django.db.models import QuerySet

from mystic.models import User
from signals.models import Analysis, Strategy
from signals.selectors_rules import seen_by


def strategy_seen(*, user: User, strategy_id: int) -> Strategy | None:
    """Return a strategy that the user may see, running or not; None otherwise."""
    return Strategy.objects.filter(seen_by(user), pk=strategy_id).first()


def analyses_for(*, user: User, strategy: Strategy) -> QuerySet[Analysis]:
    """Return the user's analyses of a strategy, newest first."""
    return Analysis.objects.filter(asked_by=user, strategy=strategy)
