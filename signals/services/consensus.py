"""What the shared strategies and the ready models say together about each closed bar, once.

A bar is voted on when every voter has said its word about it, or `PATIENCE_S` after its close. A
replay's clock is its bars: there a voter is waited for until it is `PATIENCE_BARS` behind.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from markets.models import Instrument
from markets.selectors import bars_load, instruments_watched
from mystic.lib.bus import publish
from mystic.lib.provenance import REPLAY_PREFIX
from signals.agents.vote import BUY, HOLD, SELL, Verdict, Vote, decide
from signals.events import ConsensusReached
from signals.models import Consensus, Decision, Forecast, ForecastModel, Progress, Signal, Strategy
from signals.services.conclusions import LATE_AFTER, LEAST_PATIENCE_S
from signals.services.voters import DOWN, HORIZON, UP, records

PATIENCE_S = 20
PATIENCE_BARS = 3
# So many values of a decision stand in the reason of a vote.
VALUES = 3
NOBODY = (None, "")
SILENT = {
    Decision.Verdict.WARMING_UP.value,
    Decision.Verdict.ERROR.value,
    Decision.Verdict.REFUSED.value,
}


@dataclass(frozen=True, slots=True)
class Panel:
    """The voters of one timeframe and what they last said, by instrument."""

    timeframe: int
    strategies: Sequence[Strategy]
    models: Sequence[ForecastModel]
    progress: Mapping[tuple[int, int], Progress]
    signals: Mapping[tuple[int, int], Signal]
    forecasts: Mapping[tuple[int, int], Forecast]


def consensus_reach(*, now_s: int | None = None) -> int:
    """Write the vote on the newest closed bar of each instrument and timeframe that has voters.

    Returns
    -------
    int
        How many votes were written; a bar that has its vote is left alone.
    """
    moment = int(timezone.now().timestamp()) if now_s is None else now_s
    instruments = instruments_watched()
    written = 0
    for timeframe in _timeframes():
        panel = _panel(timeframe, instruments)
        known = _newest_votes(timeframe, instruments)
        rows = [
            row
            for instrument in instruments
            if (row := _reached(panel, instrument, known.get(instrument.pk, NOBODY)[0], moment))
        ]
        written += _write(rows, {pk: said for pk, (_, said) in known.items()})
    return written


def _timeframes() -> list[int]:
    voting = Strategy.objects.filter(is_active=True, owner=None).values_list("timeframe", flat=True)
    ready = ForecastModel.objects.filter(state=ForecastModel.State.READY)
    return sorted({*voting, *ready.values_list("timeframe", flat=True)})


def _panel(timeframe: int, instruments: Sequence[Instrument]) -> Panel:
    strategies = list(
        Strategy.objects.filter(is_active=True, owner=None, timeframe=timeframe).order_by("pk")
    )
    models = list(
        ForecastModel.objects.filter(state=ForecastModel.State.READY, timeframe=timeframe).defer(
            "direction_trees", "quantile_trees"
        )
    )
    progress = Progress.objects.filter(
        strategy__in=strategies, instrument__in=instruments
    ).select_related("last_decision")
    return Panel(
        timeframe,
        strategies,
        models,
        {(row.strategy_id, row.instrument_id): row for row in progress},
        _newest_signals(strategies, progress, timeframe),
        _newest_forecasts(models, instruments),
    )


def _newest_signals(
    strategies: Sequence[Strategy], progress: Iterable[Progress], timeframe: int
) -> dict[tuple[int, int], Signal]:
    """Return the newest signal of each pair that is within its horizon."""
    decided = [row.decided_through for row in progress if row.decided_through is not None]
    since = max(decided, default=0) - 2 * HORIZON * timeframe
    rows = (
        Signal.objects.filter(strategy__in=strategies, bar_close__gt=since)
        .select_related("decision")
        .order_by("bar_close")
    )
    return {(row.strategy_id, row.instrument_id): row for row in rows}


def _newest_forecasts(
    models: Sequence[ForecastModel], instruments: Sequence[Instrument]
) -> dict[tuple[int, int], Forecast]:
    """Return the newest forecast of each model and instrument."""
    found: dict[tuple[int, int], Forecast] = {}
    for model in models:
        newest = Forecast.objects.filter(model=model, instrument=OuterRef("pk"))
        ids = (
            Instrument.objects.filter(pk__in=[one.pk for one in instruments])
            .annotate(newest=Subquery(newest.order_by("-bar_open").values("pk")[:1]))
            .values_list("newest", flat=True)
        )
        rows = Forecast.objects.filter(pk__in=[pk for pk in ids if pk is not None])
        found |= {(model.pk, row.instrument_id): row for row in rows.defer("contributions")}
    return found


def _newest_votes(timeframe: int, instruments: Sequence[Instrument]) -> dict[int, tuple[int, str]]:
    """Return the newest vote of each instrument: its bar and what it said."""
    votes = Consensus.objects.filter(instrument=OuterRef("pk"), timeframe=timeframe)
    newest = votes.order_by("-bar_open")
    rows = (
        Instrument.objects.filter(pk__in=[one.pk for one in instruments])
        .annotate(
            voted=Subquery(newest.values("bar_open")[:1]),
            said=Subquery(newest.values("signal_type")[:1]),
        )
        .values_list("pk", "voted", "said")
    )
    return {pk: (voted, said) for pk, voted, said in rows if voted is not None}


def _reached(
    panel: Panel, instrument: Instrument, voted: int | None, moment: int
) -> Consensus | None:
    """Return the vote on the newest bar anybody spoke of; None where it is there, or too early."""
    said = _said(panel, instrument)
    if not said:
        return None
    bar_open = max(said)
    if voted is not None and voted >= bar_open:
        return None
    price, source, is_live = _under(panel, instrument, bar_open)
    if any(one != bar_open for one in said) and not _is_late(panel, said, source, moment):
        return None
    if price is None:
        return None
    behind_s = 0 if source.startswith(REPLAY_PREFIX) else moment - bar_open - panel.timeframe
    if behind_s >= HORIZON * panel.timeframe:
        return None  # what is voted on is known by now
    verdict = decide(list(_votes(panel, instrument, bar_open)))
    return Consensus(
        instrument=instrument,
        timeframe=panel.timeframe,
        bar_open=bar_open,
        signal_type=verdict.signal_type,
        confidence=verdict.confidence,
        reasoning=verdict.reasoning[:500],
        price=price,
        votes=_stored(verdict),
        source=source,
        is_live=is_live and behind_s <= LATE_AFTER * panel.timeframe + LEAST_PATIENCE_S,
        created_at=timezone.now(),
    )


def _is_late(panel: Panel, said: Sequence[int], source: str, moment: int) -> bool:
    """Tell whether the voters that are behind are waited for no longer."""
    if source.startswith(REPLAY_PREFIX):
        return max(said) - min(said) >= PATIENCE_BARS * panel.timeframe
    return moment >= max(said) + panel.timeframe + PATIENCE_S


def _said(panel: Panel, instrument: Instrument) -> list[int]:
    """Return the newest bar that each voter spoke of; paused ones are not waited for."""
    pairs = (panel.progress.get((one.pk, instrument.pk)) for one in panel.strategies)
    said = [
        row.decided_through
        for row in pairs
        if row is not None and not row.paused_reason and row.decided_through is not None
    ]
    told = (panel.forecasts.get((one.pk, instrument.pk)) for one in panel.models)
    return said + [one.bar_open for one in told if one is not None]


def _under(panel: Panel, instrument: Instrument, bar_open: int) -> tuple[float | None, str, bool]:
    """Return the close of the bar that is voted on, its source, and whether it came live."""
    for model in panel.models:
        told = panel.forecasts.get((model.pk, instrument.pk))
        if told is not None and told.bar_open == bar_open:
            return told.price, told.source, told.is_live
    for strategy in panel.strategies:
        row = panel.progress.get((strategy.pk, instrument.pk))
        decision = row.last_decision if row else None
        if decision is not None and decision.bar_open == bar_open:
            return _close(instrument, panel.timeframe, bar_open), decision.source, decision.is_live
    return None, "", False


def _close(instrument: Instrument, timeframe: int, bar_open: int) -> float | None:
    bars = bars_load(instrument.pk, timeframe, end=bar_open + timeframe, limit=1)
    is_it = len(bars.open_time) and int(bars.open_time[-1]) == bar_open
    return float(bars.close[-1]) if is_it else None


def _votes(panel: Panel, instrument: Instrument, bar_open: int) -> Iterator[Vote]:
    for strategy in panel.strategies:
        key = (strategy.pk, instrument.pk)
        row = panel.progress.get(key)
        yield _vote_of_strategy(panel, strategy, row, panel.signals.get(key), bar_open)
    for model in panel.models:
        told = panel.forecasts.get((model.pk, instrument.pk))
        if told is not None and told.bar_open == bar_open:
            yield _vote_of_model(panel, model, told)


def _vote_of_strategy(
    panel: Panel,
    strategy: Strategy,
    row: Progress | None,
    signal: Signal | None,
    bar_open: int,
) -> Vote:
    """Return what a strategy stands for: its last signal, as long as its horizon has not passed."""
    decision = row.last_decision if row else None
    if row is None or decision is None or decision.bar_open != bar_open:
        reason = (row.paused_reason if row else "") or "it has not decided on this bar"
        return Vote(strategy.name, HOLD, None, reason)
    bar_close = bar_open + panel.timeframe
    is_fresh = signal is not None and bar_close - signal.bar_close < HORIZON * panel.timeframe
    if signal is None or not is_fresh or decision.verdict in SILENT:
        return Vote(strategy.name, HOLD, None, decision.reason)
    side = str(signal.side)
    direction = UP if side == BUY else DOWN
    record = records.of(panel.timeframe, ("strategy", strategy.pk), direction, decision.source)
    return Vote(strategy.name, side, signal.confidence, _reason(signal), record)


def _reason(signal: Signal) -> str:
    """Return why a signal was raised, with the first values that it was concluded from.

    By name: PostgreSQL does not keep the order in which the values were written.
    """
    numbers = [
        f"{name.replace('_', ' ')} {value:.6g}"
        for name, value in sorted(signal.decision.values.items())
        if not isinstance(value, bool)
    ]
    return f"{signal.reason} ({', '.join(numbers[:VALUES])})" if numbers else signal.reason


def _vote_of_model(panel: Panel, model: ForecastModel, told: Forecast) -> Vote:
    side = BUY if told.direction > 0 else SELL
    probability = told.probability if told.probability is not None else 0.5
    reason = f"it gives a rise within {model.horizon} bars {probability:.0%}"
    record = records.of(panel.timeframe, ("model", model.pk), told.direction, told.source)
    return Vote(str(model), side, abs(2 * probability - 1), reason, record)


def _stored(verdict: Verdict) -> list[dict[str, object]]:
    return [
        {
            "name": one.name,
            "signal_type": one.signal_type,
            "confidence": one.confidence,
            "reason": one.reason,
            "weight": round(one.weight, 4),
            "hits": round(one.record.hits, 2),
            "count": one.record.count,
            "base_rate": round(one.record.base_rate, 4),
        }
        for one in verdict.votes
    ]


def _write(rows: Sequence[Consensus], before: Mapping[int, str]) -> int:
    """Write the votes that no other worker did; return how many were written.

    Parameters
    ----------
    before : mapping
        What the vote before said, by instrument id.
    """
    if not rows:
        return 0
    try:
        with transaction.atomic():
            _tell(Consensus.objects.bulk_create(rows), before)
        return len(rows)
    except IntegrityError:
        return sum(_write_one(row, before) for row in rows)


def _write_one(row: Consensus, before: Mapping[int, str]) -> int:
    row.pk = None
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _tell([row], before)
    except IntegrityError:
        return 0  # another worker wrote it meanwhile
    return 1


def _tell(rows: Iterable[Consensus], before: Mapping[int, str]) -> None:
    for row in rows:
        is_changed = row.signal_type != before.get(row.instrument_id, "")
        event = ConsensusReached(row.pk, is_changed=is_changed)
        transaction.on_commit(functools.partial(publish, event))
