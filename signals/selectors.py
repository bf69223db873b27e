"""What the pages and the API read: strategies, decisions, signals, patterns."""

from collections.abc import Sequence

from django.db.models import Count, Max, Prefetch, Q, QuerySet
from django.utils import timezone

from markets.models import Instrument
from markets.selectors import base_timeframe
from mystic.models import User
from signals.models import Decision, Pattern, Progress, Signal, Strategy, StrategyFile
from signals.selectors_rules import seen_by
from signals.strategies.registry import CLASSES, misfit, running_timeframe

LATEST = 8


def strategies_for(*, user: User) -> QuerySet[Strategy]:
    """Return the active strategies of everybody, the user's own, and what others shared."""
    return Strategy.objects.filter(seen_by(user), is_active=True)


def strategies_unfit() -> list[tuple[str, str, str]]:
    """Return the strategies that cannot run on the stored bars: name, timeframe, reason."""
    base = base_timeframe()
    instances = [cls(timeframe=running_timeframe(cls, base)) for cls in CLASSES.values()]
    return [(one.name, one.timeframe, reason) for one in instances if (reason := misfit(one)) != ""]


def strategy_files() -> list[StrategyFile]:
    """Return the files of the strategies folder as they were last read."""
    return list(StrategyFile.objects.all())


def strategies_with_progress(*, user: User) -> list[Strategy]:
    """Return a user's strategies, each with its pairs and what it last said about them."""
    pairs = Progress.objects.select_related("instrument", "last_decision").order_by(
        "instrument__symbol"
    )
    found = strategies_for(user=user).select_related("owner")
    return list(found.prefetch_related(Prefetch("progress", queryset=pairs)))


def signals_recent(
    *,
    user: User | None,
    instrument: Instrument | None = None,
    strategy_id: int | None = None,
    side: str = "",
) -> QuerySet[Signal]:
    """Return the signals of strategies the user may see, newest first; None sees everybody's."""
    is_visible = Q(strategy__owner=None)
    if user is not None:
        is_visible |= Q(strategy__owner=user) | Q(strategy__is_shared=True)
    found = Signal.objects.filter(is_visible).select_related("instrument", "strategy")
    if instrument is not None:
        found = found.filter(instrument=instrument)
    if strategy_id is not None:
        found = found.filter(strategy_id=strategy_id)
    return found.filter(side=side) if side else found


def last_decisions(*, user: User, instrument: Instrument) -> list[Progress]:
    """Return what each of the user's strategies last said about an instrument."""
    return list(
        Progress.objects.filter(instrument=instrument, strategy__in=strategies_for(user=user))
        .select_related("strategy", "last_decision")
        .order_by("strategy__name")
    )


def decisions_for(*, user: User, instrument: Instrument, limit: int) -> QuerySet[Decision]:
    """Return the newest decisions of the user's strategies about an instrument."""
    return (
        Decision.objects.filter(instrument=instrument, strategy__in=strategies_for(user=user))
        .select_related("strategy")
        .order_by("-bar_open", "strategy_id")[:limit]
    )


def patterns_for(
    *,
    instrument: Instrument,
    timeframe: int,
    since: int = 0,
    kinds: Sequence[str] = (),
) -> QuerySet[Pattern]:
    """Return the patterns of a series confirmed since an epoch second, in order of confirmation."""
    found = Pattern.objects.filter(
        instrument=instrument, timeframe=timeframe, confirmed_at__gte=since
    )
    return (found.filter(kind__in=kinds) if kinds else found).order_by("confirmed_at", "pk")


def evaluation_state() -> dict[str, int | float | None]:
    """Return how many pairs are evaluated and how long ago the last decision was."""
    found = Progress.objects.filter(strategy__is_active=True).aggregate(
        pairs=Count("pk"),
        newest=Max("updated_at"),
    )
    newest = found["newest"]
    age_s = None if newest is None else (timezone.now() - newest).total_seconds()
    return {"pairs": found["pairs"], "newest_age_s": age_s}


def pattern_newest(*, instrument: Instrument, timeframe: int) -> int | None:
    """Return when the newest pattern of a series was confirmed, UTC epoch seconds."""
    found = Pattern.objects.filter(instrument=instrument, timeframe=timeframe)
    newest: int | None = found.aggregate(newest=Max("confirmed_at"))["newest"]
    return newest


def pairs_paused() -> list[Progress]:
    """Return the pairs that are not evaluated any more because their strategy failed."""
    return list(
        Progress.objects.filter(strategy__is_active=True)
        .exclude(paused_reason="")
        .select_related("strategy", "instrument")
    )
