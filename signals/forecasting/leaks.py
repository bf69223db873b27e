"""Features that know too much: no honest one says how the price will move."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from signals.forecasting.trees import Rows

Floats = NDArray[np.float64]
Ranks = NDArray[np.float64]

# Between a feature and the return to come, in rank correlation. What is called a good signal in
# the literature has 0.05 (Grinold and Kahn, Active Portfolio Management, 2000).
IMPOSSIBLE = 0.4
FEWEST_ROWS = 100


class LeakError(ValueError):
    """A feature tells the future; the sentence names it."""


def refuse_leaks(
    rows: Rows, returns: Floats, names: Sequence[str], *, limit: float = IMPOSSIBLE
) -> None:
    """Refuse features that tell the return to come.

    Raises
    ------
    LeakError
        With the feature that tells most.
    """
    found = {
        name: abs(rank_correlation(rows[:, place].astype(np.float64), returns))
        for place, name in enumerate(names)
    }
    worst = max(found, key=lambda name: found[name])
    if found[worst] > limit:
        raise LeakError(
            f"the feature {worst} tells the return to come with a rank correlation of "
            f"{found[worst]:.2f}; nothing that is known at the bar's close does (at most "
            f"{limit:g} is believed): it looks ahead"
        )


def rank_correlation(one: Floats, other: Floats) -> float:
    """Return Spearman's rank correlation of the rows that both have, ties at their mean rank."""
    both = ~(np.isnan(one) | np.isnan(other))
    if both.sum() < FEWEST_ROWS:
        return 0.0
    left, right = ranks(one[both]), ranks(other[both])
    left, right = left - left.mean(), right - right.mean()
    spread = float(np.sqrt((left * left).sum() * (right * right).sum()))
    return float((left * right).sum()) / spread if spread else 0.0


def ranks(values: Floats) -> Ranks:
    """Return the rank of each value, equal ones at the mean of theirs."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sizes = np.diff(np.append(starts, len(values)))
    result = np.empty(len(values))
    result[order] = np.repeat(starts + (sizes - 1) / 2, sizes)
    return result
