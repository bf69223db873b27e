"""A weighted vote of strategies and models on one closed bar.

Every voter's weight follows from its own record in the forecast ledger and from nothing else. Its
hit rate is drawn towards the base rate as if it had made `PRIOR` more forecasts that knew nothing,
and the weight is what the log-odds of that rate exceed those of the base rate by: the optimal
weights of independent voters (Nitzan and Paroush, International Economic Review 23, 1982), counted
from "knows nothing" instead of from one half. A voter without a record, or with a bad one, weighs
nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

PRIOR = 30.0
"""Forecasts that know nothing, added to every record."""
MOST_WEIGHT = 2.0
"""Log-odds: no voter alone may claim more than 88 % certainty over chance."""
LEAST_PROBABILITY = 0.55
"""Below this probability of its direction the vote is HOLD."""

BUY, SELL, HOLD = "BUY", "SELL", "HOLD"


@dataclass(frozen=True, slots=True)
class Record:
    """What a voter's scored forecasts of one direction say.

    Attributes
    ----------
    hits, count : int
        Forecasts that came true, of how many that stand on their own.
    base_rate : float
        How often the price went that way whoever forecast it.
    """

    hits: float
    count: float
    base_rate: float

    @property
    def weight(self) -> float:
        """Return the log-odds above the base rate, from 0 to `MOST_WEIGHT`."""
        base = min(max(self.base_rate, 0.01), 0.99)
        rate = (self.hits + PRIOR * base) / (self.count + PRIOR)
        rate = min(max(rate, 0.001), 0.999)
        return min(max(_log_odds(rate) - _log_odds(base), 0.0), MOST_WEIGHT)


NO_RECORD = Record(0.0, 0.0, 0.5)


@dataclass(frozen=True, slots=True)
class Vote:
    """What one voter says about a bar.

    Attributes
    ----------
    name : str
    signal_type : str
        BUY, SELL or HOLD.
    confidence : float or None
        What the voter itself claims, 0 to 1; shown, never counted.
    reason : str
        Made from its condition values.
    record : Record
        Of the direction it votes for.
    """

    name: str
    signal_type: str
    confidence: float | None
    reason: str
    record: Record = NO_RECORD

    @property
    def weight(self) -> float:
        """Return what the vote counts: nothing for HOLD."""
        return 0.0 if self.signal_type == HOLD else self.record.weight


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the voters say together.

    Attributes
    ----------
    confidence : float
        For BUY and SELL the probability of the direction by the voters' records, as if they were
        independent; for HOLD how far from any direction they are.
    reasoning : str
        One sentence.
    """

    signal_type: str
    confidence: float
    reasoning: str
    votes: tuple[Vote, ...]


def decide(votes: Sequence[Vote]) -> Verdict:
    """Return the weighted vote."""
    score = sum(one.weight * _sign(one) for one in votes)
    probability = 1 / (1 + exp(-abs(score)))
    ordered = tuple(sorted(votes, key=lambda one: (-one.weight, one.name)))
    if score == 0 or probability < LEAST_PROBABILITY:
        return Verdict(HOLD, 2 * (1 - probability), _why_hold(ordered, probability), ordered)
    side = BUY if score > 0 else SELL
    return Verdict(side, probability, _why(ordered, side), ordered)


def _sign(vote: Vote) -> int:
    return {BUY: 1, SELL: -1}.get(vote.signal_type, 0)


def _log_odds(rate: float) -> float:
    return log(rate / (1 - rate))


def _why(votes: Sequence[Vote], side: str) -> str:
    agree = [one for one in votes if one.signal_type == side and one.weight > 0]
    against = [one for one in votes if one.signal_type not in (side, HOLD) and one.weight > 0]
    text = "; ".join(f"{one.name}: {one.reason} ({_shown(one.record)})" for one in agree[:3])
    if against:
        text += f"; against it {', '.join(one.name for one in against[:3])}"
    return text


def _why_hold(votes: Sequence[Vote], probability: float) -> str:
    asking = [one for one in votes if one.signal_type != HOLD]
    if not asking:
        return "no voter asks for action" if votes else "nobody votes on this timeframe"
    weighed = [one for one in asking if one.weight > 0]
    if not weighed:
        one = asking[0]
        return (
            f"{one.name} says {one.signal_type} ({one.reason}), but no voter that asks for action "
            f"has a record above chance yet ({_shown(one.record)})"
        )
    reached = f"the weighed votes reach {probability:.0%} for a direction"
    return f"{reached}, {LEAST_PROBABILITY:.0%} is asked"


def _shown(record: Record) -> str:
    if not record.count:
        return "none scored"
    right = f"{record.hits / record.count:.0%} right of {record.count:.0f} scored"
    return f"{right}, chance {record.base_rate:.0%}"
