"""Several backtests side by side: which is better in what, and what they do not share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trading.drawing import Plot
from trading.models import BacktestRun
from trading.performance.catalogue import METRICS
from trading.performance.correlation import correlation
from trading.research_before import sides, told_of
from trading.research_shown import LOOKS, Figure, figure, numbers, return_plot

Report = Mapping[str, Any]
FEWEST_DAYS = 10


@dataclass(frozen=True, slots=True)
class Side:
    """One of the runs that are compared."""

    run: BacktestRun
    report: Report
    look: str

    @property
    def label(self) -> str:
        return self.run.name or f"Backtest {self.run.pk}"


@dataclass(frozen=True, slots=True)
class Line:
    """A figure of every run; `best` holds the places of the better ones."""

    label: str
    about: str
    cells: tuple[tuple[Figure, bool], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the page shows."""

    sides: Sequence[Side]
    lines: Sequence[Line]
    curves: Plot | None
    different: Sequence[tuple[str, tuple[str, ...]]]
    shared: Sequence[tuple[str, str]]
    correlation: Sequence[tuple[str, tuple[float | None, ...]]]

    @property
    def is_uneven(self) -> bool:
        """Say whether the runs were made on other bars, so that their figures mislead."""
        return any(what in ("symbols", "span") for what, _ in self.different)


def compared(found: Sequence[tuple[BacktestRun, Report]]) -> Comparison:
    """Hold the reports of at least two runs against each other."""
    parts = [Side(run, report, LOOKS[n % len(LOOKS)]) for n, (run, report) in enumerate(found)]
    told = sides([told_of(one.run) for one in parts])
    lines = [
        (one.label, one.report["equity"]["time"], one.report["equity"]["equity"]) for one in parts
    ]
    return Comparison(
        sides=parts,
        lines=[_line(name, parts) for name in METRICS],
        curves=return_plot("Return since the beginning", lines),
        different=[(what, values) for what, values in told if len(set(values)) > 1],
        shared=[(what, values[0]) for what, values in told if len(set(values)) == 1],
        correlation=_correlated(parts),
    )


def _line(name: str, parts: Sequence[Side]) -> Line:
    metric = METRICS[name]
    cells = [
        figure(name, one.report["metrics"], str(one.report["assumptions"].get("currency", "")))
        for one in parts
    ]
    known = [one.value for one in cells if one.value is not None]
    best = None
    if metric.better != "none" and len(set(known)) > 1:
        best = max(known) if metric.better == "higher" else min(known)
    return Line(
        metric.label,
        metric.about,
        tuple((one, one.value is not None and one.value == best) for one in cells),
    )


def _correlated(parts: Sequence[Side]) -> list[tuple[str, tuple[float | None, ...]]]:
    """Return how the daily returns of the runs go together, on the days that all of them have."""
    series = [
        dict(zip(one.report["days"]["time"], numbers(one.report["days"]["equity"]), strict=True))
        for one in parts
    ]
    common = sorted(set.intersection(*(set(one) for one in series)))
    if len(common) < FEWEST_DAYS:
        return []
    equity = np.array([[one[at] or np.nan for at in common] for one in series])
    returns = equity[:, 1:] / equity[:, :-1] - 1.0
    if not np.isfinite(returns).all():
        return []
    rows = correlation(returns.T).coefficients
    return [(one.label, tuple(row)) for one, row in zip(parts, rows, strict=True)]
