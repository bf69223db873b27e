"""Decide once for all users what each strategy makes of the bars that closed.

Everything one evaluation found out is written in one transaction under the lock of its `Progress`
rows: a second worker, a doubled ring or a restart finds the bars decided and adds nothing.
"""

import contextlib
import functools
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Max
from django.utils import timezone

from markets.models import Instrument
from markets.selectors import base_timeframe, instruments_watched
from markets.selectors_quality import refusing
from mystic.lib.bus import publish
from signals.columns.cache import EvaluationCache
from signals.columns.decisions import BarDecision, Verdict
from signals.columns.engine import evaluate as engine_evaluate
from signals.columns.errors import ColumnError, UnreadyModelError
from signals.columns.model_column import unready
from signals.events import DecisionsWritten, SignalRaised
from signals.feed import Extent, Feed, extents
from signals.models import Decision, Progress, Signal, Strategy
from signals.services.conclusions import Outcome, conclude
from signals.services.folder import folder_refresh
from signals.services.instances import instance_of, is_known
from signals.services.past import KnownPast
from signals.services.shelving import models_shelve
from signals.services.voters import signals_forecast
from signals.strategies.registry import decides_on
from signals.strategies.sentences import sentence_of

log = logging.getLogger(__name__)

# A pair that fell behind catches up by so many bars at a time; the sweep rings for the rest.
MOST_BARS = 500
NONE_POOR: Mapping[int, str] = {}
_cache = EvaluationCache()
_past = KnownPast()
# One evaluation at a time in a process: the cache belongs to it, and a second one finds no work.
_turn = threading.Lock()


@dataclass(frozen=True, slots=True)
class Task:
    """Bars [from_open, through_open] of one instrument that one strategy has not decided.

    `is_first` while it decided none at all.
    """

    strategy: Strategy
    instrument: Instrument
    from_open: int
    through_open: int
    is_first: bool = False


def evaluate(timeframe: int, bar_close: int) -> int:
    """Decide every bar that closed up to `bar_close` in series of this or a longer timeframe.

    Parameters
    ----------
    timeframe : int
        Seconds of the stored bars that closed.
    bar_close : int
        UTC epoch seconds; later bars wait for their own ring.

    Returns
    -------
    int
        How many decisions were written.
    """
    with _turn:
        return _evaluate(timeframe, bar_close)


def evaluate_waiting() -> int:
    """Decide what is closed and was not decided because a ring was lost; usually nothing."""
    with _turn:
        return _evaluate(base_timeframe(), None)


def _evaluate(timeframe: int, bar_close: int | None) -> int:
    folder_refresh()
    base = base_timeframe()
    strategies = [
        row
        for row in Strategy.objects.filter(is_active=True, timeframe__gte=timeframe)
        if row.timeframe % base == 0 and is_known(row)
    ]
    instruments = instruments_watched() if strategies else []
    spans = extents([instrument.pk for instrument in instruments], base)
    tasks = list(_tasks(strategies, instruments, spans, bar_close))
    if not tasks:
        return 0
    if _past.has_changed(base):
        _cache.forget()
    _forget_replaced(strategies)
    models_shelve()
    feed = Feed(spans, base)
    feed.read_ahead(
        {task.instrument.pk for task in tasks},
        seconds=max(task.strategy.timeframe for task in tasks),
    )
    poor = refusing(list({task.instrument.pk for task in tasks}))
    return _write([_outcome(task, feed, spans, poor) for task in tasks])


def _forget_replaced(strategies: Sequence[Strategy]) -> None:
    """Drop the calculations of versions that are not evaluated any more."""
    if _cache.count <= len(strategies):
        return
    wanted = []
    for row in strategies:
        # One that cannot be made any more says so where it is evaluated.
        with contextlib.suppress(Exception):
            wanted.append(instance_of(row))
    _cache.keep_only(wanted)


def _tasks(
    strategies: Iterable[Strategy],
    instruments: Iterable[Instrument],
    spans: dict[int, Extent],
    bar_close: int | None,
) -> Iterable[Task]:
    progress = {
        (row.strategy_id, row.instrument_id): row
        for row in Progress.objects.filter(strategy__in=strategies)
    }
    covered = [one for one in instruments if one.pk in spans]
    for strategy in strategies:
        step = strategy.timeframe
        for instrument in covered:
            if not decides_on(strategy.class_name, instrument.asset_class):
                continue  # a class says what it is made for
            row = progress.get((strategy.pk, instrument.pk))
            if row is not None and row.paused_reason:
                continue
            through = spans[instrument.pk].through
            newest = (through if bar_close is None else min(through, bar_close)) // step * step
            newest -= step
            decided = None if row is None else row.decided_through
            begin = newest if decided is None else decided + step
            if begin <= newest and newest >= spans[instrument.pk].start:
                last = min(newest, begin + (MOST_BARS - 1) * step)
                yield Task(strategy, instrument, begin, last, is_first=decided is None)


def _outcome(
    task: Task, feed: Feed, spans: dict[int, Extent], poor: Mapping[int, str] = NONE_POOR
) -> Outcome:
    row = task.strategy
    try:
        decisions = _decided(task, feed)
    except Exception as fault:
        if (silent := unready(fault)) is not None:
            return _outcome_of(task, feed, spans, poor, _waiting(task, feed, silent))
        sentence = sentence_of(fault)
        log.warning(
            "a strategy failed: %s",
            sentence,
            extra={"strategy": row.name, "instrument": task.instrument.symbol},
            # What the language refuses is said in its sentence.
            exc_info=None if isinstance(fault, ColumnError) else fault,
        )
        decisions = [BarDecision(task.from_open, Verdict.ERROR, sentence)]
    return _outcome_of(task, feed, spans, poor, decisions)


def _decided(task: Task, feed: Feed) -> list[BarDecision]:
    """Return the engine's answer.

    A pair's first bar is the newest one; where that has to wait for an input (a minute of the book
    that nobody stores), the one before it, or the pair would wait at every close.
    """
    strategy, step = instance_of(task.strategy), task.strategy.timeframe
    begins = (task.from_open, task.from_open - step) if task.is_first else (task.from_open,)
    found: list[BarDecision] = []
    for begin in begins:
        found = engine_evaluate(
            strategy,
            feed,
            instrument=task.instrument.pk,
            from_open=begin,
            through_open=task.through_open,
            cache=_cache,
        )
        if found:
            break
    return found


def _waiting(task: Task, feed: Feed, silent: UnreadyModelError) -> list[BarDecision]:
    """Say of each bar why a model that the strategy asks cannot speak of it."""
    step, through = task.strategy.timeframe, task.through_open
    if silent.through is not None:
        through = min(through, silent.through - step)
    bars = feed.bars(task.instrument.pk, step, task.from_open, through)
    return [
        BarDecision(bar_open, Verdict.WARMING_UP, str(silent)[:300], price=close)
        for bar_open, close in zip(bars.open_time.tolist(), bars.close.tolist(), strict=True)
    ]


def _outcome_of(
    task: Task,
    feed: Feed,
    spans: dict[int, Extent],
    poor: Mapping[int, str],
    decisions: list[BarDecision],
) -> Outcome:
    row = task.strategy
    if task.instrument.pk in poor:
        decisions = _refused(decisions, poor[task.instrument.pk])
    return Outcome(
        strategy=row,
        instrument=task.instrument,
        decisions=decisions,
        origins=[feed.origin(task.instrument.pk, one.bar_open, row.timeframe) for one in decisions],
        newest_close=spans[task.instrument.pk].through // row.timeframe * row.timeframe,
        from_open=min([task.from_open, *(one.bar_open for one in decisions)]),
    )


def _refused(decisions: Sequence[BarDecision], reason: str) -> list[BarDecision]:
    """Return the decisions as refusals: what was seen stays readable, nothing is asked for.

    A strategy that could not decide anyway keeps its own word.
    """
    kept = {Verdict.WARMING_UP, Verdict.ERROR}
    return [
        one
        if one.verdict in kept
        else replace(
            one, verdict=Verdict.REFUSED, reason=reason, confidence=None, stop=None, take=None
        )
        for one in decisions
    ]


def _write(outcomes: list[Outcome]) -> int:
    """Write what nobody wrote meanwhile, and tell of it on commit.

    All in one transaction; where something in it cannot be written, each pair in its own, so that
    the words of one strategy do not take those of the others with them.
    """
    outcomes = [outcome for outcome in outcomes if outcome.decisions]
    if not outcomes:
        return 0
    try:
        return _write_together(outcomes)
    except (OperationalError, InterfaceError):
        raise  # the database itself: the sweep comes again
    except Exception:
        log.exception("the decisions could not be written together: each pair on its own")
    return sum(_write_alone(outcome) for outcome in outcomes)


def _write_alone(outcome: Outcome) -> int:
    """Write the decisions of one pair; where they cannot be, that is the strategy's error."""
    try:
        return _write_together([outcome])
    except (OperationalError, InterfaceError):
        raise
    except Exception as fault:
        extra = {"strategy": outcome.strategy.name, "instrument": outcome.instrument.symbol}
        log.exception("what a strategy said could not be written", extra=extra)
        failed = BarDecision(outcome.decisions[0].bar_open, Verdict.ERROR, sentence_of(fault))
    return _write_together([replace(outcome, decisions=[failed], origins=outcome.origins[:1])])


def _write_together(outcomes: list[Outcome]) -> int:
    now = timezone.now()
    with transaction.atomic():
        progress = _locked(outcomes)
        pairs = [
            pair for outcome in outcomes for pair in conclude(outcome, progress[outcome.pair], now)
        ]
        decisions = Decision.objects.bulk_create([decision for decision, _ in pairs])
        signals = Signal.objects.bulk_create([signal for _, signal in pairs if signal])
        _forecast(signals)
        _progress_write(progress, decisions)
        transaction.on_commit(functools.partial(_tell, signals, decisions))
    return len(decisions)


def _forecast(signals: list[Signal]) -> None:
    """Write the forecasts that signals are; without them the signals still count."""
    try:
        with transaction.atomic():
            signals_forecast(signals)
    except Exception:
        log.exception("the forecasts of %d signals could not be written", len(signals))


def _locked(outcomes: list[Outcome]) -> dict[tuple[int, int], Progress]:
    """Return the progress of each pair, locked until the transaction ends."""
    wanted = {outcome.pair for outcome in outcomes}
    found = _progress_of(wanted)
    missing = wanted - set(found)
    if missing:
        # Without its row a pair goes on after the newest decision it has, if it has one.
        newest = {
            (strategy_id, instrument_id): bar_open
            for strategy_id, instrument_id, bar_open in Decision.objects.filter(
                strategy_id__in={pair[0] for pair in missing}
            )
            .values_list("strategy_id", "instrument_id")
            .annotate(Max("bar_open"))
            .order_by()
        }
        Progress.objects.bulk_create(
            [
                Progress(
                    strategy_id=pair[0], instrument_id=pair[1], decided_through=newest.get(pair)
                )
                for pair in sorted(missing)
            ],
            ignore_conflicts=True,
        )
        found = _progress_of(wanted)
    return found


def _progress_of(wanted: set[tuple[int, int]]) -> dict[tuple[int, int], Progress]:
    rows = (
        Progress.objects.select_for_update(of=("self",))
        .select_related("last_decision")
        .filter(strategy_id__in={pair[0] for pair in wanted})
        .order_by("pk")
    )
    return {(row.strategy_id, row.instrument_id): row for row in rows}


def _progress_write(progress: dict[tuple[int, int], Progress], decisions: list[Decision]) -> None:
    """Keep how far each pair is; its newest decision is what the pages show."""
    changed = {}
    for decision in decisions:
        row = progress[decision.strategy_id, decision.instrument_id]
        row.last_decision = decision
        changed[row.pk] = row
    Progress.objects.bulk_create(
        changed.values(),
        update_conflicts=True,
        unique_fields=["strategy", "instrument"],
        update_fields=[
            "decided_through",
            "errors",
            "paused_reason",
            "decisions",
            "signals",
            "last_decision",
            "updated_at",
        ],
    )


def _tell(signals: list[Signal], decisions: list[Decision]) -> None:
    for signal in signals:
        publish(SignalRaised(signal.pk))
    pairs = dict.fromkeys((row.strategy_id, row.instrument_id) for row in decisions)
    if pairs:
        publish(DecisionsWritten(tuple(pairs)))
