"""Why, and why not: what a strategy made of one bar, taken apart."""

from dataclasses import dataclass

from markets.models import Instrument
from markets.selectors import base_timeframe
from mystic.models import User
from signals.columns.errors import ColumnError
from signals.columns.explain import Explanation, explain
from signals.feed import Feed, extents
from signals.models import Decision, Signal, Strategy
from signals.selectors_rules import seen_by
from signals.services.folder import folder_read
from signals.services.instances import NoStrategyError, instance_of
from signals.strategies.params import ParamError


@dataclass(frozen=True, slots=True)
class Why:
    """One bar of one strategy and instrument: what was decided, and what that was made of.

    Attributes
    ----------
    bar_open : int
        Open time of the bar, UTC epoch seconds.
    decision : Decision or None
        The stored one; None for a bar that was never decided live.
    explanation : Explanation or None
        Calculated now from the stored bars; None where there is no such bar.
    trouble : str
        Why nothing could be calculated.
    is_changed : bool
        The stored decision says something else: a bar was corrected since.
    newest_open : int or None
        The newest closed bar.
    """

    strategy: Strategy
    instrument: Instrument
    bar_open: int
    decision: Decision | None
    signal: Signal | None
    explanation: Explanation | None
    trouble: str
    is_changed: bool
    newest_open: int | None


def why(
    *, user: User, strategy_id: int, instrument: Instrument, bar_open: int | None = None
) -> Why:
    """Explain one closed bar, the newest one unless another is named.

    Raises
    ------
    Strategy.DoesNotExist
        Where the user may not see such a strategy.
    """
    folder_read()
    row = Strategy.objects.filter(seen_by(user)).get(pk=strategy_id)
    base, step = base_timeframe(), row.timeframe
    spans = extents([instrument.pk], base)
    span = spans.get(instrument.pk)
    newest = None if span is None else span.through // step * step - step
    wanted = (newest or 0) if bar_open is None else bar_open // step * step
    decision = (
        Decision.objects.filter(strategy=row, instrument=instrument, bar_open=wanted)
        .select_related("signal")
        .first()
    )
    told, trouble = _explained(row, instrument, wanted, Feed(spans, base))
    return Why(
        strategy=row,
        instrument=instrument,
        bar_open=wanted,
        decision=decision,
        signal=getattr(decision, "signal", None),
        explanation=told,
        trouble=trouble,
        is_changed=_is_changed(decision, told),
        newest_open=newest,
    )


def _explained(
    row: Strategy, instrument: Instrument, bar_open: int, feed: Feed
) -> tuple[Explanation | None, str]:
    try:
        strategy = instance_of(row)
        told = explain(strategy, feed, instrument=instrument.pk, bar_open=bar_open)
    except (NoStrategyError, ParamError, ColumnError) as fault:
        return None, str(fault)
    except Exception as fault:  # noqa: BLE001  a strategy's own code
        return None, f"{type(fault).__name__}: {fault}"
    if told is None:
        return None, "no such bar is stored, or what it looks at has not closed yet"
    return told, ""


def _is_changed(decision: Decision | None, told: Explanation | None) -> bool:
    """Say whether the bars say something else today; a refusal for poor data was no calculation."""
    if decision is None or told is None or decision.verdict == Decision.Verdict.REFUSED:
        return False
    now = told.decision
    return (decision.verdict, decision.reason) != (now.verdict.value, now.reason[:300])
