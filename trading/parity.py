"""Hold what was decided and filled against the same again, and say what a difference comes from.

Pure: values in, a word and a sentence out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

FILL_TOLERANCE_BP = 10.0
"""A fill may be so many hundredths of a per cent away from what the backtest assumes."""
UNSEEN_FOR_S = 60.0
"""What changed so shortly before a decision was written may have come after its bars were read."""
LEAST_MATCH = 0.99
"""Below this the owner is told, and the live gate stays closed."""
LONGEST_DETAIL = 300
VALUES = "values."

# The words of `ParityDifference.Cause`.
DATA_REVISED, LATE_BAR, CODE_VERSION = "data_revised", "late_bar", "code_version"
MODEL, FILL, UNEXPLAINED = "model", "fill", "unexplained"
IN_SHORT = {
    DATA_REVISED: "data revised",
    LATE_BAR: "bars came late",
    CODE_VERSION: "the code is another one",
    MODEL: "a model was replaced",
    UNEXPLAINED: "not explained",
}


@dataclass(frozen=True, slots=True)
class Word:
    """What was said of one bar; `has_levels` where stop and take are known beside it."""

    verdict: str
    reason: str
    confidence: float | None
    values: Mapping[str, Any] = field(default_factory=dict)
    stop: float | None = None
    take: float | None = None
    has_levels: bool = True


@dataclass(frozen=True, slots=True)
class Gap:
    """How far a fill is from what the backtest assumes: more than 0 basis points is worse."""

    worse_bp: float

    @property
    def is_within(self) -> bool:
        return abs(self.worse_bp) <= FILL_TOLERANCE_BP


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a decision that does not come out as it was, apart from its bars.

    Attributes
    ----------
    revised, late : int
        Corrections and late bars since the decision, of the bars that it depends on.
    matches_received : bool
        The bars as they had been received give the decision again.
    matches_unseen : bool
        The bars before what changed shortly before the decision do.
    is_other_code, is_other_model : bool
        The strategy's class, or a model that it asks, is not the one of then.
    """

    revised: int
    late: int
    matches_received: bool
    matches_unseen: bool
    is_other_code: bool
    is_other_model: bool


def differing(was: Word, again: Word | None) -> tuple[str, ...]:
    """Return what differs, by name: `verdict`, `stop`, `values.rsi`; all of it without `again`."""
    if again is None:
        return ("verdict",)
    names = ["verdict", "reason", "confidence"]
    if was.has_levels and again.has_levels:
        names += ["stop", "take"]
    found = [name for name in names if getattr(was, name) != getattr(again, name)]
    missing = object()
    values = [
        f"{VALUES}{name}"
        for name in sorted({*was.values, *again.values})
        if was.values.get(name, missing) != again.values.get(name, missing)
    ]
    return (*found, *values)


def excerpt(word: Word | None, names: Sequence[str]) -> dict[str, Any]:
    """Return these parts of what was said, for the record; empty where nothing was."""
    if word is None:
        return {}
    told: dict[str, Any] = {"verdict": word.verdict}
    told |= {name: getattr(word, name) for name in names if not name.startswith(VALUES)}
    asked = [name.removeprefix(VALUES) for name in names if name.startswith(VALUES)]
    values = {name: word.values[name] for name in asked if name in word.values}
    return told | ({"values": values} if values else {})


def cause_of(facts: Facts) -> str:
    """Return what a difference comes from.

    Where the bars as received give the decision again, what changed later is the cause; where they
    do not, the strategy itself is another one, or nobody can say.
    """
    by_data = DATA_REVISED if facts.revised else LATE_BAR
    if facts.matches_received:
        return by_data if facts.revised or facts.late else UNEXPLAINED
    if facts.is_other_code:
        return CODE_VERSION
    if facts.is_other_model:
        return MODEL
    return by_data if facts.matches_unseen else UNEXPLAINED


def fill_gap(*, side: int, filled: float, assumed: float) -> Gap:
    """Return how much worse a fill was; `side` is 1 for a purchase, -1 for a sale."""
    return Gap(side * (filled / assumed - 1) * 10_000)


def correction_text(symbol: str, open_time: int, pairs: Sequence[tuple[str, float, float]]) -> str:
    """Return in words which bar the venue corrected, and how."""
    told = ", ".join(f"{name} {old!r} → {new!r}" for name, old, new in pairs)
    return f"{symbol} {when(open_time)}: {told or 'corrected and set back'}"


def late_text(symbol: str, open_time: int, at: float) -> str:
    """Return in words which bar came after the decision."""
    return f"{symbol} {when(open_time)}: came {when(int(at))}, after the decision"


def joined(parts: Sequence[str], *, most: int = 2) -> str:
    """Return the first few sentences, and how many there are beside them."""
    told = "; ".join(parts[:most])
    if len(parts) > most:
        told += f"; and {len(parts) - most} more"
    return told[:LONGEST_DETAIL]


def when(moment: int) -> str:
    """Return a moment as it stands in sentences."""
    return f"{datetime.fromtimestamp(moment, tz=UTC):%Y-%m-%d %H:%M}"


def share_text(matched: int, decisions: int) -> str:
    """Return a share of decisions in words: 100 % only where every one matched."""
    if not decisions:
        return ""
    if matched == decisions:
        return "100 %"
    return f"{min(99.99, int(matched * 10_000 / decisions) / 100):g} %"


def summary(*, decisions: int, received: int, published: int, causes: Mapping[str, int]) -> str:
    """Return a report in a few words, as a badge shows it; empty where it compared nothing.

    The smaller of the two shares stands in front, with what it comes from.
    """
    if not decisions:
        return ""
    least = min(received, published)
    if least == decisions:
        return f"Parity 100 % · {decisions:,} decisions"
    named = sorted((name for name in IN_SHORT if causes.get(name)), key=lambda name: -causes[name])
    count = sum(causes[name] for name in named)
    why = ", ".join(IN_SHORT[name] for name in named)
    verb = "decision differs" if count == 1 else "decisions differ"
    return f"Parity {share_text(least, decisions)}: {count:,} {verb}, {why}"
