"""One measured figure and its goal; whether the goal is met is computed, never typed."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from operator import ge, le
from typing import Any

COMPARISONS = {"<=": le, ">=": ge}


@dataclass(frozen=True, slots=True)
class Figure:
    """What one benchmark found.

    Attributes
    ----------
    ours, peer, limit : float
        The measured values in `unit`; the limit is what the platform below us allows.
    ratio : float
        How many times better ours is than the peer, or than the limit where there is no peer.
    goal : str
        `ours <= 50` or `ratio >= 25`; empty where the figure is only watched.
    """

    ours: float
    unit: str
    peer: float | None = None
    limit: float | None = None
    ratio: float | None = None
    goal: str = ""

    @property
    def is_met(self) -> bool:
        return judge(self.goal, self.ours, self.ratio)

    def row(self) -> dict[str, Any]:
        """Return the row of `results.json`."""
        row = {name: rounded(value) for name, value in asdict(self).items()}
        return {**row, "met": self.is_met}


def lower(
    ours: float,
    unit: str,
    *,
    goal: str = "",
    peer: float | None = None,
    limit: float | None = None,
) -> Figure:
    """Return a figure of which less is better: a time, a size."""
    other = limit if peer is None else peer
    ratio = None if other is None else other / ours
    return Figure(ours, unit, peer, limit, ratio, goal)


def higher(
    ours: float,
    unit: str,
    *,
    goal: str = "",
    peer: float | None = None,
    limit: float | None = None,
) -> Figure:
    """Return a figure of which more is better: a rate."""
    other = limit if peer is None else peer
    ratio = None if other is None else ours / other
    return Figure(ours, unit, peer, limit, ratio, goal)


def judge(goal: str, ours: float, ratio: float | None) -> bool:
    """Compare what was measured with the goal; without a goal nothing can be missed."""
    if not goal:
        return True
    what, comparison, wanted = goal.split()
    value = {"ours": ours, "ratio": ratio}[what]
    return value is not None and bool(COMPARISONS[comparison](value, float(wanted)))


def rounded(value: Any) -> Any:
    """Keep four digits: more would only show the noise."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__trunc__() - 1)]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
