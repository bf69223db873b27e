"""Lookahead analysis: what a strategy says of a bar must not change when later bars become known.

It compares columns, verdicts, stops and targets, not trades: a trade also moves for other reasons.
Three runs are held, bit by bit, against one run over the whole span:

- the whole span a second time, which finds what a strategy remembers between two evaluations;
- prefixes that end exactly on bars where an output changes, each calculated from the beginning; a
  leak that shows on rare bars only is missed by cuts at random (docs/analysis.md);
- the newest bars one by one, each decided while it is the newest, as live does: a cut on every bar.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from markets.types import TIMEFRAME_SECONDS
from signals.columns.cache import EvaluationCache
from signals.columns.compiled import StrategyLike, compile_strategy
from signals.columns.decisions import BarDecision, Verdict
from signals.columns.engine import evaluate
from signals.columns.series import InstrumentKey, SeriesProvider, Times
from signals.columns.views import Until

MOST_CUTS = 32
MOST_STEPS = 1_500
SAID = ("verdict", "reason", "confidence", "stop", "take")
AGAIN, PREFIX, STEP = "second run", "prefix", "bar by bar"
GOLDEN = 0.6180339887498949

Bits = NDArray[np.int64]
Said = float | str | None


def always() -> bool:
    """Say that there is time left."""
    return True


@dataclass(frozen=True, slots=True)
class Leak:
    """One output that changed when later bars became known; of each the earliest bar found.

    Attributes
    ----------
    name : str
        A column or condition, or one of `SAID`.
    bar_open, known_through : int
        The bar whose value changed, and the newest bar that was there in the shorter run (of the
        second run the newest of the span); open times, UTC epoch seconds.
    alone, later : float, str or None
        The value in the shorter run, and in the run over the whole span.
    """

    name: str
    found_by: str
    bar_open: int
    known_through: int
    alone: Said
    later: Said

    @property
    def is_column(self) -> bool:
        return self.name not in SAID


@dataclass(frozen=True, slots=True)
class Lookahead:
    """What the runs over less than the whole span showed.

    Attributes
    ----------
    names : tuple of str
        Every output that was compared.
    bars, decided : int
        Bars of the span, and those among them that were past their warm-up.
    cuts : tuple of int
        Open times of the last bars of the prefixes that were run.
    changes : mapping of str to int
        On how many bars each output changed, from which the cuts were chosen.
    stepped : int
        Bars decided one by one.
    is_cut_short : bool
        The time was over before everything was done.
    """

    names: tuple[str, ...]
    bars: int
    decided: int
    cuts: tuple[int, ...]
    changes: dict[str, int]
    stepped: int
    leaks: tuple[Leak, ...]
    is_cut_short: bool = False

    @property
    def is_clean(self) -> bool:
        return not self.leaks

    @property
    def is_proof(self) -> bool:
        """Say whether anything was decided and compared: nothing found in nothing is no proof."""
        return self.decided > 0 and bool(self.cuts or self.stepped)


@dataclass(slots=True)
class Answers:
    """The outputs of a run as bits: a row a bar, a column an output; texts by their number."""

    bar_open: Times
    names: tuple[str, ...]
    bits: Bits
    texts: dict[str, int]

    def said(self, row: int, place: int) -> Said:
        """Return one output as a number or text, None where it is missing."""
        value = float(self.bits[row, place : place + 1].view(np.float64)[0])
        if np.isnan(value):
            return None
        if self.names[place] in ("verdict", "reason"):
            return list(self.texts)[int(value)]
        return value


@dataclass(slots=True)
class _Reader:
    """Turns decisions into answers; the runs of one analysis share it."""

    names: tuple[str, ...]
    texts: dict[str, int] = field(default_factory=dict)

    def read(self, decisions: list[BarDecision]) -> Answers:
        table = np.full((len(decisions), len(self.names)), np.nan)
        place = {name: at for at, name in enumerate(self.names)}
        for row, one in enumerate(decisions):
            for name, value in one.values.items():
                table[row, place[name]] = float(value)
            for name in SAID:
                table[row, place[name]] = self._number(getattr(one, name))
        opens = np.array([one.bar_open for one in decisions], dtype=np.int64)
        return Answers(opens, self.names, table.view(np.int64), self.texts)

    def _number(self, said: object) -> float:
        if said is None:
            return np.nan
        if isinstance(said, str):
            return float(self.texts.setdefault(str(said), len(self.texts)))
        return float(said)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Case:
    """What is analysed: a strategy on a span of an instrument."""

    strategy: StrategyLike
    provider: SeriesProvider
    instrument: InstrumentKey
    first: int
    last: int
    reader: _Reader

    @property
    def step(self) -> int:
        return TIMEFRAME_SECONDS[self.strategy.timeframe]

    def answers(self, provider: SeriesProvider, last: int) -> tuple[Answers, list[BarDecision]]:
        found = evaluate(
            self.strategy,
            provider,
            instrument=self.instrument,
            from_open=self.first,
            through_open=last,
        )
        return self.reader.read(found), found


def lookahead(
    strategy: StrategyLike,
    provider: SeriesProvider,
    *,
    instrument: InstrumentKey,
    from_open: int,
    through_open: int,
    cuts: int = MOST_CUTS,
    steps: int = MOST_STEPS,
    may_go_on: Callable[[], bool] = always,
) -> Lookahead:
    """Hold a strategy's outputs over a span against runs that know less.

    Parameters
    ----------
    cuts : int
        Prefixes at most.
    steps : int
        Newest bars that are decided one by one, at most.
    may_go_on : callable
        Asked between runs whether there is time left.

    Raises
    ------
    ColumnError
        As `evaluate`.
    """
    reader = _Reader((*_columns(strategy), *SAID))
    case = _Case(strategy, provider, instrument, from_open, through_open, reader)
    whole, decisions = case.answers(provider, through_open)
    settled = np.array([one.verdict is not Verdict.WARMING_UP for one in decisions], dtype=bool)
    leaks: dict[str, Leak] = {}
    tried: list[int] = []
    stepped = 0
    if settled.any():
        again, _ = case.answers(provider, through_open)
        _compare(whole, again, AGAIN, through_open, leaks)
        chosen = cut_rows(whole, settled, cuts)
        for row in _spread(chosen):
            if not may_go_on():
                break
            tried.append(_cut(case, whole, row, leaks))
        stepped = _stepped(case, whole, settled, (steps, may_go_on), leaks)
        wanted = min(steps, int(settled.sum()))
        is_short = len(tried) < len(chosen) or stepped < wanted
    else:
        is_short = False
    order = {name: place for place, name in enumerate(whole.names)}
    return Lookahead(
        whole.names,
        len(decisions),
        int(settled.sum()),
        tuple(sorted(tried)),
        {name: int(rows.size) for name, rows in _changes(whole, settled)},
        stepped,
        tuple(sorted(leaks.values(), key=lambda one: order[one.name])),
        is_short,
    )


def _columns(strategy: StrategyLike) -> list[str]:
    """Return the names under which a decision stores values, in the order of calculation."""
    compiled = compile_strategy(strategy)
    names = dict.fromkeys(name for name, _ in compiled.named)
    for entry in compiled.entries:
        names.update(dict.fromkeys(name for name, _ in (*entry.when, *entry.parts)))
    return list(names)


def _changes(whole: Answers, settled: NDArray[np.bool_]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield for every output the rows on which it differs from the row before."""
    differs = np.zeros(whole.bits.shape, dtype=bool)
    differs[1:] = whole.bits[1:] != whole.bits[:-1]
    differs &= settled[:, None]
    for place, name in enumerate(whole.names):
        yield name, np.flatnonzero(differs[:, place])


def cut_rows(whole: Answers, settled: NDArray[np.bool_], most: int) -> list[int]:
    """Choose rows where outputs change: each output its share, those that change rarely first."""
    by_output = sorted((rows for _, rows in _changes(whole, settled) if rows.size), key=len)
    chosen: set[int] = set()
    for at, rows in enumerate(by_output):
        share = -(-(most - len(chosen)) // (len(by_output) - at))
        fresh = np.array([one for one in rows.tolist() if one not in chosen], dtype=np.intp)
        if share > 0 and fresh.size:
            places = np.linspace(0, fresh.size - 1, min(share, fresh.size)).round().astype(int)
            chosen.update(fresh[places].tolist())
    return sorted(chosen)


def _spread(rows: list[int]) -> list[int]:
    """Return the rows in an order of which every beginning lies spread over the span."""
    return [rows[at] for at in sorted(range(len(rows)), key=lambda at: at * GOLDEN % 1)]


def _cut(case: _Case, whole: Answers, row: int, leaks: dict[str, Leak]) -> int:
    bar_open = int(whole.bar_open[row])
    found, _ = case.answers(Until(case.provider, bar_open + case.step), bar_open)
    _compare(whole, found, PREFIX, bar_open, leaks)
    if bar_open not in found.bar_open:
        _keep(leaks, Leak("verdict", PREFIX, bar_open, bar_open, None, _verdict(whole, row)))
    return bar_open


def _verdict(answers: Answers, row: int) -> Said:
    return answers.said(row, answers.names.index("verdict"))


def _stepped(
    case: _Case,
    whole: Answers,
    settled: NDArray[np.bool_],
    bounds: tuple[int, Callable[[], bool]],
    leaks: dict[str, Leak],
) -> int:
    """Decide the newest bars one after another, each as soon as it has closed."""
    steps, may_go_on = bounds
    rows = np.flatnonzero(settled)[-steps:].tolist() if steps > 0 else []
    view, cache = Until(case.provider, 0), EvaluationCache()
    for count, row in enumerate(rows):
        if not may_go_on():
            return count
        bar_open = int(whole.bar_open[row])
        view.moment = bar_open + case.step
        found = evaluate(
            case.strategy,
            view,
            instrument=case.instrument,
            from_open=bar_open,
            through_open=bar_open,
            cache=cache,
        )
        _compare(whole, case.reader.read(found), STEP, bar_open, leaks)
        if not found:
            _keep(leaks, Leak("verdict", STEP, bar_open, bar_open, None, _verdict(whole, row)))
    return len(rows)


def _compare(
    whole: Answers, other: Answers, found_by: str, known_through: int, leaks: dict[str, Leak]
) -> None:
    """Keep of every output the first bar on which the two runs say different things."""
    shared = np.isin(other.bar_open, whole.bar_open, assume_unique=True)
    rows = np.searchsorted(whole.bar_open, other.bar_open[shared])
    other_rows = np.flatnonzero(shared)
    differs = whole.bits[rows] != other.bits[other_rows]
    if not differs.any():
        return
    for place in np.flatnonzero(differs.any(axis=0)).tolist():
        at = int(np.argmax(differs[:, place]))
        row, other_row = int(rows[at]), int(other_rows[at])
        alone, later = other.said(other_row, place), whole.said(row, place)
        bar_open = int(whole.bar_open[row])
        _keep(leaks, Leak(whole.names[place], found_by, bar_open, known_through, alone, later))


def _keep(leaks: dict[str, Leak], leak: Leak) -> None:
    held = leaks.get(leak.name)
    if held is None or leak.bar_open < held.bar_open:
        leaks[leak.name] = leak
