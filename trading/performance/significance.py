"""How likely it is that a Sharpe ratio is skill: of one track record, and of the best of many.

Sharpe ratios here are those of one period (a day): divide one of a year by the root of the days a
year first. Sources: Bailey and Lopez de Prado, "The Sharpe ratio efficient frontier" (2012) and
"The deflated Sharpe ratio" (2014).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtr

from trading.performance.types import FigureError, Floats

CONFIDENCE = 0.95
NORMAL_KURTOSIS = 3.0


@dataclass(frozen=True, slots=True)
class Record:
    """What the tests need of a track record: `sharpe` of one period, kurtosis 3 when normal."""

    sharpe: float
    count: int
    skew: float = 0.0
    kurtosis: float = NORMAL_KURTOSIS

    @classmethod
    def of(cls, returns: Floats) -> "Record | None":
        """Measure returns; None where fewer than two differ."""
        if len(returns) < 2 or returns.std() <= 1e-12:
            return None
        apart = returns - returns.mean()
        second = float((apart**2).mean())
        return cls(
            sharpe=float(returns.mean() / returns.std(ddof=1)),
            count=len(returns),
            skew=float((apart**3).mean()) / second**1.5,
            kurtosis=float((apart**4).mean()) / second**2,
        )

    @property
    def variance_part(self) -> float:
        """Return count - 1 times the variance of the estimated Sharpe ratio (Mertens 2002)."""
        return 1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2


def probabilistic_sharpe(record: Record, benchmark: float = 0.0) -> float | None:
    """Return the probability that the true Sharpe ratio is above the benchmark (PSR)."""
    if record.count < 2 or record.variance_part <= 0:
        return None
    above = (record.sharpe - benchmark) * math.sqrt(record.count - 1)
    return float(ndtr(above / math.sqrt(record.variance_part)))


def minimum_track_record(
    record: Record, benchmark: float = 0.0, confidence: float = CONFIDENCE
) -> float | None:
    """Return how many periods show that the Sharpe ratio is above the benchmark (MinTRL).

    None while it is not above: no length would show it.
    """
    if record.sharpe <= benchmark or record.variance_part <= 0:
        return None
    needed = float(ndtri(confidence)) / (record.sharpe - benchmark)
    return 1.0 + record.variance_part * needed**2


def expected_maximum_sharpe(trials: float, variance: float) -> float:
    """Return the best Sharpe ratio to expect of so many trials without skill.

    Parameters
    ----------
    trials : float
        How many were tried, at least 1; with one there is nothing to choose from.
    variance : float
        Of the Sharpe ratios of the trials, of one period.
    """
    if trials < 1 or variance < 0:
        raise FigureError(f"{trials} trials with a variance of {variance}: give at least 1 and 0")
    if trials == 1 or variance == 0:
        return 0.0
    low = float(ndtri(1.0 - 1.0 / trials))
    high = float(ndtri(1.0 - 1.0 / (trials * math.e)))
    best = (1.0 - np.euler_gamma) * low + np.euler_gamma * high
    return max(0.0, float(math.sqrt(variance) * best))


def deflated_sharpe(record: Record, trials: float, variance: float) -> float | None:
    """Return the probability that the best of the trials has a Sharpe ratio above luck (DSR)."""
    return probabilistic_sharpe(record, expected_maximum_sharpe(trials, variance))


def chance_of_better(record: Record, trials: float) -> float | None:
    """Return the probability that the best of so many random strategies would be better.

    A random strategy earns nothing in the mean and its days are independent: its mean by its
    scatter, times the root of the days, is Student's t. The variance of the trials that were made
    plays no part: trials that are alike share their luck, and must not look like certainty.
    """
    if record.count < 2 or trials < 1:
        return None
    worse = float(stdtr(record.count - 1, record.sharpe * math.sqrt(record.count)))
    return 1.0 if worse == 0.0 else float(-math.expm1(trials * math.log(worse)))


def effective_trials(trials: int, mean_correlation: float) -> float:
    """Return how many independent trials so many correlated ones are worth.

    Bailey and Lopez de Prado (2014), appendix 3: a line between all (correlation 0) and one
    (correlation 1). A mean correlation below 0 counts as 0.
    """
    shared = min(1.0, max(0.0, mean_correlation))
    return shared + (1.0 - shared) * trials


def mean_correlation(returns: Floats) -> float:
    """Return the mean of the correlations of each pair of trials.

    Parameters
    ----------
    returns : floats, shape (days, trials)
        Trials that never move are left out.
    """
    moving = returns[:, returns.std(axis=0) > 1e-12]
    count = moving.shape[1]
    if count < 2:
        return 0.0
    # The sum of all correlations is the squared length of the sum of the normed columns.
    apart = moving - moving.mean(axis=0)
    summed = (apart / np.linalg.norm(apart, axis=0)).sum(axis=1)
    return float((summed @ summed - count) / (count * (count - 1)))
