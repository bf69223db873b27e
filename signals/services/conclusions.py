"""From what the engine answered to the rows that are kept: decisions, signals, progress."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from markets.models import Instrument
from mystic.lib.provenance import REPLAY_PREFIX
from signals.columns.decisions import BarDecision, Verdict
from signals.feed import BarOrigin
from signals.models import Decision, Progress, Signal, Strategy
from signals.strategies.sentences import storable

ERRORS_UNTIL_PAUSE = 3
# A signal is late when its bar closed more than so many timeframes ago.
LATE_AFTER = 2
# What a live signal may take to be concluded however short its timeframe is.
LEAST_PATIENCE_S = 10
SIDES = {Verdict.ENTER_LONG: Signal.Side.BUY, Verdict.EXIT: Signal.Side.SELL}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the engine answered about one strategy on one instrument.

    `from_open` is the first bar that was asked for, `newest_close` the close of the newest whole
    bar of the series; UTC epoch seconds.
    """

    strategy: Strategy
    instrument: Instrument
    decisions: Sequence[BarDecision]
    origins: Sequence[BarOrigin]
    newest_close: int
    from_open: int

    @property
    def pair(self) -> tuple[int, int]:
        return self.strategy.pk, self.instrument.pk


def conclude(
    outcome: Outcome, progress: Progress, now: datetime
) -> Iterator[tuple[Decision, Signal | None]]:
    """Yield the row of each bar that is not decided yet, with its signal, and move `progress` on.

    After three failures in a row the pair is paused and what follows is left undecided. An answer
    that would leave a hole is dropped: it was asked for when nothing was decided yet, and another
    worker began at an earlier bar. The sweep asks again from there.
    """
    decided = progress.decided_through
    if decided is not None and outcome.from_open > decided + outcome.strategy.timeframe:
        return
    last_verdict = progress.last_decision.verdict if progress.last_decision else ""
    for bar, origin in zip(outcome.decisions, outcome.origins, strict=True):
        if progress.paused_reason:
            return
        if progress.decided_through is not None and bar.bar_open <= progress.decided_through:
            continue
        decision = _decision(outcome, bar, origin, now)
        signal = None
        # An exit that goes on asks for nothing new.
        is_repeated_exit = bar.verdict == last_verdict == Verdict.EXIT
        if bar.verdict in SIDES and not is_repeated_exit:
            signal = _signal(outcome, decision, bar, now)
        last_verdict = bar.verdict
        _advance(progress, bar, is_signal=signal is not None, now=now)
        yield decision, signal


def _advance(progress: Progress, bar: BarDecision, *, is_signal: bool, now: datetime) -> None:
    progress.decided_through = bar.bar_open
    progress.decisions += 1
    progress.signals += is_signal
    progress.updated_at = now
    progress.errors = progress.errors + 1 if bar.verdict == Verdict.ERROR else 0
    if progress.errors >= ERRORS_UNTIL_PAUSE:
        progress.paused_reason = f"paused after {progress.errors} errors: {storable(bar.reason)}"[
            :300
        ]


def _decision(outcome: Outcome, bar: BarDecision, origin: BarOrigin, now: datetime) -> Decision:
    close = bar.bar_open + outcome.strategy.timeframe
    return Decision(
        strategy=outcome.strategy,
        instrument=outcome.instrument,
        bar_open=bar.bar_open,
        verdict=bar.verdict.value,
        reason=storable(bar.reason),
        confidence=bar.confidence,
        values=dict(bar.values),
        source=origin.source,
        is_live=origin.is_live and not _late_reason(outcome, close, origin.source, now),
        decided_at=now,
    )


def _signal(outcome: Outcome, decision: Decision, bar: BarDecision, now: datetime) -> Signal:
    close = bar.bar_open + outcome.strategy.timeframe
    late_reason = _late_reason(outcome, close, decision.source, now)
    return Signal(
        decision=decision,
        strategy=outcome.strategy,
        instrument=outcome.instrument,
        side=SIDES[bar.verdict],
        confidence=_confidence(bar),
        price=_price(bar),
        stop=bar.stop,
        take=bar.take,
        reason=decision.reason,
        bar_close=close,
        source=decision.source,
        is_live=decision.is_live,
        created_at=now,
        late_reason=late_reason,
        acted_at=now if late_reason else None,
    )


def _confidence(bar: BarDecision) -> float:
    if bar.confidence is None:
        return 1.0
    if not isfinite(bar.confidence):
        message = f"confidence is a number from 0 to 1, not {bar.confidence}"
        raise ValueError(message)
    return bar.confidence


def _price(bar: BarDecision) -> float:
    if bar.price is None:
        message = f"the decision on the bar at {bar.bar_open} asks for action without a price"
        raise ValueError(message)
    return bar.price


def _late_reason(outcome: Outcome, close: int, source: str, now: datetime) -> str:
    """Return why nobody may act on this bar any more, or nothing.

    A replay's clock is its bars; live bars are also held against the wall clock, because while
    missed bars come in, the newest one stored may itself be old.
    """
    behind_s = outcome.newest_close - close
    if not source.startswith(REPLAY_PREFIX):
        behind_s = max(behind_s, int(now.timestamp()) - close - LEAST_PATIENCE_S)
    if behind_s <= LATE_AFTER * outcome.strategy.timeframe:
        return ""
    return f"concluded {_span(behind_s)} after its bar closed: too late to act on"


def _span(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
