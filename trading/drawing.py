"""Curves, fans and time lines of research as shapes, drawn by the server: pure geometry.

A plot is a box of `WIDTH` by `HEIGHT` that the page stretches; words stand beside it at shares of
its sides, so that they keep their size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

WIDTH, HEIGHT = 1000.0, 240.0
BUCKETS = 280
"""Columns that a long curve is thinned to; each keeps its lowest and its highest point."""
RUNGS = 5
DAY_S = 86_400
LOOKS = ("first", "second", "third", "fourth", "fifth", "sixth")
Shown = Callable[[float], str]
Number = float | None


@dataclass(frozen=True, slots=True)
class Tick:
    """A word beside the box: `at` is its place as a share of the side, such as `25.00%`."""

    at: str
    text: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: `look` is its class, `points` those of a polyline or a polygon."""

    name: str
    look: str
    points: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A box with its curves, its areas, and what stands beside it.

    Attributes
    ----------
    rungs : tuple of Tick
        Values on the left side, from the top.
    grid : tuple of float
        Heights of the rungs inside the box.
    marks : tuple of Tick
        Days along the foot.
    """

    label: str
    lines: tuple[Line, ...]
    areas: tuple[Line, ...]
    rungs: tuple[Tick, ...]
    grid: tuple[float, ...]
    marks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over time before they are drawn; None where there is none."""

    name: str
    look: str
    times: Sequence[float]
    values: Sequence[Number]


def plot(
    label: str,
    curves: Sequence[Curve],
    *,
    shown: Shown,
    day: Shown,
    floor_at: float | None = None,
    is_filled: bool = False,
) -> Plot | None:
    """Draw curves over one time axis; None where fewer than two points are known.

    Parameters
    ----------
    shown, day : callable
        A value and a moment in words.
    floor_at : float, optional
        A value that the box always holds: 0 for a drawdown.
    is_filled : bool
        Fill between each curve and `floor_at`, or the lowest value.
    """
    known = [_known(one) for one in curves]
    points = [pair for one in known for pair in one]
    if len(points) < 2:
        return None
    values = [value for _, value in points] + ([] if floor_at is None else [floor_at])
    box = _Box.around([time for time, _ in points], values)
    drawn = [
        Line(curve.name, curve.look, box.points(thinned(one)))
        for curve, one in zip(curves, known, strict=True)
        if one
    ]
    base = box.y(box.low if floor_at is None else floor_at)
    areas = tuple(
        Line(
            one.name, one.look, f"{_first_x(one)},{base:.1f} {one.points} {_last_x(one)},{base:.1f}"
        )
        for one in drawn
        if is_filled
    )
    return Plot(
        label,
        tuple(drawn),
        areas,
        tuple(Tick(f"{100 * box.y(at) / HEIGHT:.2f}%", shown(at)) for at in box.steps),
        tuple(box.y(at) for at in box.steps),
        box.marks(day),
    )


def band_plot(
    label: str,
    times: Sequence[float],
    bands: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    curves: Sequence[Curve],
    *,
    shown: Shown,
    day: Shown,
) -> Plot | None:
    """Draw a fan: areas between pairs of curves, the widest first, and curves over them."""
    edges = [value for _, low, high in bands for value in (*low, *high)]
    inner = [pair for one in curves for pair in _known(one)]
    if len(times) < 2 or not edges:
        return None
    moments = [*times, *(time for time, _ in inner)]
    box = _Box.around(moments, [*edges, *(value for _, value in inner)])
    areas = tuple(
        Line(
            name,
            f"band-{n}",
            f"{box.points(list(zip(times, low, strict=True)))} "
            f"{box.points(list(zip(times, high, strict=True))[::-1])}",
        )
        for n, (name, low, high) in enumerate(bands)
    )
    lines = tuple(
        Line(one.name, one.look, box.points(thinned(_known(one)))) for one in curves if _known(one)
    )
    return Plot(
        label,
        lines,
        areas,
        tuple(Tick(f"{100 * box.y(at) / HEIGHT:.2f}%", shown(at)) for at in box.steps),
        tuple(box.y(at) for at in box.steps),
        box.marks(day),
    )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a time line: place and length as shares of the whole."""

    x: str
    width: str
    text: str


def stretch(start: float, end: float, low: float, high: float, text: str) -> Stretch:
    """Return where [start, end) lies between `low` and `high`."""
    span = max(high - low, 1.0)
    return Stretch(f"{100 * (start - low) / span:.2f}%", f"{100 * (end - start) / span:.2f}%", text)


def thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a curve of at most `2 * BUCKETS` points: each column keeps its extremes, in order."""
    if len(points) <= 2 * BUCKETS:
        return points
    kept = []
    size = len(points) / BUCKETS
    for n in range(BUCKETS):
        part = points[round(n * size) : round((n + 1) * size)]
        low, high = min(part, key=_value), max(part, key=_value)
        kept.extend(sorted({low, high}))
    return [points[0], *kept[1:-1], points[-1]]


def level_of(value: float, low: float, high: float, levels: int = 9) -> int:
    """Return which of the shades 0 to `levels` a value has between the worst and the best."""
    if high <= low:
        return levels // 2
    return min(levels, max(0, floor((value - low) / (high - low) * (levels + 1))))


def _value(point: tuple[float, float]) -> float:
    return point[1]


def _known(curve: Curve) -> list[tuple[float, float]]:
    pairs = zip(curve.times, curve.values, strict=True)
    return [(time, value) for time, value in pairs if value is not None and isfinite(value)]


def _first_x(line: Line) -> str:
    return line.points.split(",", 1)[0]


def _last_x(line: Line) -> str:
    return line.points.rsplit(" ", 1)[-1].split(",", 1)[0]


@dataclass(frozen=True, slots=True)
class _Box:
    start: float
    end: float
    low: float
    high: float
    steps: tuple[float, ...]

    @classmethod
    def around(cls, times: Sequence[float], values: Sequence[float]) -> "_Box":
        low, high = min(values), max(values)
        if high <= low:
            room = abs(low) * 0.01 or 1.0
            low, high = low - room, high + room
        step = _round_step((high - low) / RUNGS)
        first = floor(low / step)
        count = floor(high / step) - first + 1
        steps = [at for n in range(count + 1) if low <= (at := (first + n) * step) <= high]
        return cls(min(times), max(times), low, high, tuple(reversed(steps)))

    def x(self, time: float) -> float:
        return WIDTH * (time - self.start) / max(self.end - self.start, 1.0)

    def y(self, value: float) -> float:
        return HEIGHT * (self.high - value) / (self.high - self.low)

    def points(self, pairs: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{self.x(time):.1f},{self.y(value):.1f}" for time, value in pairs)

    def marks(self, day: Shown) -> tuple[Tick, ...]:
        middle = (self.start + self.end) / 2
        places = ((self.start, "0%", "start"), (middle, "50%", "middle"), (self.end, "100%", "end"))
        return tuple(Tick(at, day(time), anchor) for time, at, anchor in places)


def _round_step(rough: float) -> float:
    """Return the next of 1, 2, 5 times a power of ten."""
    power: float = 10.0 ** floor(log10(rough))
    return next(power * size for size in (1, 2, 5, 10) if power * size >= rough)
