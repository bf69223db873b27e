"""The causal column language: a strategy says what it looks at, and cannot look ahead.

The public surface
------------------
`evaluate(strategy, series_provider, *, instrument, from_open, through_open, cache=None)`
    -> `list[BarDecision]`, oldest first: one for every closed bar that exists with
    `from_open <= open_time <= through_open`. The list ends early where an input (another symbol,
    a higher timeframe) is not complete up to that bar yet: ask again when it is.
`EvaluationCache()` keeps where the last evaluation ended, so that the next bar costs one bar.
    With it or without it the results are equal to the bit. `forget(instrument)` after a correction
    of stored bars.
`history_needed(strategy)` -> `{(symbol or None, timeframe seconds): seconds}`: how far behind a bar
    the stored series must reach, at most, before the strategy leaves `warming_up`.
`SeriesProvider` is what the caller gives: `bars(instrument, timeframe, start_open, end_open)`,
    `coverage(instrument, timeframe)` and `points(feed, instrument, after, through)`; `ArraySeries`
    is one made of arrays.
`BarDecision(bar_open, verdict, reason, confidence, values, stop, take, price)`; `Verdict`.
`assert_causal(strategy, bars, timeframe)` is the prefix test.

For authors: `Space` (the `x` of `columns` and `rules`), `Column`, `Entry`, `Exit`, `Cursor` (the
`b` of `decide`), `enter_long`, `exit_long`, `nothing`. `docs/columns.md` and `docs/strategies.md`
explain.
"""

from signals.columns.array_series import ArrayBars, ArraySeries
from signals.columns.cache import EvaluationCache
from signals.columns.causality import LookaheadError, Tape, assert_causal
from signals.columns.column import Column
from signals.columns.compiled import StrategyLike, compile_strategy
from signals.columns.cursor import Cursor
from signals.columns.decisions import (
    BarDecision,
    Intent,
    Verdict,
    enter_long,
    exit_long,
    nothing,
)
from signals.columns.engine import BLOCK, evaluate, history_needed
from signals.columns.errors import BadBarsError, ColumnError
from signals.columns.rules import Entry, Exit
from signals.columns.series import Bars, Coverage, InstrumentKey, Points, SeriesProvider
from signals.columns.space import Space

__all__ = [
    "BLOCK",
    "ArrayBars",
    "ArraySeries",
    "BadBarsError",
    "BarDecision",
    "Bars",
    "Column",
    "ColumnError",
    "Coverage",
    "Cursor",
    "Entry",
    "EvaluationCache",
    "Exit",
    "InstrumentKey",
    "Intent",
    "LookaheadError",
    "Points",
    "SeriesProvider",
    "Space",
    "StrategyLike",
    "Tape",
    "Verdict",
    "assert_causal",
    "compile_strategy",
    "enter_long",
    "evaluate",
    "exit_long",
    "history_needed",
    "nothing",
]
