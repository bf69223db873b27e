"""Begin a training in a process of its own and see how it ends."""

import logging
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from django.db import connection

from mystic.lib.bus import publish
from signals.events import ModelTrained
from signals.models import ForecastModel
from signals.services.training import (
    training_claim,
    training_fail,
    training_give_back,
    trainings_due,
)

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 3600.0
State = ForecastModel.State


def training_begin(model_id: int) -> bool:
    """Begin a waiting training unless another one runs; return at once.

    The child is tied to this process by its standard input: where this one ends, however it ends,
    the child hands its training back and ends too.
    """
    attempt = training_claim(model_id)
    if attempt is None:
        return False
    words = (sys.executable, "manage.py", "train_model", str(model_id), "--attempt", str(attempt))
    try:
        process = subprocess.Popen(  # noqa: S603  our own command; the words are numbers
            words,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as fault:
        training_give_back(model_id, attempt, f"no process could be begun: {fault}")
        return False
    threading.Thread(
        target=_watch, args=(process, model_id, attempt), name="training-watch", daemon=True
    ).start()
    return True


def trainings_sweep() -> None:
    """Begin what waits, one at a time; what crashed waits again."""
    for model_id in trainings_due():
        if training_begin(model_id):
            return


def _watch(process: "subprocess.Popen[bytes]", model_id: int, attempt: int) -> None:
    """Wait for the end of a training and tell of it."""
    try:
        _wait(process, model_id, attempt)
        state = ForecastModel.objects.values_list("state", flat=True).get(pk=model_id)
        if state not in (State.WAITING, State.TRAINING):
            publish(ModelTrained(model_id))
    except Exception:
        log.exception("the end of a training was not seen", extra={"model_id": model_id})
    finally:
        connection.close()


def _wait(process: "subprocess.Popen[bytes]", model_id: int, attempt: int) -> None:
    try:
        code = process.wait(LONGEST_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        training_fail(model_id, attempt, f"it took longer than {LONGEST_S / 60:.0f} minutes")
        return
    finally:
        if process.stdin is not None:
            process.stdin.close()
    # Nothing where the process ended as it should: the row is no longer this attempt's.
    training_give_back(model_id, attempt, f"the training's process ended with code {code}")
