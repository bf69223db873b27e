"""From what was counted about one instrument's newest day to a score of 0 to 100; pure.

Every part takes points away, at most its own limit; what could not be judged takes none and says
so. Two of the limits alone are large enough to make data poor: bars that are missing and bars that
do not come. So is a disagreement of two sources.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

GOOD, ACCEPTABLE = 90.0, 70.0
LONGEST_REASON = 300
# How many timeframes late the newest bar may be until all points of freshness are gone; a long
# timeframe is not given days.
LATE_BARS = 10
MOST_LATE_S = 4 * 3600
GRACE_S = 15


class Level(StrEnum):
    """In the words of `QualityScore.Level`."""

    GOOD = "good"
    ACCEPTABLE = "acceptable"
    POOR = "poor"
    UNKNOWN = "unknown"


# Part: (the most points it can take, the share of bad ones at which it takes them all).
COMPLETENESS = (60.0, 0.05)
REFUSED = (40.0, 0.02)
OUTLIERS = (20.0, 0.01)
REVISIONS = (10.0, 0.02)
FRESHNESS = 60.0
DISAGREEMENT = 40.0
SOURCE = {"down": 25.0, "blocked": 25.0, "off": 25.0, "stale": 10.0, "connecting": 5.0}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was counted over the newest day of a series, by the series' own time.

    Attributes
    ----------
    timeframe : int
        Seconds of a bar.
    bars : int
        Bars that are stored.
    missing, holes : int
        Bars in holes that the venue has not confirmed, and the number of such holes.
    late_s : float or None
        How long the next bar is overdue by the wall clock; None where that says nothing.
    not_late : str
        Why lateness is not judged.
    refused, seen : int
        What the source sent of this instrument in 24 hours of the wall clock and was refused,
        and what was taken.
    outliers, suspects : int
        Bars far outside of their band that nobody confirmed, and those not settled yet.
    revisions : int
        Bars that the venue corrected later.
    disagreement : str
        Which sources disagree now; empty while none do.
    source, source_state : str
        Where the newest bar came from and how that source is doing; empty where not judged.
    """

    timeframe: int
    bars: int
    missing: int = 0
    holes: int = 0
    late_s: float | None = None
    not_late: str = ""
    refused: int = 0
    seen: int = 0
    outliers: int = 0
    suspects: int = 0
    revisions: int = 0
    disagreement: str = ""
    source: str = ""
    source_state: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One reason of a score: the points it takes, at most `limit`, and a sentence that says why."""

    name: str
    penalty: float
    limit: float
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its parts; `level` is unknown while there is nothing to judge."""

    value: float
    level: Level
    parts: tuple[Part, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the parts as `QualityScore.parts` keeps them."""
        return {
            part.name: {**asdict(part), "penalty": round(part.penalty, 1)} for part in self.parts
        }


def level_of(value: float) -> Level:
    """Return the level of a score: good from 90, acceptable from 70, poor below."""
    if value >= GOOD:
        return Level.GOOD
    return Level.ACCEPTABLE if value >= ACCEPTABLE else Level.POOR


def score_of(evidence: Evidence) -> Score:
    """Return how good the newest data are."""
    if evidence.bars == 0:
        nothing = Part("completeness", 0.0, COMPLETENESS[0], "no bar is stored yet")
        return Score(0.0, Level.UNKNOWN, (nothing,))
    parts = (
        _completeness(evidence),
        _freshness(evidence),
        _refused(evidence),
        _outliers(evidence),
        _revisions(evidence),
        _disagreement(evidence),
        _source(evidence),
    )
    value = max(0.0, 100.0 - sum(part.penalty for part in parts))
    return Score(value, level_of(round(value, 6)), parts)


def reason_of(value: float, parts: Sequence[Part]) -> str:
    """Return the sentence that a refused decision carries: the score and what cost the most."""
    costly = sorted((part for part in parts if part.penalty > 0), key=lambda part: -part.penalty)
    told = "; ".join(part.text for part in costly)
    return f"data quality {value:.0f} of 100: {told}"[:LONGEST_REASON]


def _share(name: str, bad: int, total: int, weight: tuple[float, float], text: str) -> Part:
    limit, worst = weight
    share = bad / total if total else 0.0
    return Part(name, limit * min(1.0, share / worst), limit, text)


def _completeness(evidence: Evidence) -> Part:
    holes, missing = evidence.holes, evidence.missing
    text = (
        f"{_many(holes, 'gap')} of {_many(missing, 'bar')} in the last day"
        if missing
        else f"{_many(evidence.bars, 'bar')} without a gap"
    )
    return _share("completeness", missing, missing + evidence.bars, COMPLETENESS, text)


def _freshness(evidence: Evidence) -> Part:
    if evidence.late_s is None:
        return Part("freshness", 0.0, FRESHNESS, f"not judged: {evidence.not_late}")
    over = evidence.late_s - GRACE_S - evidence.timeframe
    worst = min((LATE_BARS - 1) * evidence.timeframe, MOST_LATE_S)
    penalty = FRESHNESS * min(1.0, max(0.0, over) / worst)
    late = max(0, int(evidence.late_s))
    text = f"the next bar is {_span(late)} overdue" if penalty else "bars come when they are due"
    return Part("freshness", penalty, FRESHNESS, text)


def _refused(evidence: Evidence) -> Part:
    refused = evidence.refused
    total = refused + evidence.seen
    return _share("refused", refused, total, REFUSED, f"{refused} of {total} values refused")


def _outliers(evidence: Evidence) -> Part:
    text = f"{_many(evidence.outliers, 'bar')} outside the likely band, unconfirmed"
    if evidence.suspects:
        text += f", {evidence.suspects} not settled"
    return _share("outliers", evidence.outliers, evidence.bars, OUTLIERS, text)


def _revisions(evidence: Evidence) -> Part:
    text = f"{_many(evidence.revisions, 'bar')} corrected by the venue"
    return _share("revisions", evidence.revisions, evidence.bars, REVISIONS, text)


def _disagreement(evidence: Evidence) -> Part:
    text = evidence.disagreement
    if not text:
        return Part("disagreement", 0.0, DISAGREEMENT, "no two sources disagree")
    return Part("disagreement", DISAGREEMENT, DISAGREEMENT, f"sources disagree: {text}")


def _source(evidence: Evidence) -> Part:
    limit = max(SOURCE.values())
    if not evidence.source_state:
        return Part("source", 0.0, limit, "not judged")
    penalty = SOURCE.get(evidence.source_state, 0.0)
    return Part("source", penalty, limit, f"{evidence.source} is {evidence.source_state}")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _span(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
