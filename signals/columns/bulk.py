"""A whole history decided at once: the answers of `evaluate` as arrays, bit by bit."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from signals.columns.bulk_cursor import conclude_by_code
from signals.columns.bulk_forms import (
    Forms,
    early_nodes,
    has_faulty_parent,
    make_forms,
    wanted_nodes,
)
from signals.columns.bulk_layout import Spans
from signals.columns.bulk_rows import CODES, TOLD, Codes, Concluded, Reasons, conclude_by_rules
from signals.columns.bulk_stack import Stack, TooFewRowsError
from signals.columns.column_cache import ColumnCache
from signals.columns.compiled import Compiled, StrategyLike, compile_strategy
from signals.columns.decisions import BarDecision, Verdict
from signals.columns.engine import BLOCK, block_start, evaluate_block
from signals.columns.errors import BadBarsError, UnreadFeedError
from signals.columns.model_column import refuse_seen
from signals.columns.plan import ClockPlan
from signals.columns.run import Run
from signals.columns.series import Floats, InstrumentKey, SeriesProvider, Times

__all__ = ["CODES", "ColumnCache", "DecisionArrays", "Told", "decide_all"]

PIECE_ROWS = 160_000
"""Rows of a piece, about: enough for its cost to be that of its rows, few enough for memory."""
PIECE_VALUES = 2_000_000
"""Values of all columns of a piece, at most about: 16 MB."""


class Told(Protocol):
    """Takes how much of the span is decided, 0 to 1; what it raises ends the work."""

    def __call__(self, progress: float) -> None: ...


@dataclass(frozen=True, slots=True)
class DecisionArrays:
    """The decisions of one strategy on one instrument, oldest first; a row a closed bar.

    Attributes
    ----------
    bar_open : int64 array
        UTC epoch seconds.
    verdict : int8 array
        As `CODES`.
    price, stop, take, confidence : float64 arrays
        NaN where there is none.
    reasons : mapping of row to text
        Of the rows that act or failed.
    """

    bar_open: Times
    verdict: Codes
    price: Floats
    stop: Floats
    take: Floats
    confidence: Floats
    reasons: Mapping[int, str]

    @classmethod
    def of(cls, decisions: list[BarDecision]) -> "DecisionArrays":
        """Return decisions one by one as arrays."""
        codes = np.array([CODES[one.verdict] for one in decisions], dtype=np.int8)
        return cls(
            np.array([one.bar_open for one in decisions], dtype=np.int64),
            codes,
            _floats([one.price for one in decisions]),
            _floats([one.stop for one in decisions]),
            _floats([one.take for one in decisions]),
            _floats([one.confidence for one in decisions]),
            {row: decisions[row].reason for row in range(len(codes)) if int(codes[row]) in TOLD},
        )


def _floats(values: list[float | None]) -> Floats:
    return np.array([np.nan if one is None else one for one in values], dtype=np.float64)


def decide_all(
    strategy: StrategyLike,
    series_provider: SeriesProvider,
    *,
    instrument: InstrumentKey,
    from_open: int,
    through_open: int,
    cache: ColumnCache | None = None,
    tell: Told | None = None,
) -> DecisionArrays:
    """Conclude from every closed bar of a span, as `evaluate` does, and return arrays.

    Parameters
    ----------
    cache : ColumnCache, optional
        Keeps calculated columns for other parametrisations on the same bars.
    tell : callable, optional
        Told after every piece; it may raise to stop.

    Raises
    ------
    ColumnError
        As `evaluate`.
    """
    compiled = compile_strategy(strategy)
    step = compiled.timeframe
    coverage = series_provider.coverage(instrument, step)
    if cache is not None:
        cache.serve(series_provider)
    if coverage is None:
        return DecisionArrays.of([])
    first = -(-max(from_open, coverage.first_open) // step) * step
    last = min(through_open, coverage.last_open)
    refuse_seen(compiled.models, first + step)
    if first > last:
        return DecisionArrays.of([])
    return _History(compiled, series_provider, instrument, (first, last), cache).decided(tell)


class _History:
    """The decisions on a span, made piece by piece."""

    def __init__(
        self,
        compiled: Compiled,
        provider: SeriesProvider,
        instrument: InstrumentKey,
        span: tuple[int, int],
        cache: ColumnCache | None,
    ) -> None:
        self._compiled, self._provider, self._instrument = compiled, provider, instrument
        self._first, self._last = span
        self._cache = cache
        self._step = compiled.timeframe
        self._wanted = wanted_nodes(compiled)
        early = early_nodes(compiled)
        self._forms = make_forms(compiled.plan, self._wanted, is_full=False, early=early)
        most = (self._last - self._first) // self._step + 1
        self._verdict = np.empty(most, dtype=np.int8)
        self._stop, self._take, self._confidence = (np.empty(most) for _ in range(3))
        self._reasons = Reasons()
        self._count = 0

    def decided(self, tell: Told | None) -> DecisionArrays:
        """Return all decisions."""
        length = BLOCK * self._step
        begin = block_start(self._first, self._step)
        blocks = range(begin, self._last + 1, length)
        run = Run(self._compiled.plan, self._instrument, blocks[-1])
        complete = run.complete_through(self._provider, self._last)
        covered = bisect_left(blocks, 1, key=self._is_covered)
        at_once = bisect_left(blocks, 1, key=lambda one: self._end(one) > complete)
        if has_faulty_parent(self._compiled.plan):
            at_once = 0
        rows = min(PIECE_ROWS, PIECE_VALUES // self._forms.nodes)
        size = max(1, rows // (BLOCK + self._forms.rows))
        at, has_more = 0, True
        while at < len(blocks) and has_more:
            if at < covered:
                piece = blocks[at : min(at + size, covered)]
                self._warming_up(piece)
            elif at >= at_once:
                piece = blocks[at : at + 1]
                has_more = self._one_by_one(piece)
            else:
                piece = blocks[at : min(at + size, at_once)]
                has_more = self._at_once(piece)
            at += len(piece)
            if tell is not None:
                tell(at / len(blocks))
        if tell is not None and at < len(blocks):
            tell(1.0)
        return self._arrays()

    def _arrays(self) -> DecisionArrays:
        bars = self._provider.bars(self._instrument, self._step, self._first, self._last)
        part = slice(0, self._count)
        return DecisionArrays(
            bars.open_time[part],
            self._verdict[part],
            np.asarray(bars.close[part], dtype=np.float64),
            self._stop[part],
            self._take[part],
            self._confidence[part],
            self._reasons,
        )

    def _end(self, block: int) -> int:
        return min(self._last, block + (BLOCK - 1) * self._step)

    def _is_covered(self, block: int) -> bool:
        return _reaches_back(self._compiled.plan, self._provider, self._instrument, block)

    # -- one by one --------------------------------------------------------------------------

    def _one_by_one(self, blocks: range) -> bool:
        """Decide on blocks as `evaluate` does; say whether there is more."""
        for block in blocks:
            decisions: list[BarDecision] = []
            span = max(self._first, block), self._end(block)
            run = Run(self._compiled.plan, self._instrument, block)
            reached = evaluate_block(self._compiled, self._provider, run, span, decisions)
            self._add(DecisionArrays.of(decisions))
            if reached is not None and reached < span[1]:
                return False
        return True

    def _add(self, found: DecisionArrays) -> None:
        part = self._grown(len(found.verdict))
        self._verdict[part] = found.verdict
        self._stop[part], self._take[part] = found.stop, found.take
        self._confidence[part] = found.confidence
        for row, reason in found.reasons.items():
            self._reasons.add(np.array([row + part.start]), reason)

    def _warming_up(self, blocks: range) -> None:
        """Say of every bar of some blocks that the history before it is too short."""
        span = max(self._first, blocks[0]), self._end(blocks[-1])
        bars = self._provider.bars(self._instrument, self._step, *span)
        part = self._grown(len(bars.open_time))
        self._verdict[part] = CODES[Verdict.WARMING_UP]

    def _grown(self, count: int) -> slice:
        """Return the place of so many rows more, about which nothing is concluded yet."""
        part = slice(self._count, self._count + count)
        self._verdict[part] = CODES[Verdict.NONE]
        self._stop[part] = self._take[part] = self._confidence[part] = np.nan
        self._count = part.stop
        return part

    # -- at once -----------------------------------------------------------------------------

    def _at_once(self, blocks: range) -> bool:
        """Decide on complete blocks; say whether there is more."""
        try:
            stack = self._calculated(blocks)
        except (BadBarsError, UnreadFeedError):
            return self._one_by_one(blocks)
        count = stack.own.total
        part = self._grown(count)
        into = Concluded(
            self._verdict[part],
            self._stop[part],
            self._take[part],
            self._confidence[part],
            part.start,
            self._reasons,
        )
        if count:
            conclude = conclude_by_rules if self._compiled.entries else conclude_by_code
            conclude(self._compiled, stack, into)
            for row, fault in stack.own_faults().items():
                into.fail(row, fault)
        return True

    def _calculated(self, blocks: range) -> Stack:
        anchors = np.array(blocks, dtype=np.int64)
        step = self._step
        spans = Spans(
            anchors - self._compiled.plan.reach * step,
            np.maximum(anchors, self._first),
            np.minimum(anchors + (BLOCK - 1) * step, self._last),
        )
        try:
            return self._stack(self._forms, spans)
        except TooFewRowsError:
            full = make_forms(self._compiled.plan, self._wanted, is_full=True)
            return self._stack(full, spans)

    def _stack(self, forms: Forms, spans: Spans) -> Stack:
        stack = Stack(forms, self._provider, self._instrument, spans, self._cache)
        stack.calculate()
        return stack


def _reaches_back(
    plan: ClockPlan, provider: SeriesProvider, home: InstrumentKey, wanted_from: int
) -> bool:
    """Say whether every series reaches back to where the calculation for a block begins."""
    start, step = plan.start(wanted_from), plan.clock.timeframe
    instrument = home if plan.clock.symbol is None else plan.clock.symbol
    coverage = provider.coverage(instrument, step)
    if coverage is None or coverage.first_open > start:
        return False
    return all(
        _reaches_back(one, provider, home, start - one.clock.timeframe) for one in plan.parents
    )
