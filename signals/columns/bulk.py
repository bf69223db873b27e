"""A whole history decided at once: the answers of `evaluate` as arrays, bit by bit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from signals.columns.cache import EvaluationCache
from signals.columns.compiled import StrategyLike
from signals.columns.decisions import BarDecision, Verdict
from signals.columns.engine import evaluate
from signals.columns.series import Floats, InstrumentKey, SeriesProvider, Times

Codes = NDArray[np.int8]
CODES: Mapping[Verdict, int] = {
    Verdict.NONE: 0,
    Verdict.ENTER_LONG: 1,
    Verdict.EXIT: 2,
    Verdict.WARMING_UP: 3,
    Verdict.ERROR: 4,
    Verdict.REFUSED: 5,
}
ACTS = (CODES[Verdict.ENTER_LONG], CODES[Verdict.EXIT])


class Told(Protocol):
    """Takes how much of the span is decided, 0 to 1."""

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
        Of the rows that act or failed, where they were asked for.
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
        kept = {CODES[Verdict.ERROR], *ACTS}
        codes = np.array([CODES[one.verdict] for one in decisions], dtype=np.int8)
        return cls(
            np.array([one.bar_open for one in decisions], dtype=np.int64),
            codes,
            _floats([one.price for one in decisions]),
            _floats([one.stop for one in decisions]),
            _floats([one.take for one in decisions]),
            _floats([one.confidence for one in decisions]),
            {row: decisions[row].reason for row in range(len(codes)) if int(codes[row]) in kept},
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
    cache: EvaluationCache | None = None,
    tell: Told | None = None,
) -> DecisionArrays:
    """Conclude from every closed bar of a span, as `evaluate` does, and return arrays.

    Raises
    ------
    ColumnError
        As `evaluate`.
    """
    decisions = evaluate(
        strategy,
        series_provider,
        instrument=instrument,
        from_open=from_open,
        through_open=through_open,
        cache=cache,
    )
    if tell is not None:
        tell(1.0)
    return DecisionArrays.of(decisions)
