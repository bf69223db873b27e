"""Whether what comes in still looks like what a model was trained on.

The population stability index compares the shares of ten bins: sum of (p - q) ln(p / q)
(Siddiqi, Credit Risk Scorecards, 2006). A quarter is commonly called a change. Prices trend, so a
short stretch of the training itself may differ as much from the whole: what it differed by sets a
feature's own limit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals.forecasting.trees import Rows

Floats = NDArray[np.float64]

BINS = 10
CHANGED = 0.25
LEAST_SHARE = 1e-3
STRETCH_ROWS = 500
SCORE = "probability"


@dataclass(frozen=True, slots=True)
class Spread:
    """How one feature was spread in training.

    Attributes
    ----------
    edges : list of float
        Between the bins, ascending.
    shares : list of float
        Of each bin, and last of the missing values.
    limit : float
        The index above which it counts as changed.
    """

    edges: list[float]
    shares: list[float]
    limit: float


def spread_of(values: Floats) -> Spread:
    """Return how a feature's training values are spread, and how much stretches of it differ."""
    known = values[np.isfinite(values)]
    edges: list[float] = []
    if len(known):
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])).tolist()
    shares = shares_of(values, edges)
    stretches = [
        index(shares, shares_of(values[low : low + STRETCH_ROWS], edges))
        for low in range(0, len(values) - STRETCH_ROWS + 1, STRETCH_ROWS)
    ]
    usual = float(np.quantile(stretches, 0.99)) if stretches else 0.0
    return Spread(edges, shares, max(CHANGED, usual))


def shares_of(values: Floats, edges: list[float]) -> list[float]:
    """Return the share of the values in each bin, and last of the missing ones."""
    known = values[np.isfinite(values)]
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    shares: list[float] = (
        np.append(counts, len(values) - len(known)) / max(len(values), 1)
    ).tolist()
    return shares


def index(trained: list[float], recent: list[float]) -> float:
    """Return the population stability index of two lists of shares."""
    p = np.maximum(np.array(trained), LEAST_SHARE)
    q = np.maximum(np.array(recent), LEAST_SHARE)
    return float(((q - p) * np.log(q / p)).sum())


def reference(rows: Rows, names: tuple[str, ...], scores: Floats) -> dict[str, Any]:
    """Return what is kept of the training: how each feature, and the model's word, was spread."""
    columns = {name: rows[:, place].astype(np.float64) for place, name in enumerate(names)}
    return {
        name: {"edges": one.edges, "shares": one.shares, "limit": one.limit}
        for name, one in (
            (name, spread_of(values)) for name, values in (columns | {SCORE: scores}).items()
        )
    }


def compare(kept: Mapping[str, Any], recent: Mapping[str, Floats]) -> dict[str, Any]:
    """Return the index of each feature and, in a sentence, what has changed.

    Parameters
    ----------
    kept : mapping
        What `reference` gave.
    recent : mapping of name to float64 array
        The newest values.
    """
    found: dict[str, float] = {}
    changed = []
    for name, values in recent.items():
        spread = Spread(**kept[name])
        found[name] = index(spread.shares, shares_of(values, spread.edges))
        if found[name] > spread.limit:
            changed.append(name)
    changed.sort(key=lambda name: -found[name])
    sentence = ""
    if changed:
        told = ", ".join(f"{name} ({found[name]:.2f})" for name in changed[:3])
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        sentence = f"what comes in no longer looks like the training: {told}{more}"
    rows = max((len(values) for values in recent.values()), default=0)
    return {"index": found, "changed": changed, "sentence": sentence, "rows": rows}
