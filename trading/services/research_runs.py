"""The rows of backtests at work: claim, renew, tell, keep, fail, give back.

A run holds a lease that its process renews. What a process does counts only while the run still
belongs to its attempt; one that dies leaves the lease to lapse, and another attempt is made.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Aggregate, Count, F, Max, Min, QuerySet
from django.utils import timezone

from mystic.lib.bus import publish
from trading.events import ResearchChanged
from trading.models import BacktestResult, BacktestRun

LEASE = timedelta(seconds=30)
MOST_ATTEMPTS = 3
NEVER = datetime.min.replace(tzinfo=UTC)
KIND = "backtest"
State = BacktestRun.State


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at one run."""

    run_id: int
    attempt: int


def run_claim(now: datetime | None = None) -> Claim | None:
    """Take a waiting run: the oldest of whoever has the fewest at work, in turns."""
    now = now or timezone.now()
    while turns := _turns():
        for pk in turns:
            taken = BacktestRun.objects.filter(pk=pk, state=State.WAITING).update(
                state=State.RUNNING,
                attempts=F("attempts") + 1,
                leased_until=now + LEASE,
                progress=0.0,
                stage="begins",
                error="",
            )
            if taken:
                attempts = BacktestRun.objects.values_list("attempts", flat=True).get(pk=pk)
                return Claim(pk, attempts)
    return None


def _turns() -> list[int]:
    """Return everybody's oldest waiting run: whose turn it is first.

    Where one process does all of it nobody has any at work, and whose last one ended longest ago
    comes first.
    """
    first = _each(BacktestRun.objects.filter(state=State.WAITING), Min("pk"))
    at_work = _each(BacktestRun.objects.filter(state=State.RUNNING), Count("pk"))
    made = BacktestRun.objects.filter(owner__in=first, state__in=(State.READY, State.FAILED))
    last = _each(made, Max("finished_at"))
    owners = sorted(
        first, key=lambda one: (at_work.get(one, 0), last.get(one) or NEVER, first[one])
    )
    return [first[one] for one in owners]


def _each(rows: QuerySet[BacktestRun], what: Aggregate) -> dict[int, Any]:
    """Return a figure of each owner's rows."""
    return dict(
        rows.order_by().values("owner_id").annotate(found=what).values_list("owner_id", "found")
    )


def run_renew(claim: Claim) -> bool:
    """Keep the lease; tell whether the run still belongs to this attempt."""
    return bool(_held(claim).update(leased_until=timezone.now() + LEASE))


def run_tell(claim: Claim, progress: float, stage: str) -> bool:
    """Say how far it is; tell whether the run still belongs to this attempt."""
    return bool(_held(claim).update(progress=progress, stage=stage[:80]))


def run_keep(claim: Claim, result: Mapping[str, Any]) -> bool:
    """Write the result, once, and end the run."""
    with transaction.atomic():
        run = _held(claim).select_for_update().first()
        if run is None:
            return False
        BacktestResult.objects.create(run=run, **result)
        run.state, run.progress, run.stage, run.error = State.READY, 1.0, "", ""
        run.leased_until, run.finished_at = None, timezone.now()
        run.save(
            update_fields=["state", "progress", "stage", "error", "leased_until", "finished_at"]
        )
        transaction.on_commit(functools.partial(publish, changed_of(run)))
    return True


def run_fail(claim: Claim, sentence: str) -> bool:
    """End a run for good."""
    return bool(
        _held(claim).update(
            state=State.FAILED,
            error=sentence[:500],
            stage="",
            leased_until=None,
            finished_at=timezone.now(),
        )
    )


def run_give_back(claim: Claim, sentence: str, *, counts: bool = True) -> bool:
    """Let an attempt that broke off be made again; after the third it has failed.

    Parameters
    ----------
    counts : bool
        False where the attempt itself was not at fault: the platform was stopped.
    """
    if counts and claim.attempt >= MOST_ATTEMPTS:
        return run_fail(claim, f"{sentence}, {claim.attempt} times")
    return bool(
        _held(claim).update(
            state=State.WAITING,
            attempts=claim.attempt if counts else claim.attempt - 1,
            leased_until=None,
            progress=0.0,
            stage="waits for a worker",
            error=sentence[:500] if counts else "",
        )
    )


def runs_lapsed(now: datetime | None = None) -> int:
    """Let runs whose process is gone wait again; return how many there were."""
    rows = BacktestRun.objects.filter(
        state=State.RUNNING, leased_until__lte=now or timezone.now()
    ).values_list("pk", "attempts")
    lapsed = [Claim(pk, attempt) for pk, attempt in rows]
    return sum(run_give_back(one, "its process ended") for one in lapsed)


def changed_of(run: BacktestRun) -> ResearchChanged:
    """Return how a run stands, as an event."""
    return ResearchChanged(KIND, run.pk, run.owner_id, run.state, run.progress, run.stage)


def _held(claim: Claim) -> QuerySet[BacktestRun]:
    return BacktestRun.objects.filter(pk=claim.run_id, state=State.RUNNING, attempts=claim.attempt)
