"""Ask for analyses of strategies; each is made in a process of its own, in bounded time."""

import functools
import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from markets.models import Instrument
from markets.selectors import instrument_by_symbol
from mystic.lib.bus import publish
from mystic.lib.children import child_begin
from mystic.lib.slots import slot_take
from mystic.models import User
from signals.columns.errors import BadBarsError, ColumnError
from signals.events import AnalysisWanted
from signals.models import Analysis, Strategy
from signals.selectors_rules import seen_by
from signals.services.analysis_work import (
    LEAST_BARS,
    MOST_BARS,
    USUAL_BARS,
    AnalysisError,
    analysis_of,
)
from signals.services.folder import folder_read
from signals.services.instances import NoStrategyError, instance_of
from signals.strategies.definition_reading import DefinitionError
from signals.strategies.params import ParamError
from signals.strategies.registry import decides_on

log = logging.getLogger(__name__)

AT_A_TIME = 2
"""Analyses of one person that may wait or run."""
KEPT = 20
"""Newest analyses of one person and strategy that are kept."""
LONGEST_S = 180.0
LEASE = timedelta(seconds=LONGEST_S + 30)
State = Analysis.State
WORKING = (State.WAITING, State.RUNNING)
UNFIT = (NoStrategyError, ParamError, DefinitionError, ColumnError, BadBarsError, AnalysisError)


def analysis_start(
    *, user: User, strategy: Strategy, symbol: str, bars: int = USUAL_BARS
) -> Analysis:
    """Ask for an analysis; a worker makes it.

    Raises
    ------
    AnalysisError
        With the place of what is wrong.
    """
    if not Strategy.objects.filter(seen_by(user), pk=strategy.pk).exists():
        raise AnalysisError("There is no such strategy.", "/strategy")
    if not LEAST_BARS <= bars <= MOST_BARS:
        raise AnalysisError(
            f"{bars} bars cannot be analysed: ask for {LEAST_BARS} to {MOST_BARS}.", "/bars"
        )
    instrument = _instrument(symbol, strategy)
    with transaction.atomic():
        owner = User.objects.select_for_update().get(pk=user.pk)
        working = Analysis.objects.filter(asked_by=owner, state__in=WORKING).count()
        if working >= AT_A_TIME:
            raise AnalysisError(
                f"{working} of your analyses wait or run; {AT_A_TIME} at a time are allowed. "
                "Wait for one to end."
            )
        row = Analysis.objects.create(
            strategy=strategy, asked_by=owner, symbol=instrument.symbol, bars=bars
        )
        _forget_old(owner, strategy)
        transaction.on_commit(functools.partial(publish, AnalysisWanted(row.pk)))
    return row


def _instrument(symbol: str, strategy: Strategy) -> Instrument:
    try:
        found = instrument_by_symbol(symbol)
    except Instrument.DoesNotExist as fault:
        raise AnalysisError(f"{str(fault)[:120]}.", "/symbol") from None
    if not decides_on(strategy.class_name, found.asset_class):
        raise AnalysisError(
            f"{strategy.name} is not made for {found.asset_class}, and {found.symbol} is that.",
            "/symbol",
        )
    return found


def _forget_old(owner: User, strategy: Strategy) -> None:
    rows = Analysis.objects.filter(asked_by=owner, strategy=strategy)
    kept = list(rows.values_list("pk", flat=True)[:KEPT])
    rows.exclude(pk__in=kept).exclude(state__in=WORKING).delete()


def analysis_begin(analysis_id: int) -> bool:
    """Begin a waiting analysis in a process of its own, unless another one runs; return at once."""
    slot = slot_take(settings.DATA_DIR / "slots", "analysis", 1)
    if slot is None:
        return False
    with slot:
        if not analysis_claim(analysis_id):
            return False
        try:
            child_begin(
                ("analyse", "--row", str(analysis_id)),
                name="analysis",
                ended=functools.partial(_ended, analysis_id),
                longest_s=LONGEST_S,
                kept_files=(slot.fileno(),),
            )
        except OSError as fault:
            analysis_fail(analysis_id, f"No process could be begun: {fault}.")
            return False
    return True


def _ended(analysis_id: int, code: int | None) -> None:
    """Close what the child left open; nothing where it ended as it should."""
    sentence = f"It took longer than {LONGEST_S:g} s and was ended. Ask for fewer bars."
    if code is not None:
        sentence = f"Its process ended with code {code}. Ask again."
    analysis_fail(analysis_id, sentence)
    analyses_sweep()


def analyses_sweep(now: datetime | None = None) -> None:
    """Fail what lost its process and begin what waits."""
    now = now or timezone.now()
    lost = Analysis.objects.filter(state=State.RUNNING, leased_until__lte=now)
    for analysis_id in lost.values_list("pk", flat=True):
        analysis_fail(analysis_id, "Its process ended before it was done. Ask again.")
    waiting = Analysis.objects.filter(state=State.WAITING).order_by("pk")
    for analysis_id in waiting.values_list("pk", flat=True)[:1]:
        analysis_begin(analysis_id)


def analysis_claim(analysis_id: int) -> bool:
    """Take a waiting analysis to make it; tell whether it was free."""
    waiting = Analysis.objects.filter(pk=analysis_id, state=State.WAITING)
    return bool(waiting.update(state=State.RUNNING, leased_until=timezone.now() + LEASE))


def analysis_make(analysis_id: int) -> bool:
    """Make a claimed analysis in this process; tell whether it is ready."""
    folder_read()
    row = Analysis.objects.select_related("strategy").get(pk=analysis_id)
    try:
        found = analysis_of(
            instance_of(row.strategy), instrument_by_symbol(row.symbol), bars=row.bars
        )
    except UNFIT as fault:
        return analysis_fail(analysis_id, str(fault)) and False
    except Instrument.DoesNotExist as fault:
        return analysis_fail(analysis_id, f"{str(fault)[:200]}.") and False
    except Exception as fault:
        log.exception("an analysis broke off", extra={"analysis_id": analysis_id})
        return analysis_fail(analysis_id, f"{type(fault).__name__}: {fault}") and False
    return _end(analysis_id, state=State.READY, document=found)


def analysis_fail(analysis_id: int, sentence: str) -> bool:
    """End an analysis that runs, with the reason."""
    return _end(analysis_id, state=State.FAILED, error=sentence[:500])


def _end(analysis_id: int, **told: Any) -> bool:
    running = Analysis.objects.filter(pk=analysis_id, state=State.RUNNING)
    return bool(running.update(leased_until=None, finished_at=timezone.now(), **told))
