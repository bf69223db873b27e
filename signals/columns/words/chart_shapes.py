"""Classical chart patterns drawn through the last confirmed swings.

The shapes follow R. Edwards and J. Magee, Technical Analysis of Stock Trends, and T. Bulkowski,
Encyclopedia of Chart Patterns; where these say "about as high" the tolerances stand below and are
shares of the pattern's own height, so that they hold on any market and timeframe. Every function
looks at a top; the bottom of the same kind is the same picture turned upside down.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

LIKE = 0.15
"""Two levels count as equal that differ by at most this share of the height."""
SLOPED = 0.2
"""A border rises or falls that changes by at least this share of the height."""
SHOULDERS = 0.3
"""Shoulders, and the two lows of a neckline, differ by at most this share of the height."""
SIDES = 3.0
"""One side of a head takes at most so many times as long as the other."""
NARROWED = 0.75
"""A wedge ends at most as wide as this share of its beginning."""
HALF = 0.5
"""A flag, and a handle, give back at most this share of the rise before."""
POLE, FLAG, CUP = 4, 6, 6
"""Swing lengths: a pole takes at most four, a flag at most six, a cup at least six."""
SPAN = 40
"""Swing lengths from the first swing of a pattern to its confirmation, at most."""


class Pivot(NamedTuple):
    """A confirmed swing: bar, price, and 1 for a high or -1 for a low."""

    x: int
    y: float
    kind: int


class Line(NamedTuple):
    """A border through a point."""

    x: int
    y: float
    slope: float = 0.0

    def at(self, x: int) -> float:
        """Return its height at a bar."""
        return self.y + self.slope * (x - self.x)


def through(first: Pivot, last: Pivot) -> Line:
    """Return the border through two swings."""
    return Line(first.x, first.y, (last.y - first.y) / (last.x - first.x))


@dataclass(slots=True)
class Setup:
    """A pattern that is complete but for the close beyond its border.

    Attributes
    ----------
    first : int
        The bar of its first swing.
    height : float
        What price is expected to go beyond the border.
    above, below : Line or None
        The borders; a close beyond one confirms.
    stop_above, stop_below : float
        Where a break upwards, downwards was wrong.
    floor, ceiling : float
        A close beyond ends it without confirmation.
    until : float
        The last bar at which it may be confirmed.
    sign : int
        -1 where it is drawn upside down.
    """

    first: int
    height: float
    above: Line | None = None
    below: Line | None = None
    stop_above: float = inf
    stop_below: float = inf
    floor: float = -inf
    ceiling: float = inf
    until: float = inf
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Tape:
    """The bars since the calculation began, as a shape needs them; upside down where `sign` is -1.

    Attributes
    ----------
    swing : int
        Bars on either side of a swing.
    """

    close: Sequence[float]
    low: Sequence[float]
    swing: int
    sign: int = 1


Pivots = Sequence[Pivot]
Shape = Callable[[Pivots, Tape], Setup | None]


def _kinds(pivots: Pivots, *kinds: int) -> bool:
    return len(pivots) == len(kinds) and all(
        one.kind == kind for one, kind in zip(pivots, kinds, strict=True)
    )


def double_top(pivots: Pivots, _: Tape) -> Setup | None:
    """Find two highs alike after a rise at least as tall as the fall between them."""
    last = pivots[-4:]
    if not _kinds(last, -1, 1, -1, 1):
        return None
    before, left, valley, right = last
    top = max(left.y, right.y)
    height = top - valley.y
    if abs(left.y - right.y) > LIKE * height or left.y - before.y < height:
        return None
    border = Line(valley.x, valley.y)
    return Setup(left.x, height, below=border, stop_below=top, ceiling=top)


def head_and_shoulders(pivots: Pivots, _: Tape) -> Setup | None:
    """Find a high between two lower ones, over a neckline through the lows on its sides."""
    last = pivots[-6:]
    if not _kinds(last, -1, 1, -1, 1, -1, 1):
        return None
    before, left, first, head, second, right = last
    neckline = through(first, second)
    height = head.y - neckline.at(head.x)
    sides = (head.x - left.x) / (right.x - head.x)
    is_one = (
        head.y - max(left.y, right.y) >= LIKE * height
        and min(left.y - neckline.at(left.x), right.y - neckline.at(right.x)) > 0
        and max(abs(left.y - right.y), abs(first.y - second.y)) <= SHOULDERS * height
        and 1 / SIDES <= sides <= SIDES
        and before.y < min(first.y, second.y)
    )
    if not is_one:
        return None
    return Setup(left.x, height, below=neckline, stop_below=right.y, ceiling=head.y)


class Borders(NamedTuple):
    """Two highs and two lows that alternate, and the lines through them."""

    first: int
    tops: tuple[Pivot, Pivot]
    lows: tuple[Pivot, Pivot]
    above: Line
    below: Line
    height: float

    @property
    def top_change(self) -> float:
        """Change of the upper border as a share of the height."""
        return (self.tops[1].y - self.tops[0].y) / self.height

    @property
    def low_change(self) -> float:
        """Change of the lower border as a share of the height."""
        return (self.lows[1].y - self.lows[0].y) / self.height


def _borders(pivots: Pivots) -> Borders | None:
    """Draw the borders, or nothing where they cross."""
    last = pivots[-4:]
    if len(last) < 4:
        return None
    odd, even = (last[0], last[2]), (last[1], last[3])
    tops, lows = (odd, even) if last[0].kind == 1 else (even, odd)
    above, below = through(*tops), through(*lows)
    first, end = last[0].x, last[-1].x
    height = above.at(first) - below.at(first)
    if height <= 0 or above.at(end) <= below.at(end):
        return None
    return Borders(first, tops, lows, above, below, height)


def _holds(found: Borders, tape: Tape) -> bool:
    """Say whether no close between the first and the last swing lies outside of the borders."""
    above, below, sign, first = found.above, found.below, tape.sign, found.first
    end = max(found.tops[1].x, found.lows[1].x)
    top, low = above.at(first), below.at(first)
    for step, close in enumerate(tape.close[first : end + 1]):
        if not low + below.slope * step <= sign * close <= top + above.slope * step:
            return False
    return True


def _between(found: Borders, above: Line, below: Line, height: float) -> Setup:
    until = inf
    if above.slope < below.slope:
        gap = above.at(found.first) - below.at(found.first)
        until = found.first + gap / (below.slope - above.slope)
    return Setup(
        found.first,
        height,
        above=above,
        below=below,
        stop_above=found.lows[1].y,
        stop_below=found.tops[1].y,
        until=until,
    )


def ascending_triangle(pivots: Pivots, tape: Tape) -> Setup | None:
    """Find highs alike over rising lows."""
    found = _borders(pivots)
    if found is None or abs(found.top_change) > LIKE or found.low_change < 2 * LIKE:
        return None
    if not _holds(found, tape):
        return None
    top = max(found.tops, key=lambda one: one.y)
    return _between(found, Line(top.x, top.y), found.below, found.height)


def symmetrical_triangle(pivots: Pivots, tape: Tape) -> Setup | None:
    """Find falling highs over rising lows."""
    found = _borders(pivots)
    if found is None or found.top_change > -SLOPED or found.low_change < SLOPED:
        return None
    if not _holds(found, tape):
        return None
    return _between(found, found.above, found.below, found.height)


def rectangle(pivots: Pivots, tape: Tape) -> Setup | None:
    """Find highs alike over lows alike."""
    found = _borders(pivots)
    if found is None or max(abs(found.top_change), abs(found.low_change)) > LIKE:
        return None
    if not _holds(found, tape):
        return None
    top, low = max(one.y for one in found.tops), min(one.y for one in found.lows)
    return _between(found, Line(found.first, top), Line(found.first, low), top - low)


def rising_wedge(pivots: Pivots, tape: Tape) -> Setup | None:
    """Find rising highs over lows that rise faster."""
    found = _borders(pivots)
    if found is None or min(found.top_change, found.low_change) < SLOPED:
        return None
    end = pivots[-1].x
    width = found.above.at(end) - found.below.at(end)
    if width > NARROWED * found.height or not _holds(found, tape):
        return None
    return _between(found, found.above, found.below, found.height)


def bull_flag(pivots: Pivots, tape: Tape) -> Setup | None:
    """Find a steep rise, then a short channel against it that gives back at most half."""
    last = pivots[-4:]
    if not _kinds(last, -1, 1, -1, 1):
        return None
    foot, top, valley, lower = last
    pole = top.y - foot.y
    is_one = (
        top.x - foot.x <= POLE * tape.swing
        and lower.x - top.x <= FLAG * tape.swing
        and lower.y < top.y
        and top.y - valley.y <= HALF * pole
    )
    if not is_one:
        return None
    return Setup(
        foot.x,
        pole,
        above=through(top, lower),
        stop_above=valley.y,
        floor=top.y - HALF * pole,
        until=top.x + (POLE + FLAG) * tape.swing,
    )


def cup_and_handle(pivots: Pivots, tape: Tape) -> Setup | None:
    """Find a round bottom between rims alike, then a dip into its upper half."""
    if not _kinds(pivots[-2:], 1, -1):
        return None
    rim, dip = pivots[-2:]
    bottom = rim.y
    for left in reversed(pivots[:-2]):
        bottom = min(bottom, left.y)
        if left.kind == 1 and left.y >= rim.y - LIKE * (rim.y - bottom):
            return _cup(left, rim, dip, tape)
    return None


def _cup(left: Pivot, rim: Pivot, dip: Pivot, tape: Tape) -> Setup | None:
    inside = [tape.sign * one for one in tape.low[left.x + 1 : rim.x]]
    width, bottom = rim.x - left.x, min(inside)
    depth = min(left.y, rim.y) - bottom
    deepest = (inside.index(bottom) + 1) / width
    in_lowest_third = sum(one <= bottom + depth / 3 for one in inside)
    is_one = (
        width >= CUP * tape.swing
        and abs(left.y - rim.y) <= LIKE * depth
        and 0.2 <= deepest <= 0.8
        and in_lowest_third >= width / 4
        and rim.y - dip.y <= HALF * depth
        and dip.x - rim.x <= width / 2
    )
    if not is_one:
        return None
    top = max(left.y, rim.y)
    border = Line(rim.x, top)
    floor = rim.y - HALF * depth
    return Setup(left.x, depth, above=border, stop_above=dip.y, floor=floor)


SHAPES: Mapping[str, tuple[Shape, int]] = {
    "double_top": (double_top, 1),
    "double_bottom": (double_top, -1),
    "head_and_shoulders": (head_and_shoulders, 1),
    "inverse_head_and_shoulders": (head_and_shoulders, -1),
    "ascending_triangle": (ascending_triangle, 1),
    "descending_triangle": (ascending_triangle, -1),
    "symmetrical_triangle": (symmetrical_triangle, 1),
    "rectangle": (rectangle, 1),
    "rising_wedge": (rising_wedge, 1),
    "falling_wedge": (rising_wedge, -1),
    "bull_flag": (bull_flag, 1),
    "bear_flag": (bull_flag, -1),
    "cup_and_handle": (cup_and_handle, 1),
}
"""By name: the shape, and -1 where it is drawn upside down."""
