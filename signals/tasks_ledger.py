"""Doorbells of the forecast ledger: a vote after every word, a score after every outcome."""

import threading
import time

from celery import shared_task

from signals.services.consensus import consensus_reach
from signals.services.retention import decisions_prune
from signals.services.scoring import forecasts_score

GATHER_S = 1.0


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


class Ring:
    """One ring for all words of a second: a vote asks for many of them at once."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self._rings_at_s = float("-inf")

    def may(self, now_s: float) -> bool:
        """Tell whether nobody rings within the coming second, and take it on."""
        with self._turn:
            if now_s < self._rings_at_s:
                return False
            self._rings_at_s = now_s + GATHER_S
            return True


ring = Ring()


def on_words(_event: object) -> None:
    """Ring a second after strategies decided or models forecast; once for all until then."""
    if ring.may(time.monotonic()):
        vote.apply_async(countdown=GATHER_S)
