"""The one decision function of backtest, paper and live."""

from collections.abc import Iterator
from dataclasses import replace
from zlib import crc32

from signals.columns.cache import EvaluationCache
from signals.columns.compiled import Compiled, StrategyLike, compile_strategy
from signals.columns.conclude import REASON_LENGTH, conclude
from signals.columns.decisions import BarDecision, Verdict
from signals.columns.errors import BadBarsError, UnreadFeedError
from signals.columns.model_column import refuse_seen
from signals.columns.plan import ClockPlan
from signals.columns.run import Run
from signals.columns.series import InstrumentKey, SeriesProvider

BLOCK = 512
"""Bars of a block: the calculation for a bar begins where its block begins, minus its need."""
LEAD = 256
"""The next block's calculation is begun at most so many bars before it is needed."""


def block_start(bar_open: int, timeframe: int) -> int:
    """Return the open time of the first bar of a bar's block."""
    return bar_open // (BLOCK * timeframe) * (BLOCK * timeframe)


def evaluate(
    strategy: StrategyLike,
    series_provider: SeriesProvider,
    *,
    instrument: InstrumentKey,
    from_open: int,
    through_open: int,
    cache: EvaluationCache | None = None,
) -> list[BarDecision]:
    """Conclude from every closed bar with `from_open <= open_time <= through_open`.

    Only bars of the series' newest unbroken span are considered. The list ends before the first bar
    for which an input is not complete yet. The result for a bar depends on the stored bars from
    its block's anchor up to itself and on nothing else: not on the range asked for, nor the cache.

    Parameters
    ----------
    instrument : int or str
        Handed to the provider as it is.
    from_open, through_open : int
        Open times, UTC epoch seconds.

    Raises
    ------
    ColumnError
        Where the strategy asks for something a causal column cannot be, or a model about bars that
        it was trained on.
    """
    remembers = cache is not None
    if cache is None:  # not `or`: one that is empty yet is one, too
        cache = EvaluationCache()
    compiled = cache.compiled(strategy)
    coverage = series_provider.coverage(instrument, compiled.timeframe)
    if coverage is None:
        return []
    step = compiled.timeframe
    first = -(-max(from_open, coverage.first_open) // step) * step
    last = min(through_open, coverage.last_open)
    refuse_seen(compiled.models, first + step)
    decisions: list[BarDecision] = []
    while first <= last:
        block = block_start(first, step)
        end = min(last, block + (BLOCK - 1) * step)
        run = cache.take(compiled.key, instrument, block)
        if run is None or run.next_open > first:
            run = Run(compiled.plan, instrument, block)
        reached = evaluate_block(compiled, series_provider, run, (first, end), decisions)
        if reached is not None:
            cache.keep(compiled.key, instrument, block, run)
            if remembers and reached >= last:
                _prepare(compiled, series_provider, run, (block, reached), cache)
            if reached < end:
                break
        first = block + BLOCK * step
    return decisions


def evaluate_block(
    compiled: Compiled,
    provider: SeriesProvider,
    run: Run,
    span: tuple[int, int],
    decisions: list[BarDecision],
) -> int | None:
    """Add the decisions of one block; return how far it got, None where nothing is to be kept."""
    first, end = span
    if not run.is_covered(provider):
        decisions.extend(_warming_up(provider, run, span))
        return None
    try:
        reached = run.complete_through(provider, end)
        if reached < first:
            return reached
        bars, values = run.feed(provider, reached)
    except BadBarsError as error:
        decisions.extend(_same(provider, run, span, Verdict.ERROR, str(error)))
        return None
    except UnreadFeedError as error:
        decisions.extend(_same(provider, run, span, Verdict.WARMING_UP, str(error)))
        return None
    opens = bars.open_time.tolist()
    skipped = sum(1 for one in opens if one < first)
    concluded = conclude(compiled, opens, values, skipped)
    decisions.extend(_with_faults(run, concluded) if run.faults else concluded)
    return reached


def _with_faults(run: Run, concluded: Iterator[BarDecision]) -> Iterator[BarDecision]:
    """Replace what was concluded from a bar on which the strategy's own code failed."""
    for bar in concluded:
        fault = run.faults.get(bar.bar_open)
        if fault is None:
            yield bar
        else:
            reason = fault[:REASON_LENGTH]
            yield BarDecision(bar.bar_open, Verdict.ERROR, reason, price=bar.price)


def _prepare(
    compiled: Compiled,
    provider: SeriesProvider,
    run: Run,
    place: tuple[int, int],
    cache: EvaluationCache,
) -> None:
    """Begin the next block's calculation ahead of time.

    All instruments come to the end of their block on the same bar; each begins the next one at a
    bar of its own, so that no close has to pay for all of them.
    """
    block, reached = place
    step = compiled.timeframe
    following = block + BLOCK * step
    lead = 1 + crc32(repr(run.instrument).encode()) % LEAD
    if following - reached > lead * step:
        return
    ahead = cache.take(compiled.key, run.instrument, following)
    if ahead is None:
        ahead = Run(compiled.plan, run.instrument, following)
    if not ahead.is_covered(provider):
        return
    ahead.feed(provider, reached)
    cache.keep_ahead(compiled.key, run.instrument, following, ahead)


def _warming_up(provider: SeriesProvider, run: Run, span: tuple[int, int]) -> Iterator[BarDecision]:
    """Say of every bar which series lacked history when it closed."""
    for bar in _same(provider, run, span, Verdict.WARMING_UP, ""):
        yield replace(bar, reason=run.lacking(provider, bar.bar_open + run.timeframe))


def _same(
    provider: SeriesProvider, run: Run, span: tuple[int, int], verdict: Verdict, reason: str
) -> Iterator[BarDecision]:
    bars = provider.bars(run.instrument, run.timeframe, *span)
    for bar_open, close in zip(bars.open_time.tolist(), bars.close.tolist(), strict=True):
        yield BarDecision(bar_open, verdict, reason, price=close)


def waiting_for(
    strategy: StrategyLike, provider: SeriesProvider, *, instrument: InstrumentKey, bar_open: int
) -> str:
    """Return which input a closed bar waits for, in a sentence; nothing where it can be decided."""
    compiled = compile_strategy(strategy)
    run = Run(compiled.plan, instrument, block_start(bar_open, compiled.timeframe))
    return run.waiting(provider, bar_open) if run.is_covered(provider) else ""


def history_needed(strategy: StrategyLike) -> dict[tuple[InstrumentKey | None, int], int]:
    """Return how far back each series must reach behind a bar, at most, in seconds.

    Returns
    -------
    dict
        By (symbol, None for the strategy's own instrument; timeframe in seconds).
    """
    compiled = compile_strategy(strategy)
    needed: dict[tuple[InstrumentKey | None, int], int] = {}
    _add_history(compiled.plan, (BLOCK - 1) * compiled.timeframe, needed)
    return needed


def _add_history(
    plan: ClockPlan, behind: int, needed: dict[tuple[InstrumentKey | None, int], int]
) -> None:
    step = plan.clock.timeframe
    reach = behind + plan.reach * step + step
    key = (plan.clock.symbol, step)
    needed[key] = max(needed.get(key, 0), reach)
    for parent in plan.parents:
        _add_history(parent, reach + parent.clock.timeframe, needed)
