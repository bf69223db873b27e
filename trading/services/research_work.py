"""The work of research, done by a process that claims it from the rows again and again."""

import functools
import logging
import time

from django.conf import settings

from mystic.lib.bus import publish
from mystic.lib.leases import LeaseKeeper
from signals.columns.errors import BadBarsError, ColumnError
from signals.services.folder import folder_refresh
from signals.services.shelving import models_shelve
from trading.backtest.assumptions import AssumptionError
from trading.backtest.door import BarsError
from trading.backtest.run import RunError
from trading.models import BacktestRun
from trading.performance.types import FigureError
from trading.selectors_luck import luck_of
from trading.selectors_research import UNMADE
from trading.services.combinations import combination_made, is_combination
from trading.services.research_errors import sentence_of
from trading.services.research_made import backtest_made
from trading.services.research_runs import (
    Claim,
    changed_of,
    run_claim,
    run_fail,
    run_give_back,
    run_keep,
    run_renew,
    run_tell,
)
from trading.services.sweeps import trials_work

log = logging.getLogger(__name__)

TELL_EVERY_S = 0.5
# Another attempt would end the same way.
FINAL = (*UNMADE, RunError, ColumnError, BadBarsError, AssumptionError, BarsError, FigureError)


class UnwantedError(Exception):
    """The work was cancelled, or another process does it."""


def work_next(worker: str) -> bool:
    """Do the next piece of research that waits; tell whether there was one."""
    folder_refresh()
    models_shelve()
    claim = run_claim()
    if claim is not None:
        run_work(claim)
        return True
    return trials_work(worker)


def run_work(claim: Claim) -> bool:
    """Make a claimed backtest; tell whether it is ready.

    What cannot succeed fails at once with its sentence; anything else is tried again by the sweep.
    """
    with keeper_of(claim):
        try:
            run = BacktestRun.objects.get(pk=claim.run_id)
            make = combination_made if is_combination(run) else backtest_made
            content, made = make(run, tell=_Teller(claim))
            made = {**made, "metrics": {**made["metrics"], **luck_of(run, content)}}
            return run_keep(claim, made)
        except UnwantedError:
            return False
        except FINAL as fault:
            run_fail(claim, str(fault))
        except (MemoryError, SystemExit) as fault:
            run_fail(claim, sentence_of(fault))
        except Exception as fault:
            log.exception("a backtest broke off", extra={"run_id": claim.run_id})
            run_give_back(claim, f"{type(fault).__name__}: {fault}"[:300])
    publish(changed_of(BacktestRun.objects.get(pk=claim.run_id)))
    return False


def keeper_of(claim: Claim) -> LeaseKeeper:
    """Return what keeps the lease of a run while it is made, and ends what takes too long."""
    minutes = settings.ENV["MYSTIC_RESEARCH_MINUTES"]
    sentence = f"it took longer than {minutes} minutes; choose a shorter span or longer bars"
    return LeaseKeeper(
        "a backtest",
        renew=functools.partial(run_renew, claim),
        hand_back=functools.partial(run_give_back, claim, "", counts=False),
        longest_s=60.0 * minutes,
        expire=functools.partial(run_fail, claim, sentence),
    )


class _Teller:
    """Writes down how far a run is, twice a second at most, and ends one that is not wanted."""

    def __init__(self, claim: Claim) -> None:
        self._claim, self._stage, self._told_at = claim, "", float("-inf")

    def __call__(self, progress: float, stage: str) -> None:
        now = time.monotonic()
        if stage == self._stage and now - self._told_at < TELL_EVERY_S:
            return
        self._stage, self._told_at = stage, now
        if not run_tell(self._claim, progress, stage):
            raise UnwantedError
