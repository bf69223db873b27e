"""Which point of a search to trust: the one among good neighbours, not the one that is best.

A best point among bad ones is luck. For every point the objective of its neighbourhood is looked
at: in a grid the points one step away in any dimension, elsewhere its nearest ones. The point with
the best median there is recommended; where medians tie, the one whose worst neighbour is best.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from trading.backtest.space import Point, Space

type Places = NDArray[np.intp]

NEAREST = 4
"""Neighbours of a point of a random search, times dimensions, at least one full turn of it."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A point of a search with its objective, higher is better; None counts as the worst."""

    number: int
    point: Point
    objective: float | None


@dataclass(frozen=True, slots=True)
class Stability:
    """The objective over a point and its neighbours."""

    number: int
    median: float
    mean: float
    low: float
    neighbours: int

    @property
    def rank(self) -> tuple[float, float, float, int]:
        return self.median, self.low, self.mean, -self.number


def stabilities(space: Space, points: Sequence[Scored], *, is_grid: bool) -> dict[int, Stability]:
    """Return the neighbourhood of every point that has an objective, by its number.

    Points that could not be ranked (too few trades) lie in the neighbourhood as well, with the
    worst objective of the search: an island is no plateau.
    """
    known = [one.objective for one in points if one.objective is not None]
    if not known:
        return {}
    values = np.array([min(known) if one.objective is None else one.objective for one in points])
    near = _in_grid(space, points) if is_grid else _nearest(space, points)
    found = {}
    for one, around_it in zip(points, near, strict=True):
        if one.objective is None:
            continue
        around = [float(value) for value in values[around_it]]
        found[one.number] = Stability(
            one.number, median(around), fmean(around), min(around), len(around) - 1
        )
    return found


def recommended(found: dict[int, Stability]) -> Stability | None:
    """Return the point with the best neighbourhood, None where there is none."""
    return max(found.values(), key=lambda one: one.rank, default=None)


def _in_grid(space: Space, points: Sequence[Scored]) -> Iterator[Places]:
    """Yield which points lie at most one step away in every dimension, each one itself too."""
    steps = [
        {value: place for place, value in enumerate(one.values)} for one in space.dimensions
    ]  # fmt: skip
    unordered = [one.is_text for one in space.dimensions]
    places = np.array(
        [
            [step[one.point[name]] for step, name in zip(steps, space.names, strict=True)]
            for one in points
        ]
    )
    for place in places:
        away = np.abs(places - place)
        # Texts have no order: those of another text are no neighbours.
        away[:, unordered] *= 2
        yield np.flatnonzero(away.max(axis=1) <= 1)


def _nearest(space: Space, points: Sequence[Scored]) -> Iterator[Places]:
    places = np.array([space.place(one.point) for one in points], dtype=np.float64)
    wanted = min(len(points), 1 + NEAREST * len(space.dimensions))
    for place in places:
        away = ((places - place) ** 2).sum(axis=1)
        yield np.argsort(away, kind="stable")[:wanted]


def distribution(values: Sequence[float], *, bins: int = 20) -> dict[str, object]:
    """Return quartiles and a histogram of objectives; empty where there are none."""
    if not values:
        return {}
    low, first, middle, third, high = (
        float(one) for one in np.quantile(np.array(values), (0, 0.25, 0.5, 0.75, 1))
    )
    counts, edges = np.histogram(np.array(values), bins=bins if high > low else 1)
    return {
        "low": low,
        "first_quarter": first,
        "median": middle,
        "third_quarter": third,
        "high": high,
        "edges": edges.tolist(),
        "counts": counts.tolist(),
    }


def drift(points: Sequence[Point]) -> dict[str, dict[str, object]]:
    """Return how each parameter moved from fold to fold: its values and how often it changed."""
    if not points:
        return {}
    found: dict[str, dict[str, object]] = {}
    for name in points[0]:
        values = [one[name] for one in points]
        found[name] = {"values": values, "changes": sum(a != b for a, b in pairwise(values))}
    return found
