"""Doorbells: judge the data, forget old refusals."""

from celery import shared_task

from markets.services.quality import quality_recompute, quarantine_prune


@shared_task  # type: ignore[untyped-decorator]
def recompute() -> None:
    """Judge what is watched; the next minute asks again, so a lost ring changes nothing."""
    quality_recompute()


@shared_task  # type: ignore[untyped-decorator]
def prune() -> None:
    quarantine_prune()
