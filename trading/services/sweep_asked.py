"""What a search is asked with, checked, and the rows that it begins with."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from signals.columns.compiled import StrategyLike
from signals.columns.engine import BLOCK, history_needed
from signals.columns.errors import ColumnError
from signals.strategies.params import Param, ParamError
from trading.backtest.assumptions import Assumptions
from trading.backtest.folds import FoldSpan, WalkError, Windows, fold_spans, gap_bars, windows_read
from trading.backtest.space import Point, Space, SpaceError, applied, grid_points, space_read
from trading.models import Sweep
from trading.performance.catalogue import METRICS
from trading.selectors_research import UNMADE, restored
from trading.services.research_errors import ResearchError

MOST_TRIALS = 20_000
MOST_SEED = 2**31 - 1
POINTS = 100
MIN_TRADES = 10


@dataclass(frozen=True, slots=True)
class Search:
    """A search that can be made.

    Attributes
    ----------
    points : list of Point
        Known beforehand: none of a TPE search.
    refused : dict of number to sentence
        The points that the strategy does not take.
    count : int
        Trials in each fold.
    """

    space: Space
    points: list[Point]
    refused: dict[int, str]
    count: int


def search_read(
    fields: Mapping[str, Any], *, space: Mapping[str, Any], method: str, points: int | None,
    seed: int,
) -> Search:  # fmt: skip
    """Read the space and make the points of a grid or of a random search.

    Raises
    ------
    ResearchError
    """
    if method not in Sweep.Method.values:
        raise ResearchError(f"The method is {', '.join(Sweep.Method.values)}.", "/method")
    refuse_number("seed", seed, low=0, high=MOST_SEED)
    wanted = POINTS if points is None else points
    refuse_number("points", wanted, low=1, high=MOST_TRIALS)
    try:
        found = space_read(space, specs_of(fields))
        if method == Sweep.Method.GRID:
            made = grid_points(found)
        elif method == Sweep.Method.RANDOM:
            made = found.random(wanted, seed)
        else:
            return Search(found, [], {}, min(wanted, found.size or wanted))
    except SpaceError as fault:
        raise ResearchError(f"{fault}.", fault.place) from None
    if not made:
        raise ResearchError("No point meets the conditions.", "/space/where")
    refused = _refused(fields, made)
    if len(refused) == len(made):
        raise ResearchError(
            f"The strategy takes none of the {len(made)} points: {refused[1]}.", "/space"
        )
    return Search(found, made, refused, len(made))


def _refused(fields: Mapping[str, Any], points: list[Point]) -> dict[int, str]:
    """Return what the strategy says of points that it does not take, by number from 1."""
    assumptions = Assumptions.from_json(fields["assumptions"])
    found = {}
    for number, point in enumerate(points, 1):
        params, _ = applied(point, fields["params"], assumptions)
        try:
            strategy_with(fields, params)
        except ParamError as fault:
            found[number] = str(fault)
    return found


def walk_read(
    fields: Mapping[str, Any], search: Search, walk: Mapping[str, Any] | None
) -> tuple[dict[str, Any], list[FoldSpan]]:
    """Return a walk-forward's windows as they are stored, with its gap, and its folds.

    Raises
    ------
    ResearchError
    """
    step = fields["timeframe"]
    try:
        windows = windows_read(walk)
        need = column_need(fields, search.space)
        gap = gap_bars(windows, column_need=need, timeframe=step)
        spans = fold_spans(
            windows,
            from_open=fields["from_open"],
            through_open=fields["through_open"],
            timeframe=step,
            gap=gap,
        )
    except WalkError as fault:
        raise ResearchError(f"{fault}.", fault.place) from None
    if len(spans) * search.count > MOST_TRIALS:
        raise ResearchError(
            f"{len(spans)} folds of {search.count} points are {len(spans) * search.count} trials; "
            f"{MOST_TRIALS} are allowed: take fewer points or longer tests.",
            "/points",
        )
    return {**asdict(windows), "gap_bars": gap, "column_need": need}, spans


def windows_of(sweep: Sweep) -> Windows:
    """Return the windows of a walk-forward's row."""
    known = {name: one for name, one in sweep.walk.items() if name in Windows.__slots__}
    return Windows(**known)


def column_need(fields: Mapping[str, Any], space: Space) -> int:
    """Return how many bars the strategy's columns look back, at most, over the whole space.

    Where every parameter is at one end of what it may be; a look back is longest there.
    """
    step: int = fields["timeframe"]
    assumptions = Assumptions.from_json(fields["assumptions"])
    longest = 0
    for end in (0, -1):
        corner: Point = {
            one.name: one.values[end] if one.values else (one.low, one.high)[end]
            for one in space.dimensions
        }
        params, _ = applied(corner, fields["params"], assumptions)
        try:
            needed = history_needed(strategy_with(fields, params))
        except (ParamError, ColumnError):
            continue  # the strategy does not take this corner; the other one says enough
        longest = max(longest, *needed.values()) if needed else longest
    return max(0, -(-(longest - (BLOCK - 1) * step) // step))


def strategy_with(fields: Mapping[str, Any], params: Mapping[str, Any]) -> StrategyLike:
    """Return the strategy of a row's fields with these parameters."""
    return restored(
        class_name=fields["class_name"],
        definition=fields["definition"],
        params=params,
        timeframe=fields["timeframe"],
    ).strategy


def specs_of(fields: Mapping[str, Any]) -> Mapping[str, Param[Any]]:
    """Return the parameters of the strategy with their bounds."""
    try:
        found: Mapping[str, Param[Any]] = strategy_with(fields, fields["params"]).param_specs  # type: ignore[attr-defined]  # of a class and of written rules
    except UNMADE as fault:
        raise ResearchError(str(fault), "/strategy") from None
    return found


def space_of(sweep: Sweep) -> Space:
    """Return the space of a sweep's row."""
    return space_read(sweep.space, specs_of(fields_of(sweep)))


def fields_of(sweep: Sweep) -> dict[str, Any]:
    """Return the fields of a row as they were checked."""
    names = ("class_name", "definition", "params", "timeframe", "assumptions", "from_open")
    return {name: getattr(sweep, name) for name in (*names, "through_open", "symbols")}


def refuse_words(kind: str, objective: str) -> None:
    """Refuse a kind that is none, and a metric that cannot be searched for.

    Raises
    ------
    ResearchError
    """
    if kind not in Sweep.Kind.values:
        raise ResearchError(f"The kind is {' or '.join(Sweep.Kind.values)}.", "/kind")
    allowed = [one.name for one in METRICS.values() if one.better != "none"]
    if objective not in allowed:
        raise ResearchError(f"The objective is one of {', '.join(allowed)}.", "/objective")


def refuse_number(name: str, value: object, *, low: int, high: int) -> None:
    """Refuse what is no whole number between two.

    Raises
    ------
    ResearchError
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ResearchError(f"{name} is a whole number from {low} to {high}.", f"/{name}")
