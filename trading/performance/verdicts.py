"""What the best of a search is worth, in sentences for people."""

from dataclasses import dataclass
from enum import StrEnum

from trading.performance.significance import (
    CONFIDENCE,
    Record,
    chance_of_better,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
)


class Word(StrEnum):
    """The verdict in a word."""

    UNKNOWN = "unknown"
    NOTHING = "nothing here"
    UNPROVEN = "not proven"
    HOLDS = "holds up"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word, a sentence, and what they rest on; Sharpe ratios are of one period.

    Attributes
    ----------
    deflated : float or None
        Probability that the Sharpe ratio is above what luck explains (DSR).
    luck : float or None
        Probability that the best of as many random strategies would be better.
    expected : float
        The best Sharpe ratio to expect of as many trials without skill.
    needed : float or None
        Periods until the Sharpe ratio would stand out from `expected`.
    """

    word: Word
    sentence: str
    deflated: float | None
    luck: float | None
    expected: float
    needed: float | None


def verdict(record: Record | None, trials: float, variance: float) -> Verdict:
    """Judge the best of so many trials, whose Sharpe ratios have this variance.

    Random strategies reach `not proven` once in twenty searches and `holds up` less often.
    """
    expected = expected_maximum_sharpe(trials, variance)
    deflated = None if record is None else deflated_sharpe(record, trials, variance)
    luck = None if record is None else chance_of_better(record, trials)
    if record is None or deflated is None or luck is None:
        sentence = "nothing can be said: there are too few returns, or none of them differs"
        return Verdict(Word.UNKNOWN, sentence, deflated, luck, expected, None)
    word = _word(deflated, luck)
    needed = minimum_track_record(record, expected)
    sentence = f"{word}: {_because(word, trials, luck)}"
    return Verdict(word, sentence, deflated, luck, expected, needed)


def _word(deflated: float, luck: float) -> Word:
    if luck > 1.0 - CONFIDENCE:
        return Word.NOTHING
    return Word.HOLDS if deflated >= CONFIDENCE else Word.UNPROVEN


def _because(word: Word, trials: float, luck: float) -> str:
    """Return how easily luck does as well."""
    many = max(1, round(trials))
    whom = "a random strategy" if many == 1 else f"a search of {many:,} random strategies"
    does = "be better" if many == 1 else "find a better one"
    said = f"{whom} would {does} with probability {_shown(luck)}"
    if word is Word.UNPROVEN:
        return f"{said}, yet the record is too short or too uneven to be sure of it"
    return said


def _shown(share: float) -> str:
    if share < 0.001:
        return "below 0.001"
    return "above 0.99" if share > 0.99 else f"{share:.2g}"
