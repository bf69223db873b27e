"""How far a search is: told at most twice a second, whoever makes its trials."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from mystic.lib.bus import publish
from trading.events import ResearchChanged
from trading.models import Sweep, Trial

KIND = "sweep"
LIFE = timedelta(seconds=120)
TELL_EVERY = timedelta(seconds=0.5)
ENDED = (Trial.State.DONE, Trial.State.FAILED)


def sweep_tell(sweep: Sweep) -> bool:
    """Write the progress and tell of it, unless any worker did so within half a second.

    `leased_until` says when anybody last worked on the search, too.
    """
    now = timezone.now()
    due = Q(leased_until=None) | Q(leased_until__lte=now + LIFE - TELL_EVERY)
    running = Sweep.objects.filter(due, pk=sweep.pk, state=Sweep.State.RUNNING)
    if not running.update(leased_until=now + LIFE):
        return False
    total = trials_expected(sweep)
    done = Trial.objects.filter(sweep=sweep, state__in=ENDED).count()
    share = min(1.0, done / max(1, total))
    stage = f"{done:,} of {total:,} trials"
    Sweep.objects.filter(pk=sweep.pk, state=Sweep.State.RUNNING).update(progress=share, stage=stage)
    publish(ResearchChanged(KIND, sweep.pk, sweep.owner_id, Sweep.State.RUNNING, share, stage))
    return True


def sweep_fail(sweep: Sweep, sentence: str) -> bool:
    """End a search that cannot be made."""
    return sweep_end(sweep, state=Sweep.State.FAILED, error=sentence[:500])


def sweep_end(sweep: Sweep, **fields: object) -> bool:
    """Put the last fields into a search that runs, and tell of it."""
    ended = Sweep.objects.filter(
        pk=sweep.pk, state__in=(Sweep.State.WAITING, Sweep.State.RUNNING)
    ).update(stage="", leased_until=None, finished_at=timezone.now(), **fields)
    if ended:
        sweep.refresh_from_db()
        publish(ResearchChanged(KIND, sweep.pk, sweep.owner_id, sweep.state, sweep.progress, ""))
    return bool(ended)


def trials_expected(sweep: Sweep) -> int:
    """Return how many trials a search has when it is through."""
    folds = int(sweep.summary.get("asked", {}).get("folds", 0))
    points: int = sweep.points
    return points * max(1, folds)
