"""Doorbells of trained models: trainings that wait, models that drift or are due anew."""

from celery import shared_task

from signals.services.drift import drift_check_due
from signals.services.training_child import training_begin, trainings_sweep


@shared_task  # type: ignore[untyped-decorator]
def train(model_id: int) -> None:
    """Begin a training in a process of its own; one that may not begin now waits for the sweep."""
    training_begin(model_id)


@shared_task  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Begin what waits or crashed, ask for what is due anew, and look at one model's drift."""
    trainings_sweep()
    drift_check_due()
