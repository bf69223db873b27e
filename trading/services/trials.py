"""The trials of a search: claim some, make them, keep what they gave.

What counts is in rows. A claim is a conditional update with a lease: a worker that is killed loses
the trials it had in hand, which the next one makes; a trial that is done is done once.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from mystic.lib.leases import LeaseKeeper
from signals.columns.errors import ColumnError
from signals.strategies.params import ParamError
from trading.backtest.points import Ground, Outcome, path_of
from trading.backtest.tpe import GENERATION
from trading.models import Sweep, Trial
from trading.performance.catalogue import METRICS
from trading.services.research_errors import ResearchError, sentence_of
from trading.services.sweep_asking import trials_ask
from trading.services.sweep_close import sweep_close
from trading.services.sweep_ground import ground_of
from trading.services.sweep_progress import sweep_fail, sweep_tell

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
CHUNK_S = 1.0
MOST_AT_ONCE = 64
MOST_ATTEMPTS = 3
LOOK_EVERY_S = 0.5
State = Trial.State
UNENDED = (Sweep.State.WAITING, Sweep.State.RUNNING)
# Another attempt would end the same way.
FINAL = (ColumnError, ResearchError)


@dataclass(slots=True)
class _Pace:
    """Seconds that a trial of each search took here, so that a claim lasts about a second."""

    seconds: dict[int, float] = field(default_factory=dict)

    def count(self, sweep: Sweep) -> int:
        most = GENERATION // 2 if sweep.method == Sweep.Method.TPE else MOST_AT_ONCE
        known = self.seconds.get(sweep.pk)
        return 2 if known is None else max(1, min(most, int(CHUNK_S / max(known, 1e-6))))

    def learn(self, sweep: Sweep, seconds: float) -> None:
        if len(self.seconds) > 100:
            self.seconds.clear()
        self.seconds[sweep.pk] = seconds


pace = _Pace()


def trials_work(worker: str) -> bool:
    """Make some trials of one search, or end one; tell whether anything was done."""
    due = Sweep.objects.filter(state__in=UNENDED)
    # The one that was looked at longest ago comes first, so that none waits for all of another.
    for sweep in due.order_by(F("leased_until").asc(nulls_first=True), "pk"):
        if sweep_work(sweep, worker):
            return True
    return False


def sweep_work(sweep: Sweep, worker: str) -> bool:
    """Make some trials of this search, or end it; tell whether anything was done."""
    claimed = trials_claim(sweep, worker)
    if not claimed and sweep.method == Sweep.Method.TPE and trials_ask(sweep):
        claimed = trials_claim(sweep, worker)
    if not claimed:
        under_way = Trial.objects.filter(sweep=sweep, state__in=(State.WAITING, State.RUNNING))
        return False if under_way.exists() else sweep_close(sweep)
    Sweep.objects.filter(pk=sweep.pk, state=Sweep.State.WAITING).update(
        state=Sweep.State.RUNNING, stage="makes its trials"
    )
    try:
        ground = ground_of(sweep)
    except FINAL as fault:
        sweep_fail(sweep, str(fault))
        return True
    except (MemoryError, SystemExit) as fault:
        sweep_fail(sweep, sentence_of(fault))
        return True
    except Exception as fault:
        log.exception("a search could not be begun", extra={"sweep": sweep.pk})
        trials_give_back(claimed, f"{type(fault).__name__}: {fault}")
        return True
    _make(sweep, ground, claimed)
    sweep_tell(sweep)
    return True


def trials_claim(sweep: Sweep, worker: str) -> list[Trial]:
    """Take trials that wait, or whose worker let its lease run out."""
    now = timezone.now()
    token = f"{worker[:30]}:{uuid4().hex[:8]}"
    lapsed = Q(state=State.RUNNING, leased_until__lte=now)
    tired = Trial.objects.filter(lapsed, sweep=sweep, attempts__gte=MOST_ATTEMPTS)
    tired.update(
        state=State.FAILED,
        error=f"Its worker was lost {MOST_ATTEMPTS} times.",
        leased_until=None,
        finished_at=now,
    )
    due = Trial.objects.filter(Q(state=State.WAITING) | lapsed, sweep=sweep)
    with transaction.atomic():
        # All folds of one point follow each other: its decisions are made once for them.
        found = due.order_by("number", "pk").select_for_update(skip_locked=True)
        chosen = list(found.values_list("pk", flat=True)[: pace.count(sweep)])
        if not chosen:
            return []
        due.filter(pk__in=chosen).update(
            state=State.RUNNING,
            worker=token,
            leased_until=now + LEASE,
            attempts=F("attempts") + 1,
        )
    mine = Trial.objects.filter(sweep=sweep, worker=token, state=State.RUNNING)
    return list(mine.select_related("fold").order_by("number", "pk"))


def trials_give_back(claimed: Sequence[Trial], sentence: str = "") -> None:
    """Let trials in hand be made by somebody; after the third attempt they have failed.

    Without a sentence the attempt does not count: the worker was stopped.
    """
    for trial in claimed:
        mine = _mine(trial)
        if not sentence:
            mine.update(state=State.WAITING, leased_until=None, attempts=F("attempts") - 1)
        elif trial.attempts >= MOST_ATTEMPTS:
            mine.update(
                state=State.FAILED,
                error=sentence[:300],
                leased_until=None,
                finished_at=timezone.now(),
            )
        else:
            mine.update(state=State.WAITING, leased_until=None, error=sentence[:300])


def trials_expire(claimed: Sequence[Trial], in_hand: Trial) -> None:
    """Fail the trial that took too long; let those claimed with it be made by somebody."""
    minutes = settings.ENV["MYSTIC_RESEARCH_MINUTES"]
    sentence = f"It took longer than {minutes} minutes; choose a shorter span or longer bars."
    _mine(in_hand).update(
        state=State.FAILED, error=sentence, leased_until=None, finished_at=timezone.now()
    )
    trials_give_back([one for one in claimed if one.pk != in_hand.pk])


def _make(sweep: Sweep, ground: Ground, claimed: Sequence[Trial]) -> None:
    """Make claimed trials under a lease; keep those that were made, whatever comes between."""
    begun = looked = time.monotonic()
    made: list[tuple[Trial, dict[str, Any]]] = []
    keeper = LeaseKeeper(
        f"trials of search {sweep.pk}",
        renew=lambda: _renew(claimed),
        hand_back=lambda: trials_give_back(claimed),
        longest_s=60.0 * settings.ENV["MYSTIC_RESEARCH_MINUTES"],
        expire=lambda: trials_expire(claimed, in_hand),
    )
    in_hand = claimed[0]
    with keeper:
        for trial in claimed:
            in_hand = trial
            found = _tried(sweep, ground, trial)
            if found is not None:
                made.append((trial, found))
            now = time.monotonic()
            if now - looked > LOOK_EVERY_S:
                looked = now
                trials_keep(made)
                made.clear()
                if not Sweep.objects.filter(pk=sweep.pk, state__in=UNENDED).exists():
                    break
                sweep_tell(sweep)
        trials_keep(made)
    pace.learn(sweep, (time.monotonic() - begun) / len(claimed))


def _tried(sweep: Sweep, ground: Ground, trial: Trial) -> dict[str, Any] | None:
    """Return the fields of a trial that was made; None where it is to be tried again."""
    fold = trial.fold
    try:
        outcome = ground.outcome(
            trial.params,
            from_open=None if fold is None else fold.train_from,
            through_open=None if fold is None else fold.train_through,
        )
    except ParamError as fault:
        return {"state": State.DONE, "error": str(fault)[:300]}
    except FINAL as fault:
        return {"state": State.FAILED, "error": str(fault)[:300]}
    except (MemoryError, SystemExit) as fault:
        return {"state": State.FAILED, "error": sentence_of(fault)[:300]}
    except Exception as fault:
        log.exception("a trial broke off", extra={"trial": trial.pk})
        trials_give_back([trial], f"{type(fault).__name__}: {fault}")
        return None
    objective, sentence = judged(sweep, outcome)
    return {
        "state": State.DONE,
        "objective": objective,
        "error": sentence,
        "metrics": {**outcome.metrics, "path": path_of(outcome.daily.returns)},
    }


def judged(sweep: Sweep, outcome: Outcome) -> tuple[float | None, str]:
    """Return what a point is ranked by, or None and why it is not."""
    trades = int(outcome.metrics["trades"] or 0)
    wanted = int(sweep.summary.get("asked", {}).get("min_trades", 0))
    if trades < wanted:
        return None, f"{trades} closed trades; it takes {wanted} to be ranked"
    value = outcome.metrics[sweep.objective]
    if value is None:
        return None, f"it has no {METRICS[sweep.objective].label}"
    return value, ""


def trials_keep(made: Sequence[tuple[Trial, dict[str, Any]]]) -> int:
    """Write what trials gave, each only while it is still this worker's; return how many were."""
    if not made:
        return 0
    now = timezone.now()
    with transaction.atomic():
        return sum(
            _mine(trial).update(**found, leased_until=None, finished_at=now)
            for trial, found in made
        )


def _renew(claimed: Sequence[Trial]) -> bool:
    """Keep the lease; tell whether anything of it is still wanted."""
    mine = Trial.objects.filter(
        pk__in=[one.pk for one in claimed],
        worker=claimed[0].worker,
        state=State.RUNNING,
        sweep__state__in=UNENDED,
    )
    return bool(mine.update(leased_until=timezone.now() + LEASE)) or _is_all_done(claimed)


def _is_all_done(claimed: Sequence[Trial]) -> bool:
    done = Trial.objects.filter(
        pk__in=[one.pk for one in claimed], worker=claimed[0].worker, state__in=("done", "failed")
    )
    return done.count() == len(claimed)


def _mine(trial: Trial) -> Any:
    return Trial.objects.filter(pk=trial.pk, worker=trial.worker, state=State.RUNNING)
