"""Ask for backtests, cancel them, run them again."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from mystic.lib.bus import publish
from mystic.models import User
from signals.models import Strategy
from signals.selectors_rules import seen_by
from trading.backtest.assumptions import Assumptions
from trading.events import ResearchChanged, ResearchWanted
from trading.models import BacktestRun
from trading.selectors_research import UNMADE, strategy_of
from trading.services.combinations import combination_version, is_combination
from trading.services.research_asked import refuse_crowd, research_fields
from trading.services.research_errors import ResearchError

KIND = "backtest"
State = BacktestRun.State


def backtest_start(
    *,
    user: User,
    strategy: Strategy,
    symbols: Sequence[str],
    from_open: int,
    through_open: int,
    assumptions: Assumptions | Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    name: str = "",
) -> BacktestRun:
    """Ask for a backtest; a worker makes it.

    Parameters
    ----------
    strategy : Strategy
        One that the user may see.
    from_open, through_open : int
        First and last bar that is decided on, UTC epoch seconds.
    params : mapping, optional
        In place of the strategy's own.

    Raises
    ------
    ResearchError
        With the place of what is wrong.
    """
    told = research_fields(
        user=user,
        strategy=strategy,
        symbols=symbols,
        from_open=from_open,
        through_open=through_open,
        assumptions=assumptions,
        params=params,
        name=name,
    )
    return _waiting(user, told)


def backtest_again(*, run: BacktestRun, user: User) -> BacktestRun:
    """Ask for the same backtest once more, with the code and the bars of now.

    Its report says whether every byte is equal, or what changed.

    Raises
    ------
    ResearchError
    """
    if run.owner_id != user.pk:
        raise ResearchError("There is no such backtest.")
    _refuse_withdrawn(run, user)
    try:
        version = combination_version(run) if is_combination(run) else strategy_of(run).version
    except UNMADE as fault:
        message = f"This strategy cannot be made any more: {fault}"
        raise ResearchError(message, "/strategy") from None
    kept = ("strategy", "class_name", "definition", "params", "symbols", "timeframe")
    spans = ("from_open", "through_open", "assumptions", "name")
    told = {one: getattr(run, one) for one in (*kept, *spans)}
    return _waiting(user, {**told, "owner": user, "version": version})


def _refuse_withdrawn(run: BacktestRun, user: User) -> None:
    """Refuse new work on rules of another user that are not shared any more; reports stay."""
    told = [run.strategy_id, *(one["strategy"] for one in run.definition.get("parts", []))]
    asked = Strategy.objects.filter(pk__in=[one for one in told if one is not None])
    hidden = asked.exclude(pk__in=Strategy.objects.filter(seen_by(user)).values("pk")).first()
    if hidden is not None:
        raise ResearchError(
            f"{hidden.name} is not shared with you any more: your reports of it stay, "
            "new ones cannot be made.",
            "/strategy",
        )


def backtest_cancel(*, run: BacktestRun, actor: str) -> bool:
    """End a backtest that waits or runs; its process notices within seconds."""
    ended = BacktestRun.objects.filter(pk=run.pk, state__in=(State.WAITING, State.RUNNING)).update(
        state=State.CANCELED,
        error=f"canceled by {actor}"[:500],
        stage="",
        leased_until=None,
        finished_at=timezone.now(),
        attempts=F("attempts"),
    )
    if ended:
        changed = ResearchChanged(KIND, run.pk, run.owner_id, State.CANCELED, run.progress, "")
        transaction.on_commit(functools.partial(publish, changed))
    return bool(ended)


def backtest_archive(*, run: BacktestRun, is_archived: bool = True) -> None:
    """Leave an ended backtest out of lists, or put it back; nothing of it is deleted."""
    BacktestRun.objects.filter(pk=run.pk).update(is_archived=is_archived)


@transaction.atomic
def _waiting(user: User, told: Mapping[str, Any]) -> BacktestRun:
    """Write the row and ring for it, unless too many of the user's wait already."""
    refuse_crowd(user, is_last_look=True)
    run = BacktestRun.objects.create(stage="waits for a worker", **told)
    transaction.on_commit(functools.partial(publish, ResearchWanted(KIND, run.pk, user.pk)))
    return run
