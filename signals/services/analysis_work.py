"""The work of one analysis: runs over stored bars, and what they say in plain words."""

import inspect
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markets.models import Instrument
from markets.selectors import base_timeframe
from markets.types import TIMEFRAME_NAMES, TIMEFRAME_SECONDS
from signals.columns.analysis import AGAIN, Leak, Lookahead, lookahead
from signals.columns.compiled import StrategyLike
from signals.columns.engine import history_needed
from signals.columns.warming import NEAR, Warming, WarmUp, warming
from signals.selectors_series import SpanSeries
from signals.services.touching import Touch, touching
from signals.strategies.base import Strategy
from signals.strategies.folder import read_file

SECONDS = 60.0
"""What the runs of one analysis may take."""
SHARE = 0.7
"""The part of it that the search for lookahead may take; the rest is for the warm-up."""
LEAST_BARS, USUAL_BARS, MOST_BARS = 200, 4_000, 20_000
MOST_HISTORY = 60_000
"""Bars of the strategy that the long history has at most."""
NOT_SEEN = (
    "A number about the future that is written into the code itself cannot be found by any run "
    "over bars; what a strategy opens while it runs is named above."
)


class AnalysisError(ValueError):
    """An analysis that cannot be; the sentence says what was found and what to do.

    Attributes
    ----------
    place : str
        Where in what was asked, as a JSON pointer; empty for all of it.
    """

    def __init__(self, sentence: str, place: str = "") -> None:
        super().__init__(sentence)
        self.place = place


def analysis_of(
    strategy: StrategyLike,
    instrument: Instrument,
    *,
    bars: int = USUAL_BARS,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Analyse a strategy on the newest stored bars of an instrument.

    Returns
    -------
    dict
        Plain values: `strategy`, `symbol`, `span`, `verdict`, `sentences`, `lookahead`, `warm_up`,
        `opened`; docs/analysis.md explains each.

    Raises
    ------
    AnalysisError
        Where too little is stored.
    ColumnError, BadBarsError
        As the engine.
    """
    began = clock()
    with touching() as touched:
        fresh = _fresh(strategy)
        provider, first, last, begin = _span(fresh, instrument, bars)
        found = lookahead(
            fresh,
            provider,
            instrument=instrument.pk,
            from_open=first,
            through_open=last,
            may_go_on=lambda: clock() - began < seconds * SHARE,
        )
        settled = warming(
            fresh,
            provider,
            instrument=instrument.pk,
            from_open=begin,
            through_open=last,
            may_go_on=lambda: clock() - began < seconds,
        )
    opened = list(touched)
    return {
        "symbol": instrument.symbol,
        "timeframe": strategy.timeframe,
        "span": {"from_open": first, "through_open": last, "bars": found.bars},
        "verdict": _verdict(found, opened),
        "sentences": [*_sentences(found, opened, seconds), *_warm_sentences(settled), NOT_SEEN],
        "lookahead": _lookahead_json(found),
        "warm_up": _warming_json(settled),
        "opened": [asdict(one) for one in opened],
        "seconds": round(clock() - began, 3),
    }


def _fresh(strategy: StrategyLike) -> StrategyLike:
    """Return the strategy made anew of its file, so that nothing it kept before counts.

    What a file of the strategies folder opens while it is read is seen by that, too.
    """
    if not isinstance(strategy, Strategy) or strategy.loaded_source is None:
        return strategy
    path = Path(inspect.getfile(type(strategy)))
    if not path.is_file() or path.read_bytes() != strategy.loaded_source:
        return strategy
    for cls in read_file(path).classes:
        if cls.__name__ == type(strategy).__name__:
            return cls(timeframe=strategy.timeframe, **strategy.params)
    return strategy


def _span(
    strategy: StrategyLike, instrument: Instrument, bars: int
) -> tuple[SpanSeries, int, int, int]:
    """Return the stored bars, the first and last bar to decide, and where the history begins."""
    base, step = base_timeframe(), TIMEFRAME_SECONDS[strategy.timeframe]
    if step % base:
        raise AnalysisError(
            f"Bars of {TIMEFRAME_NAMES[base]} are stored; {strategy.timeframe} bars cannot be made "
            "of them.",
            "/strategy",
        )
    whole = SpanSeries(base, begin=2**40, end=2**41).extent(instrument.pk)
    if whole is None:
        raise AnalysisError(
            f"No bars of {instrument.symbol} are stored. Watch it, or load its bars first.",
            "/symbol",
        )
    last = whole.through // step * step - step
    reach = max(history_needed(strategy).values(), default=0)
    first = max(last - (bars - 1) * step, -(-whole.start // step) * step)
    long_s = min(max(bars * step, 4 * reach), MOST_HISTORY * step)
    begin = max(last - long_s, -(-whole.start // step) * step)
    if last - first < (LEAST_BARS - 1) * step:
        raise AnalysisError(
            f"{max(0, (last - first) // step + 1)} {strategy.timeframe} bars of "
            f"{instrument.symbol} are stored without a hole; at least {LEAST_BARS} are wanted.",
            "/symbol",
        )
    provider = SpanSeries(base, begin=first, end=last + step, reach=first - begin + reach)
    return provider, first, last, begin


def _verdict(found: Lookahead, opened: list[Touch]) -> str:
    if found.leaks:
        return "leaks"
    if opened:
        return "opens"
    return "clean" if found.is_proof else "unproven"


def _sentences(found: Lookahead, opened: list[Touch], seconds: float) -> list[str]:
    """Say what was found, the verdict first."""
    told = [_leak_sentence(one) for one in found.leaks]
    told += [
        f"It opens what is outside of the bars: {one.what}, in {one.function}, line {one.line}. "
        "What is in there may have become known after the bar."
        for one in opened
    ]
    if not found.is_proof:
        told.append(
            f"Nothing is proven: of {found.bars} bars {found.decided} are past the warm-up. "
            "Store more history, or ask for more bars."
        )
    elif not found.leaks:
        told.append(
            f"Nothing changed when later bars became known: {len(found.names)} outputs were equal "
            f"to the bit in a second run, in {len(found.cuts)} prefixes that end on bars where "
            f"they change, and on {found.stepped} bars decided one by one."
        )
    if found.is_cut_short:
        told.append(
            f"The time of {seconds:g} s was over before every prefix and bar was tried: "
            f"{len(found.cuts)} prefixes and {found.stepped} bars were."
        )
    return told


def _leak_sentence(leak: Leak) -> str:
    what = leak.name if leak.is_column else f"the {leak.name}"
    if leak.found_by == AGAIN:
        return (
            f"It remembers: {what} of the bar of {_when(leak.bar_open)} was {_said(leak.later)} in "
            f"the first run and {_said(leak.alone)} in a second one over the same bars."
        )
    return (
        f"It looks ahead: {what} of the bar of {_when(leak.bar_open)} was {_said(leak.alone)} with "
        f"the bars through {_when(leak.known_through)}, and {_said(leak.later)} with later ones."
    )


def _said(value: float | str | None) -> str:
    if value is None:
        return "missing"
    return repr(value) if isinstance(value, float) else f"“{value}”"


def _warm_sentences(found: Warming) -> list[str]:
    if not found.begins:
        return ["The warm-up could not be measured: too few bars are stored."]
    late = [one.name for one in found.columns if _is_late(one)]
    told = (
        f"The warm-up was measured from {len(found.begins)} beginnings, the first with "
        f"{found.history} bars of history before it."
    )
    if late:
        names = ", ".join(late[:5])
        return [told, f"These want more history than the engine waits for: {names}."]
    return [told, "Every column is settled, to 1e-9, within the warm-up that the engine derived."]


def _is_late(one: WarmUp) -> bool:
    """Say whether the engine decides on values that history still moves.

    Where its own values could be compared they say so; otherwise the bars that were counted do.
    """
    if one.left is not None:
        return one.left > NEAR
    return one.near is None or one.near > one.derived + one.derived // 4 + 4


def _lookahead_json(found: Lookahead) -> dict[str, Any]:
    leaks = {one.name: one for one in found.leaks}
    return {
        "is_clean": found.is_clean and found.is_proof,
        "bars": found.bars,
        "decided": found.decided,
        "cuts": list(found.cuts),
        "stepped": found.stepped,
        "is_cut_short": found.is_cut_short,
        "outputs": [
            {
                "name": name,
                "changes": found.changes.get(name, 0),
                "leak": asdict(leaks[name]) if name in leaks else None,
            }
            for name in found.names
        ],
    }


def _warming_json(found: Warming) -> dict[str, Any]:
    return {
        "begins": list(found.begins),
        "history": found.history,
        "tried": found.tried,
        "is_cut_short": found.is_cut_short,
        "columns": [
            {**asdict(one), "left": _finite(one.left), "is_late": _is_late(one)}
            for one in found.columns
        ],
    }


def _finite(value: float | None) -> float | None:
    """Return a difference as JSON can hold it; a value that is missing on one side counts 1."""
    return None if value is None else min(value, 1.0)


def _when(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, tz=UTC):%Y-%m-%d %H:%M} UTC"
