"""Begin a training in a process of its own and see how it ends."""

import functools
import logging

from mystic.lib.bus import publish
from mystic.lib.children import child_begin
from signals.events import ModelTrained
from signals.models import ForecastModel
from signals.services.training import (
    training_claim,
    training_fail,
    training_give_back,
    trainings_due,
)

log = logging.getLogger(__name__)

LONGEST_S = 3600.0
State = ForecastModel.State


def training_begin(model_id: int) -> bool:
    """Begin a waiting training unless another one runs; return at once."""
    attempt = training_claim(model_id)
    if attempt is None:
        return False
    ended = functools.partial(_ended, model_id, attempt)
    words = ("train_model", str(model_id), "--attempt", str(attempt))
    try:
        child_begin(words, name="training-watch", ended=ended, longest_s=LONGEST_S)
    except OSError as fault:
        training_give_back(model_id, attempt, f"no process could be begun: {fault}")
        return False
    return True


def trainings_sweep() -> None:
    """Begin what waits, one at a time; what crashed waits again."""
    for model_id in trainings_due():
        if training_begin(model_id):
            return


def _ended(model_id: int, attempt: int, code: int | None) -> None:
    """Take note of how a training's process ended, and tell of it."""
    if code is None:
        sentence = f"it took longer than {LONGEST_S / 60:.0f} minutes"
        training_fail(model_id, attempt, sentence)
    else:
        # Nothing where the process ended as it should: the row is no longer this attempt's.
        training_give_back(model_id, attempt, f"the training's process ended with code {code}")
    state = ForecastModel.objects.values_list("state", flat=True).get(pk=model_id)
    if state not in (State.WAITING, State.TRAINING):
        publish(ModelTrained(model_id))
