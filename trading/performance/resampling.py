"""Bootstraps of a series in blocks, and how long a block should be.

Sources: Politis and Romano (1992, circular; 1994, stationary), Politis and White (2004) with the
correction of Patton, Politis and White (2009).
"""

import math
from enum import StrEnum

import numpy as np

from trading.performance.types import FigureError, Floats, Ints


class Blocks(StrEnum):
    """How blocks are drawn."""

    STATIONARY = "stationary"  # of random length, geometric around the mean
    CIRCULAR = "circular"  # all of one length


def block_indices(
    count: int, *, samples: int, block: float, kind: Blocks, rng: np.random.Generator
) -> Ints:
    """Return for each sample which of `count` values stand in it, in blocks that wrap around.

    Parameters
    ----------
    block : float
        Mean length of a block, at least 1; 1 draws each value alone.

    Returns
    -------
    ints, shape (samples, count)
    """
    if count < 1 or block < 1:
        raise FigureError(f"{count} values in blocks of {block}: give at least one of each")
    if kind is Blocks.STATIONARY:
        begins = rng.random((samples, count)) < 1.0 / block
    else:
        begins = np.tile(np.arange(count) % max(1, round(block)) == 0, (samples, 1))
    begins[:, 0] = True
    places = np.arange(count)
    since = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    starts = rng.integers(count, size=(samples, count))
    drawn = np.take_along_axis(starts, since, axis=1)
    return (drawn + places - since) % count


def block_sums(values: Floats, *, samples: int, block: float, rng: np.random.Generator) -> Floats:
    """Return the sum of each stationary bootstrap sample, without laying the samples out."""
    count = len(values)
    sums = np.concatenate(([0.0], np.cumsum(np.concatenate((values, values)))))
    total = np.zeros(samples)
    left = np.full(samples, count, dtype=np.int64)
    draws = max(1, math.ceil(count / block + 4.0 * math.sqrt(count / block)))
    while left.any():
        for _ in range(draws):
            lengths = np.minimum(rng.geometric(1.0 / block, samples), left)
            starts = rng.integers(count, size=samples)
            total += sums[starts + lengths] - sums[starts]
            left -= lengths
        draws = 1
    return total


def block_length(values: Floats, kind: Blocks = Blocks.STATIONARY) -> float:
    """Return the mean length of a block that suits the series' own memory; 1 where it has none.

    The automatic choice of Politis and White with their flat-top window.
    """
    count = len(values)
    if count < 8 or values.std() <= 1e-12:
        return 1.0
    quiet = max(5, int(math.log10(count)))
    longest = min(math.ceil(math.sqrt(count)) + quiet, count - 1)
    moments = _autocovariances(values, longest)
    lags = _lags_that_matter(moments, count, longest, quiet)
    window = np.arange(1, lags + 1) / lags
    weights = np.where(window <= 0.5, 1.0, 2.0 * (1.0 - window))
    used = moments[1 : lags + 1]
    slope = 2.0 * float((weights * np.arange(1, lags + 1) * used).sum())
    level = float(moments[0] + 2.0 * (weights * used).sum())
    factor = 2.0 if kind is Blocks.STATIONARY else 4.0 / 3.0
    if level <= 0:
        return 1.0
    length = (2.0 * slope**2 / (factor * level**2) * count) ** (1.0 / 3.0)
    return float(min(max(1.0, length), math.ceil(min(3.0 * math.sqrt(count), count / 3.0))))


def _autocovariances(values: Floats, longest: int) -> Floats:
    apart = values - values.mean()
    count = len(values)
    return np.array([apart[lag:] @ apart[: count - lag] / count for lag in range(longest + 1)])


def _lags_that_matter(moments: Floats, count: int, longest: int, quiet: int) -> int:
    """Return twice the first lag of `quiet` correlations in a row that say nothing."""
    limit = 2.0 * math.sqrt(math.log10(count) / count)
    loud = np.abs(moments[1:] / moments[0]) >= limit
    for first in range(len(loud) - quiet + 1):
        if not loud[first : first + quiet].any():
            return min(2 * (first + 1), longest)
    return longest
