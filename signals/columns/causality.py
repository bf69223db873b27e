"""The prefix test: what is concluded from a bar must not change when later bars are added."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from markets.types import TIMEFRAME_SECONDS
from signals.columns.array_series import ArrayBars, ArraySeries, FeedKey
from signals.columns.compiled import StrategyLike
from signals.columns.decisions import BarDecision, Verdict
from signals.columns.engine import evaluate
from signals.columns.series import Bars, Coverage, Floats, InstrumentKey, Points, Times

Opens = dict[int, BarDecision]


@dataclass(frozen=True, slots=True)
class Tape:
    """A feed with what is claimed about it and what is true.

    Attributes
    ----------
    available_at : int64 array, ascending
        From when on strategies read each point, UTC epoch seconds.
    known_at : int64 array
        When the point was really there; one that is read earlier is looked ahead at.
    """

    available_at: Times
    value: Floats
    known_at: Times

    def at(self, moment: int) -> Points:
        """Return the points that were there at a moment."""
        there = self.known_at <= moment
        return Points(self.available_at[there], self.value[there])


Tapes = Mapping[FeedKey, Tape]
Others = Mapping[str, Bars]


class LookaheadError(AssertionError):
    """A conclusion changed when later bars became known."""


def assert_causal(
    strategy: StrategyLike,
    bars: Bars,
    timeframe: int,
    *,
    cuts: int = 40,
    feeds: Tapes | None = None,
    others: Others | None = None,
) -> int:
    """Cut the series on bars where the output changes and compare with the whole.

    Parameters
    ----------
    bars : Bars
        A series of `timeframe` seconds, the strategy's own or finer.
    cuts : int
        How many cuts to try at most, spread over the bars where a verdict or flag changes.
    feeds : mapping, optional
        What is read beside the bars, by (feed, "series"), or (feed, None) for the whole market.
    others : mapping, optional
        Bars of the symbols that are looked at, of `timeframe` seconds too.

    Returns
    -------
    int
        Cuts tried, at least one.

    Raises
    ------
    LookaheadError
        With the first bar whose conclusion differs, or where no cut could be tried.
    """
    tapes, besides = feeds or {}, others or {}
    whole = _conclusions(strategy, bars, timeframe, _points(tapes, None), besides)
    changes = _changes(list(whole.values()))
    chosen = changes[:: max(1, len(changes) // cuts)][:cuts]
    if not chosen:
        raise LookaheadError("the series is too short: nothing was concluded from it")
    for decision in chosen:
        closed = decision.bar_open + TIMEFRAME_SECONDS[strategy.timeframe]
        prefix = _until(bars, timeframe, closed)
        early = {name: _until(one, timeframe, closed) for name, one in besides.items()}
        known = _points(tapes, closed)
        shorter = _conclusions(strategy, prefix, timeframe, known, early, closed)
        for bar_open, found in shorter.items():
            if found != whole[bar_open]:
                raise LookaheadError(
                    f"with the bars up to {decision.bar_open} the bar at {bar_open} gave {found}; "
                    f"with later bars it gives {whole[bar_open]}"
                )
        if decision.bar_open not in shorter:
            raise LookaheadError(f"the bar at {decision.bar_open} needs later bars to conclude")
    return len(chosen)


def _until(bars: Bars, timeframe: int, closed: int) -> ArrayBars:
    return ArrayBars.of(bars, bars.open_time + timeframe <= closed)


def _points(tapes: Tapes, moment: int | None) -> dict[FeedKey, Points]:
    return {
        key: Points(tape.available_at, tape.value) if moment is None else tape.at(moment)
        for key, tape in tapes.items()
    }


def _conclusions(
    strategy: StrategyLike,
    bars: Bars,
    timeframe: int,
    feeds: Mapping[FeedKey, Points],
    others: Others,
    closed: int | None = None,
) -> Opens:
    """Evaluate everything up to a close; a bar without a row counts as absent."""
    first = int(bars.open_time[0])
    last = int(bars.open_time[-1]) if closed is None else closed - timeframe
    series: dict[tuple[InstrumentKey, int], Bars] = {
        ("series", timeframe): bars,
        **{(name, timeframe): one for name, one in others.items()},
    }
    covered = {
        key: Coverage(int(one.open_time[0]), last)
        for key, one in series.items()
        if len(one.open_time)
    }
    provider = ArraySeries(series, covered, feeds)
    found = evaluate(strategy, provider, instrument="series", from_open=first, through_open=last)
    return {one.bar_open: one for one in found}


def _changes(decisions: list[BarDecision]) -> list[BarDecision]:
    kept: list[BarDecision] = []
    for before, after in pairwise(decisions):
        if after.verdict is not Verdict.WARMING_UP and _face(before) != _face(after):
            kept.append(after)
    return kept


def _face(decision: BarDecision) -> tuple[object, ...]:
    flags = {name: one for name, one in decision.values.items() if isinstance(one, bool)}
    return decision.verdict, decision.reason, tuple(sorted(flags.items())), len(decision.values)
