"""What is concluded from the values of many rows at once, as `conclude` does from one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from signals.columns.bulk_stack import Stack
from signals.columns.compiled import Compiled, EntryPlan, Named
from signals.columns.conclude import REASON_LENGTH, REWARD, why
from signals.columns.decisions import Verdict
from signals.columns.series import Floats

Mask = NDArray[np.bool_]
Codes = NDArray[np.int8]
Rows = NDArray[np.int64]
CODES: Mapping[Verdict, int] = {
    Verdict.NONE: 0,
    Verdict.ENTER_LONG: 1,
    Verdict.EXIT: 2,
    Verdict.WARMING_UP: 3,
    Verdict.ERROR: 4,
    Verdict.REFUSED: 5,
}
FEW = 8
"""Where one row in so many is left, these alone are looked at."""
TOLD = (CODES[Verdict.ENTER_LONG], CODES[Verdict.EXIT], CODES[Verdict.ERROR])
"""What has a reason that is kept: acts and failures."""


class Reasons(Mapping[int, str]):
    """Why each of some rows acts or failed, put together when it is asked for."""

    __slots__ = ("_built", "_given")

    def __init__(self) -> None:
        self._given: list[tuple[Rows, str]] = []
        self._built: dict[int, str] | None = None

    def add(self, rows: Rows, text: str) -> None:
        """Give some rows a reason; the one given last counts."""
        if len(rows):
            self._given.append((rows, text))
            self._built = None

    def _texts(self) -> dict[int, str]:
        if self._built is None:
            found: dict[int, str] = {}
            for rows, text in self._given:
                found.update(dict.fromkeys(rows.tolist(), text))
            self._built = dict(sorted(found.items()))
        return self._built

    def __getitem__(self, row: int) -> str:
        return self._texts()[row]

    def __iter__(self) -> Iterator[int]:
        return iter(self._texts())

    def __len__(self) -> int:
        return len(self._texts())


@dataclass(slots=True)
class Concluded:
    """The conclusions from some rows of a history.

    Attributes
    ----------
    first : int
        The number of the first of these rows in the whole history.
    """

    verdict: Codes
    stop: Floats
    take: Floats
    confidence: Floats
    first: int
    reasons: Reasons

    def tell(self, rows: Rows, reason: str) -> None:
        """Give some rows their reason."""
        self.reasons.add(rows + self.first, reason[:REASON_LENGTH])

    def fail(self, row: int, reason: str) -> None:
        """Say that nothing can be concluded from a row, because of an error."""
        self.verdict[row] = CODES[Verdict.ERROR]
        self.stop[row] = self.take[row] = self.confidence[row] = np.nan
        self.tell(np.array([row]), reason)


def conclude_by_rules(compiled: Compiled, stack: Stack, into: Concluded) -> None:
    """Conclude from all rows of a stack: the first exit wins, then the first entry."""
    with np.errstate(all="ignore"):  # a missing value is no mistake
        _conclude_by_rules(compiled, stack, into)


def _conclude_by_rules(compiled: Compiled, stack: Stack, into: Concluded) -> None:
    free = np.ones(len(into.verdict), dtype=np.bool_)
    for leave in compiled.exits:
        rows = _held_rows(leave.when, stack, free)
        free[rows] = False
        into.verdict[rows] = CODES[Verdict.EXIT]
        into.confidence[rows] = 1.0
        into.tell(rows, why(leave))
    for entry in compiled.entries:
        rows = _held_rows(entry.when, stack, free)
        confidence = _confidence(entry, stack, rows)
        enough = ~(confidence < entry.threshold)
        rows, confidence = rows[enough], confidence[enough]
        free[rows] = False
        _enter(compiled, entry, stack, into, rows, confidence)


def _held_rows(when: Named, stack: Stack, free: Mask) -> Rows:
    """Return the free rows where every condition holds; once they are few, asking them alone."""
    first, *others = (node for _, node in when)
    rows = stack.late.rows(first)
    rows = rows[free[rows]]
    for node in others:
        if len(rows) * FEW < len(free):
            rows = rows[stack.late.at(node, rows) == 1]
        else:
            holds = np.zeros(len(free), dtype=np.bool_)
            holds[stack.late.rows(node)] = True
            rows = rows[holds[rows]]
    return rows


def _confidence(entry: EntryPlan, stack: Stack, rows: Rows) -> Floats:
    """Return the sum of the parts that are known, added up as `conclude` adds them."""
    if not entry.parts:
        return np.full(len(rows), entry.fixed_confidence)
    parts = [stack.late.at(node, rows).tolist() for _, node in entry.parts]
    sums = (sum(one for one in row if not isnan(one)) for row in zip(*parts, strict=True))
    return np.array([min(max(one, 0.0), 1.0) for one in sums], dtype=np.float64)


def _enter(
    compiled: Compiled,
    entry: EntryPlan,
    stack: Stack,
    into: Concluded,
    rows: Rows,
    confidence: Floats,
) -> None:
    price = stack.late.at(compiled.prices[3], rows)
    stop = stack.late.at(entry.stop, rows)
    if entry.take is None:
        take = price + REWARD * (price - stop)
    else:
        take = stack.late.at(entry.take, rows)
    is_good = (stop > 0) & (stop < price) & np.isfinite(take) & (take > price)
    good = rows[is_good]
    into.verdict[good] = CODES[Verdict.ENTER_LONG]
    into.stop[good], into.take[good] = stop[is_good], take[is_good]
    into.confidence[good] = confidence[is_good]
    into.tell(good, why(entry))
