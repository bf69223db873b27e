"""Parity reports: one deployment a task, each night and on demand.

Nothing is retried: a report that is missing in the morning is found by the next look at what is
due, and one that somebody asked for can be asked for again.
"""

from celery import shared_task
from django.db.models import QuerySet

from trading.models import Deployment
from trading.services.parity import parity_report
from trading.services.parity_nights import parity_due, parity_nightly


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def report(
    deployment_id: int,
    asked_by: str,
    from_open: int | None = None,
    through_open: int | None = None,
) -> None:
    """Write the report that somebody asked for."""
    found = _deployments().filter(pk=deployment_id).first()
    if found is not None:
        parity_report(
            deployment=found, from_open=from_open, through_open=through_open, asked_by=asked_by
        )


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def nights() -> None:
    """Ring for each deployment that has no report of the last night; usually for none."""
    for pk in parity_due().values_list("pk", flat=True):
        night.delay(pk)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def night(deployment_id: int) -> None:
    """Write the nightly report of one deployment; a doubled ring finds it written."""
    if not parity_due().filter(pk=deployment_id).exists():
        return
    parity_nightly(deployment=_deployments().get(pk=deployment_id))


def _deployments() -> QuerySet[Deployment]:
    return Deployment.objects.select_related("strategy", "account")
