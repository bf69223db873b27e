"""What is not kept for ever: decisions that asked for nothing, votes that held.

A bar can be taken apart long after its decision row is gone: the explanation is calculated from the
stored bars. Signals, forecasts and scores are kept.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from signals.models import Consensus, Decision, Progress

BATCH = 5000
MOST_BATCHES = 40


def decisions_prune(*, now: datetime | None = None) -> int:
    """Delete what is older than `MYSTIC_DECISION_DAYS`, so many rows at a time; return how many.

    A decision stays that a signal was raised from, or that is the last word of its pair.
    """
    before = (now or timezone.now()) - timedelta(days=settings.ENV["MYSTIC_DECISION_DAYS"])
    last_words = Progress.objects.filter(last_decision=OuterRef("pk"))
    old = Decision.objects.filter(~Exists(last_words), signal=None, decided_at__lt=before)
    held = Consensus.objects.filter(
        signal_type=Consensus.SignalType.HOLD, created_at__lt=before
    ).order_by("pk")
    deleted = 0
    for rows in (old.order_by("pk"), held):
        for _ in range(MOST_BATCHES):
            ids = list(rows.values_list("pk", flat=True)[:BATCH])
            if not ids:
                break
            rows.model.objects.filter(pk__in=ids).delete()
            deleted += len(ids)
    return deleted
