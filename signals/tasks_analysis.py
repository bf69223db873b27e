"""Doorbells of analyses: one that waits, one that lost its process."""

from celery import shared_task

from signals.services.analyses import analyses_sweep, analysis_begin


@shared_task  # type: ignore[untyped-decorator]
def analyse(analysis_id: int) -> None:
    """Begin an analysis in a process of its own; one that may not begin now waits for the sweep."""
    analysis_begin(analysis_id)


@shared_task  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Fail what lost its process and begin what waits."""
    analyses_sweep()
