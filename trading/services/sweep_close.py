"""The end of a search: what was found, how far it can be trusted, and what to take."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from trading.models import Sweep, Trial
from trading.performance.overfitting import GROUPS, overfitting
from trading.performance.types import FigureError, Floats
from trading.services.research_errors import ResearchError
from trading.services.sweep_choice import choice_of, judged, matrix_of, sign_of
from trading.services.sweep_ground import ground_of
from trading.services.sweep_progress import sweep_end, sweep_fail
from trading.services.walks import walk_summary

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=300)
MOST_ATTEMPTS = 3
CLOSING = "sums up"
State = Trial.State


def sweep_close(sweep: Sweep) -> bool:
    """Sum up a search whose trials are all made; tell whether this worker did."""
    now = timezone.now()
    free = ~Q(stage=CLOSING) | Q(leased_until=None) | Q(leased_until__lte=now)
    taken = Sweep.objects.filter(
        free, pk=sweep.pk, state__in=(Sweep.State.WAITING, Sweep.State.RUNNING)
    ).update(
        state=Sweep.State.RUNNING,
        stage=CLOSING,
        leased_until=now + LEASE,
        attempts=F("attempts") + 1,
    )
    if not taken:
        return False
    sweep.refresh_from_db()
    if sweep.attempts > MOST_ATTEMPTS:
        return sweep_fail(sweep, f"It could not be summed up: {sweep.error}")
    try:
        summary = summary_of(sweep)
    except ResearchError as fault:
        return sweep_fail(sweep, str(fault))
    except Exception as fault:
        log.exception("a search could not be summed up", extra={"sweep": sweep.pk})
        sentence = f"{type(fault).__name__}: {fault}"[:500]
        Sweep.objects.filter(pk=sweep.pk).update(error=sentence, stage="", leased_until=None)
        return True
    return sweep_end(sweep, state=Sweep.State.READY, error="", progress=1.0, summary=summary)


def summary_of(sweep: Sweep) -> dict[str, Any]:
    """Return what the page of an ended search shows; docs/sweeps.md names every field.

    Raises
    ------
    ResearchError
        Where no trial could be made.
    """
    asked = sweep.summary.get("asked", {})
    rows = list(Trial.objects.filter(sweep=sweep).order_by("pk"))
    done = [one for one in rows if one.state == State.DONE]
    if not any(one.metrics for one in done):
        said = next((one.error for one in rows if one.error), "there is none")
        raise ResearchError(f"No trial could be made: {said}")
    found: dict[str, Any] = {"asked": asked, "trials": _counts(rows)}
    if sweep.kind == Sweep.Kind.WALK_FORWARD:
        return found | walk_summary(sweep, rows)
    return found | choice_of(sweep, rows) | _worth(sweep, done)


def _worth(sweep: Sweep, done: Sequence[Trial]) -> dict[str, Any]:
    """Return the verdict on the best point, and how often a best one is bad later."""
    ranked = [one for one in done if one.objective is not None]
    if not ranked:
        return {"verdict": None, "overfitting": None}
    best = max(ranked, key=lambda one: (sign_of(sweep) * (one.objective or 0.0), -one.number))
    ground = ground_of(sweep)
    returns = ground.outcome(best.params).daily.returns
    return {
        "verdict": judged(sweep, returns, done),
        "overfitting": _overfitting(matrix_of([one.metrics["path"] for one in ranked])),
    }


def _overfitting(matrix: Floats) -> dict[str, Any] | None:
    try:
        found = overfitting(matrix, groups=GROUPS)
    except FigureError:
        return None
    return {
        "probability": found.probability,
        "loss": found.loss,
        "slope": found.slope,
        "splits": found.splits,
        "sentence": found.sentence,
    }


def _counts(rows: Sequence[Trial]) -> dict[str, int]:
    done = [one for one in rows if one.state == State.DONE]
    return {
        "all": len(rows),
        "ranked": sum(one.objective is not None for one in done),
        "unranked": sum(one.objective is None and bool(one.metrics) for one in done),
        "refused": sum(not one.metrics for one in done),
        "failed": sum(one.state == State.FAILED for one in rows),
    }
