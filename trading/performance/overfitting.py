"""How often the best of a search is below the middle later: combinatorially symmetric halves.

Bailey, Borwein, Lopez de Prado and Zhu, "The probability of backtest overfitting" (2017).
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from trading.performance.types import FigureError, Floats

GROUPS = 16
_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What became of the best trial of one half of the days in the other half.

    Attributes
    ----------
    probability : float
        Share of the splits in which it ranks in the lower half (PBO).
    loss : float
        Share of the splits in which it has a Sharpe ratio below 0 in the other half.
    slope : float or None
        Of its Sharpe ratio in the other half on that in its own: below 0, the better it looked
        the worse it became.
    logits : floats
        Of its relative rank in each split; below 0 is the lower half.
    """

    probability: float
    loss: float
    slope: float | None
    splits: int
    logits: Floats

    @property
    def sentence(self) -> str:
        """Say it for people."""
        word = "the search overfits" if self.probability >= 0.5 else "the search finds something"
        if 0.2 < self.probability < 0.5:
            word = "the search may overfit"
        return (
            f"{word}: the best of one half of the days is in the lower half of all trials on the "
            f"other days in {self.probability:.0%} of {self.splits:,} splits"
        )


def overfitting(returns: Floats, *, groups: int = GROUPS) -> Overfitting:
    """Split the days into groups, choose on each half of them, and look at the other half.

    Parameters
    ----------
    returns : floats, shape (days, trials)
        Daily returns of every trial of a search, also of those that were given up.
    groups : int
        How many runs of days, even; 16 gives 12,870 splits.
    """
    days, trials = returns.shape
    if groups < 2 or groups % 2 or days < 2 * groups or trials < 2:
        raise FigureError(
            f"{days} days of {trials} trials in {groups} groups: give at least two trials, an even "
            "number of groups and two days for each"
        )
    parts = np.array_split(returns, groups)
    counts = np.array([len(part) for part in parts], dtype=np.float64)
    # Scale does not change a Sharpe ratio; centring would: only sums and squares are needed.
    sums = np.array([part.sum(axis=0) for part in parts])
    squares = np.array([(part**2).sum(axis=0) for part in parts])
    chosen = _halves(groups)
    own, other = [], []
    ranks = []
    step = max(1, _CELLS // trials)
    for first in range(0, len(chosen), step):
        inside = chosen[first : first + step]
        here = _sharpes(inside, counts, sums, squares)
        there = _sharpes(1.0 - inside, counts, sums, squares)
        best = here.argmax(axis=1)[:, np.newaxis]
        found = np.take_along_axis(there, best, axis=1)
        below = (there < found).sum(axis=1) + 0.5 * ((there == found).sum(axis=1) - 1)
        ranks.append((below + 1.0) / (trials + 1.0))
        own.append(np.take_along_axis(here, best, axis=1)[:, 0])
        other.append(found[:, 0])
    rank, mine, theirs = (np.concatenate(one) for one in (ranks, own, other))
    logits = np.log(rank / (1.0 - rank))
    return Overfitting(
        probability=float((logits <= 0).mean()),
        loss=float((theirs < 0).mean()),
        slope=_slope(mine, theirs),
        splits=len(rank),
        logits=logits,
    )


def _halves(groups: int) -> Floats:
    """Return a row for each choice of half of the groups, 1 where it is chosen."""
    picks = np.array(list(combinations(range(groups), groups // 2)))
    chosen = np.zeros((len(picks), groups))
    np.put_along_axis(chosen, picks, 1.0, axis=1)
    return chosen


def _sharpes(chosen: Floats, counts: Floats, sums: Floats, squares: Floats) -> Floats:
    """Return the Sharpe ratio of each trial over the chosen groups; 0 where it never moved."""
    count = (chosen @ counts)[:, np.newaxis]
    mean = chosen @ sums / count
    variance = np.maximum(chosen @ squares / count - mean**2, 0.0) * count / (count - 1.0)
    spread = np.sqrt(variance)
    return np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 1e-12)


def _slope(mine: Floats, theirs: Floats) -> float | None:
    apart = mine - mine.mean()
    spread = float((apart**2).sum())
    return float((apart * (theirs - theirs.mean())).sum() / spread) if spread > 1e-12 else None
