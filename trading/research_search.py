"""What a page shows of a search: its points, the map of two parameters, the folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trading.drawing import Curve, Plot, Stretch, level_of, stretch
from trading.models import Fold, Sweep
from trading.performance.catalogue import METRICS
from trading.research_shown import LOOKS, NOTHING, Figure, curve_plot, day_of, figure, shown
from trading.selectors_sweeps import HeatMap, trials_of, varied

POINT_FIGURES = ("return", "sharpe", "max_drawdown", "trades", "win_rate", "profit_factor")
OUTSIDE = ("return", "cagr", "sharpe", "max_drawdown", "trades", "win_rate")


@dataclass(frozen=True, slots=True)
class Point:
    """One set of parameters that a search found, with what it gave."""

    which: str
    title: str
    about: str
    params: Mapping[str, Any]
    objective: str
    figures: tuple[Figure, ...]
    stability: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the map: its value in words, its shade, and how it is marked."""

    text: str
    level: int
    mark: str
    words: str
    is_firm: bool


@dataclass(frozen=True, slots=True)
class HeatTable:
    """The map as a table, the largest y on top."""

    x: str
    y: str
    x_values: Sequence[Any]
    rows: Sequence[tuple[Any, Sequence[Cell]]]
    others: Sequence[str]


@dataclass(frozen=True, slots=True)
class FoldRow:
    """One fold: where its bars lie, what it chose, inside against outside."""

    number: int
    train: Stretch
    test: Stretch
    train_span: str
    test_span: str
    chosen: Mapping[str, Any] | None
    inside: Figure
    outside: Figure
    result: Figure
    trades: Figure


def points_of(sweep: Sweep) -> list[Point]:
    """Return the recommended point and the best one."""
    found = []
    for which, title, about in (
        (
            "recommended",
            "Recommended",
            "The point among good neighbours: a little off it is good too.",
        ),
        ("best", "Best", "The highest of all. A best point among bad ones is luck."),
    ):
        told = sweep.summary.get(which)
        if told:
            found.append(_point(sweep, which, title, about, told))
    return found


def point_of(sweep: Sweep, which: str) -> dict[str, Any]:
    """Return the parameters of a point: `recommended`, `best`, `latest`, or a trial's id."""
    if which.isascii() and which.isdigit() and len(which) < 19:
        found = trials_of(sweep).filter(pk=int(which)).values_list("params", flat=True).first()
        return dict(found or {})
    if which == "latest":
        return dict(sweep.summary.get("latest") or {})
    told = sweep.summary.get(which) if which in ("recommended", "best") else None
    return dict(told["params"]) if told else {}


def objective_text(sweep: Sweep, value: float | None) -> str:
    """Write a value of what the search looked for."""
    return NOTHING if value is None else shown(METRICS[sweep.objective], value)


def heat_table(sweep: Sweep, found: HeatMap) -> HeatTable:
    """Return the map with the recommended point, the best one and the firm ground marked."""
    is_low_better = METRICS[sweep.objective].better == "lower"
    low, high = found.low or 0.0, found.high or 0.0
    marked = {which: _place(sweep, which, found) for which in ("recommended", "best")}
    rows = []
    for row in range(len(found.y_values) - 1, -1, -1):
        cells = []
        for column, value in enumerate(found.cells[row]):
            level = level_of(value, low, high) if value is not None else -1
            if value is not None and is_low_better:
                level = 9 - level
            here = [which for which, at in marked.items() if at == (column, row)]
            cells.append(
                Cell(
                    objective_text(sweep, value),
                    level,
                    "".join({"recommended": "◎", "best": "★"}[one] for one in here),
                    " and ".join(here),
                    _is_near(marked["recommended"], column, row),
                )
            )
        rows.append((found.y_values[row], cells))
    others = [one for one in varied(sweep) if one not in (found.x, found.y)]
    return HeatTable(found.x, found.y, found.x_values, rows, others)


def walk_plot(sweep: Sweep, folds: Sequence[Fold]) -> Plot | None:
    """Draw the equity on the bars that no choice saw, each fold in another look."""
    curves = [
        Curve(
            f"Fold {one.number}",
            LOOKS[n % 2],
            one.equity.get("time", []),
            one.equity.get("equity", []),
        )
        for n, one in enumerate(folds)
        if one.equity.get("time")
    ]
    told = sweep.summary.get("out_of_sample", {}).get("equity")
    if told and not curves:
        curves = [Curve("Out of sample", "first", told["time"], told["equity"])]
    return curve_plot("Equity on bars that the choice never saw", curves)


def outside_figures(sweep: Sweep) -> list[Figure]:
    """Return the figures out of sample."""
    told = sweep.summary.get("out_of_sample", {}).get("metrics") or {}
    currency = str(sweep.assumptions.get("currency", ""))
    return [figure(name, told, currency) for name in OUTSIDE]


def inside_outside(sweep: Sweep) -> list[tuple[str, Figure, Figure]]:
    """Return each figure on the bars of the choice, and on those after."""
    inside = sweep.summary.get("in_sample", {}).get("metrics") or {}
    outside = sweep.summary.get("out_of_sample", {}).get("metrics") or {}
    return [
        (METRICS[name].label, figure(name, inside), figure(name, outside))
        for name in inside
        if name in METRICS
    ]


def fold_rows(sweep: Sweep, folds: Sequence[Fold]) -> list[FoldRow]:
    """Return the folds on one time line."""
    if not folds:
        return []
    low = min(one.train_from for one in folds)
    high = max(one.test_through for one in folds) + sweep.timeframe
    rows = []
    for one in folds:
        train = f"{day_of(one.train_from)} to {day_of(one.train_through)}"
        test = f"{day_of(one.test_from)} to {day_of(one.test_through)}"
        rows.append(
            FoldRow(
                one.number,
                stretch(one.train_from, one.train_through + sweep.timeframe, low, high, train),
                stretch(one.test_from, one.test_through + sweep.timeframe, low, high, test),
                train,
                test,
                one.chosen,
                figure(sweep.objective, one.chosen_metrics),
                figure(sweep.objective, one.metrics),
                figure("return", one.metrics),
                figure("trades", one.metrics),
            )
        )
    return rows


def _point(sweep: Sweep, which: str, title: str, about: str, told: Mapping[str, Any]) -> Point:
    return Point(
        which,
        title,
        about,
        told["params"],
        objective_text(sweep, told["objective"]),
        tuple(figure(name, told["metrics"]) for name in POINT_FIGURES),
        told.get("stability"),
    )


def _place(sweep: Sweep, which: str, found: HeatMap) -> tuple[int, int] | None:
    told = (sweep.summary.get(which) or {}).get("params") or {}
    if told.get(found.x) not in found.x_values or told.get(found.y) not in found.y_values:
        return None
    return found.x_values.index(told[found.x]), found.y_values.index(told[found.y])


def _is_near(place: tuple[int, int] | None, column: int, row: int) -> bool:
    return place is not None and abs(place[0] - column) <= 1 and abs(place[1] - row) <= 1
