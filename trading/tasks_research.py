"""Doorbells of research: a run or a search that waits, and what a lost process left."""

from celery import shared_task

from trading.services.research_child import research_begin, research_sweep


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def work() -> None:
    """Begin a process that does what waits, unless enough run; a doubled ring changes nothing."""
    research_begin()


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Let what lost its process wait again, and begin what nobody rang for."""
    research_sweep()
