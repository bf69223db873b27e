"""The strategies' rows: one shared row for each class, a row of its own for each version."""

import logging

from django.db import transaction

from markets.selectors import base_timeframe
from signals.models import Progress, Strategy
from signals.strategies.base import Strategy as StrategyClass
from signals.strategies.registry import CLASSES, is_from_folder, misfit, running_timeframe

log = logging.getLogger(__name__)


@transaction.atomic
def strategies_sync() -> list[Strategy]:
    """Make the shared row of every class in its present version and switch older ones off.

    A strategy runs on its own timeframe, or on the stored one where that is longer; one that does
    not fit there has no row, and its page says why.
    """
    rows = [_shared_row(cls) for cls in CLASSES.values()]
    kept = [row for row in rows if row is not None]
    Strategy.objects.filter(owner=None, is_active=True).exclude(
        pk__in=[row.pk for row in kept]
    ).update(is_active=False)
    return kept


def _shared_row(cls: type[StrategyClass]) -> Strategy | None:
    timeframe = running_timeframe(cls, base_timeframe())
    instance = cls(timeframe=timeframe)
    reason = misfit(instance)
    if reason:
        log.warning("%s does not fit %s bars: %s", cls.name, instance.timeframe, reason)
        return None
    row, _ = Strategy.objects.get_or_create(
        class_name=cls.__name__,
        version=instance.version,
        timeframe=timeframe,
        owner=None,
        defaults={
            "name": cls.name,
            "params": instance.params,
            "origin": Strategy.Origin.FOLDER if is_from_folder(cls) else Strategy.Origin.BUILT_IN,
        },
    )
    if not row.is_active or row.name != cls.name:
        row.is_active, row.name = True, cls.name
        row.save(update_fields=["is_active", "name"])
    return row


def pair_resume(*, progress: Progress) -> None:
    """Let a paused pair be evaluated again; the bars it missed are decided late."""
    Progress.objects.filter(pk=progress.pk).update(errors=0, paused_reason="")
