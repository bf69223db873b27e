"""What a written strategy would do on the stored bars: tried before it is kept, in bounded time."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from markets.models import Instrument
from markets.selectors import base_timeframe, instruments_watched
from markets.types import TIMEFRAME_NAMES, TIMEFRAME_SECONDS
from signals.columns.array_series import ArrayBars, FeedKey
from signals.columns.causality import LookaheadError, Tape, assert_causal
from signals.columns.compiled import compile_strategy
from signals.columns.decisions import BarDecision, Verdict
from signals.columns.engine import BLOCK, evaluate, history_needed
from signals.columns.errors import BadBarsError, ColumnError
from signals.columns.feeds import feed_key
from signals.columns.plan import ClockPlan
from signals.feed import Extent, Feed, extents
from signals.services.rule_cost import plans_of
from signals.strategies.definition_reading import DefinitionError
from signals.strategies.written import WrittenStrategy

SHOWN_BARS = 500
"""Bars on which it is tried."""
MOST_BARS = 40_000
"""A strategy that needs more of its own bars than this is not proven here."""
TIME_S = 3.0
"""What the prefix test may take."""
MOST_CUTS = 12
PATIENCE_S = 10.0
# One trial at a time in a process: however many ask, they take one processor.
_turn = threading.Lock()


@dataclass(frozen=True, slots=True)
class Need:
    """How far back one series must be stored before the first decision."""

    series: str
    bars: int
    days: float


@dataclass(slots=True)
class Trial:
    """What came of trying a strategy on the stored bars of one instrument.

    Attributes
    ----------
    cuts : int
        Prefixes on which the conclusions were compared; 0 where it could not be done.
    proof : str
        What the prefix test found, or why it was not made.
    newest : BarDecision or None
        The last conclusion.
    """

    needs: list[Need] = field(default_factory=list)
    symbol: str = ""
    decisions: int = 0
    entries: int = 0
    exits: int = 0
    first_open: int | None = None
    cuts: int = 0
    proof: str = ""
    newest: BarDecision | None = None
    took_s: float = 0.0


def rule_try(strategy: WrittenStrategy, *, symbol: str = "") -> Trial:
    """Evaluate a strategy on the newest stored bars, and test that it cannot look ahead.

    Raises
    ------
    DefinitionError
        Where a conclusion changed when later bars became known.
    """
    trial = Trial(needs=list(_needs(strategy)))
    if not _turn.acquire(timeout=PATIENCE_S):
        trial.proof = "not tested: others are being tried; try again"
        return trial
    began = time.monotonic()
    try:
        _try(strategy, symbol, trial)
    finally:
        _turn.release()
    trial.took_s = time.monotonic() - began
    return trial


def _try(strategy: WrittenStrategy, symbol: str, trial: Trial) -> None:
    stock = _stock(symbol)
    if stock is None:
        trial.proof = "not tested yet: no bars of a watched symbol are stored"
        return
    instrument, feed, span = stock
    trial.symbol = instrument.symbol
    step = TIMEFRAME_SECONDS[strategy.timeframe]
    last = span.through // step * step - step
    try:
        found = evaluate(
            strategy,
            feed,
            instrument=instrument.pk,
            from_open=last - (SHOWN_BARS - 1) * step,
            through_open=last,
        )
        _count(trial, found)
        if trial.decisions:
            _prove(strategy, instrument, feed, span, trial)
        else:
            trial.proof = "not tested yet: not enough bars are stored"
    except LookaheadError as fault:
        raise DefinitionError([("", f"it looks ahead: {fault}")]) from None
    except (ColumnError, BadBarsError) as fault:
        trial.proof = f"not tested: {fault}"


def _stock(symbol: str) -> tuple[Instrument, Feed, Extent] | None:
    """Return the asked-for instrument, or the watched one with most bars, and what is stored."""
    watched = instruments_watched()
    base = base_timeframe()
    spans = extents([one.pk for one in watched], base)
    held = [one for one in watched if one.pk in spans and symbol in ("", one.symbol)]
    if not held:
        return None
    chosen = min(held, key=lambda one: spans[one.pk].start)
    return chosen, Feed(spans, base), spans[chosen.pk]


def _needs(strategy: WrittenStrategy) -> Iterator[Need]:
    # The engine begins where a block begins, so up to a block of bars comes on top.
    spare = BLOCK * TIMEFRAME_SECONDS[strategy.timeframe]
    for (symbol, timeframe), seconds in history_needed(strategy).items():
        name = TIMEFRAME_NAMES[timeframe]
        series = name if symbol is None else f"{symbol} {name}"
        reach = max(seconds - spare, 0)
        yield Need(series, reach // timeframe, round(seconds / 86_400, 1))


def _count(trial: Trial, found: list[BarDecision]) -> None:
    settled = [one for one in found if one.verdict is not Verdict.WARMING_UP]
    trial.decisions = len(settled)
    trial.entries = sum(one.verdict is Verdict.ENTER_LONG for one in settled)
    trial.exits = sum(one.verdict is Verdict.EXIT for one in settled)
    trial.first_open = settled[0].bar_open if settled else None
    trial.newest = found[-1] if found else None


def _prove(
    strategy: WrittenStrategy, instrument: Instrument, feed: Feed, span: Extent, trial: Trial
) -> None:
    """Run the prefix test on as many cuts as the time allows; at least one."""
    step = TIMEFRAME_SECONDS[strategy.timeframe]
    behind = max(history_needed(strategy).values()) // step + SHOWN_BARS
    if behind > MOST_BARS:
        trial.proof = f"not tested: it needs {behind:,} bars, and at most {MOST_BARS:,} are tried"
        return
    last = span.through // step * step - step
    first = max(-(-span.start // step) * step, last - behind * step)
    plans = list(plans_of(compile_strategy(strategy).plan))
    symbols = {one.clock.symbol for one in plans if isinstance(one.clock.symbol, str)}
    bars = ArrayBars.of(feed.bars(instrument.pk, step, first, last))
    others = {one: ArrayBars.of(feed.bars(one, step, first, last)) for one in symbols}
    tapes = dict(_tapes(plans, feed, instrument, (first, last + step)))
    began = time.monotonic()
    trial.cuts = assert_causal(strategy, bars, step, cuts=1, feeds=tapes, others=others)
    # One cut takes two calculations, each further one takes one.
    spent = (time.monotonic() - began) / 2
    more = min(MOST_CUTS, int((TIME_S - 2 * spent) / max(spent, 1e-3)) - 1)
    if more > 1:
        trial.cuts = assert_causal(strategy, bars, step, cuts=more, feeds=tapes, others=others)
    trial.proof = "its conclusions did not change when later bars became known"


def _tapes(
    plans: list[ClockPlan], feed: Feed, instrument: Instrument, span: tuple[int, int]
) -> Iterator[tuple[FeedKey, Tape]]:
    """Yield what each feed told; a stored point is known from when it may be read."""
    for plan in plans:
        for node in plan.nodes:
            if node.op != "feed":
                continue
            name, horizon = str(node.args[0]), int(node.args[1])
            symbol = plan.clock.symbol
            about = instrument.pk if symbol is None else symbol
            points = feed.points(name, about, span[0] - horizon - 1, span[1])
            key = feed_key(name, "series" if symbol is None else symbol)
            yield key, Tape(points.available_at, points.value, points.available_at)


def trial_json(trial: Trial) -> Mapping[str, Any]:
    """Return a trial as the API says it."""
    newest = trial.newest
    return {
        "symbol": trial.symbol or None,
        "history": [
            {"series": one.series, "bars": one.bars, "days": one.days} for one in trial.needs
        ],
        "decisions": trial.decisions,
        "entries": trial.entries,
        "exits": trial.exits,
        "cuts": trial.cuts,
        "proof": trial.proof,
        "newest": None
        if newest is None
        else {
            "bar_open": newest.bar_open,
            "verdict": newest.verdict.value,
            "reason": newest.reason,
            "price": newest.price,
            "stop": newest.stop,
            "take": newest.take,
        },
    }
