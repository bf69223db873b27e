"""When a parity report is made: each night for what runs, and whenever its owner asks."""

import functools
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from mystic.lib.bus import publish
from trading.events import ParityWanted
from trading.models import Deployment, ParityReport
from trading.services.parity import NIGHTLY, last_night, parity_report

# A night looks at what was decided since the last one, and a day more: corrections come later.
OVERLAP = timedelta(days=1)


def parity_ask(
    *,
    deployment: Deployment,
    asked_by: str,
    from_open: int | None = None,
    through_open: int | None = None,
) -> None:
    """Let a worker write a report. A ring that is lost is not repeated: the night makes its own."""
    event = ParityWanted(deployment.pk, asked_by[:60], from_open, through_open)
    transaction.on_commit(functools.partial(publish, event))


def parity_nightly(*, deployment: Deployment) -> ParityReport | None:
    """Write the report of the night: what was decided since the last one, and a day before it."""
    whole = deployment.parity_reports.filter(causes__is_part=False)
    last = whole.order_by("-through_open").first()
    begin = None if last is None else last.through_open - int(OVERLAP.total_seconds())
    return parity_report(deployment=deployment, from_open=begin, asked_by=NIGHTLY)


def parity_due(*, now: datetime | None = None) -> QuerySet[Deployment]:
    """Return the running deployments that have no report since the last 00:20 UTC.

    One that was switched on later waits for its first night.
    """
    night = last_night(now or timezone.now())
    of_night = Q(parity_reports__made_at__gte=night, parity_reports__asked_by=NIGHTLY)
    running = Deployment.objects.filter(state=Deployment.State.ACTIVE, created_at__lt=night)
    counted = running.annotate(reported=Count("parity_reports", filter=of_night))
    return counted.filter(reported=0).order_by("pk")
