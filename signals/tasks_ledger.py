"""Doorbells of the forecast ledger: a vote after every word, a score after every outcome."""

from celery import shared_task

from signals.services.consensus import consensus_reach
from signals.services.retention import decisions_prune
from signals.services.scoring import forecasts_score


@shared_task  # type: ignore[untyped-decorator]
def vote() -> None:
    """Write the votes that are complete; a doubled ring finds them written."""
    consensus_reach()


@shared_task  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Score what has become due, and vote where a voter kept silent or a ring was lost."""
    forecasts_score()
    consensus_reach()


@shared_task  # type: ignore[untyped-decorator]
def prune() -> None:
    """Delete old decisions that asked for nothing, and votes that held."""
    decisions_prune()


def on_words(_event: object) -> None:
    """Ring after strategies decided or models forecast."""
    vote.delay()
