"""What varies in a search: parameters of the strategy and choices of the trader, and the points."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from itertools import islice, product
from math import isfinite, prod
from random import Random
from typing import Any

from signals.strategies.params import Param, TextParam
from trading.backtest.assumptions import DIRECTIONS, ENTRIES, STOPS, Assumptions
from trading.backtest.possible import RANGES
from trading.risk.values import Limits

Value = int | float | str | bool
Point = dict[str, Value]
MOST_POINTS = 20_000
MOST_VALUES = 1_000
MOST_DIMENSIONS = 12
PREFIX = "assumptions."
WHERE = "where"
"""Key of the space that holds conditions: `["fast < slow"]`."""

# What a trader chooses. Fees, spread and the like are facts about the market: a search over them
# would find that trading is best where it is free.
WHOLE = (
    *("entry_offset_ppm", "limit_offset_ppm", "entry_bars", "patience_s", "trailing_ppm"),
    *("stop_ppm", "take_milli", "position_ppm", "exposure_ppm", "max_open_positions"),
)
CHOICES: Mapping[str, Sequence[Value]] = {
    "entry": ENTRIES,
    "stops": STOPS,
    "direction": DIRECTIONS,
    "is_post_only": (False, True),
}
LIMITS = frozenset(one.name for one in fields(Limits))
KEYS = {"values", "low", "high", "step"}
_CONDITION = re.compile(r"\s*([\w.]+)\s*(<=|<|>=|>|!=)\s*([\w.]+)\s*")
_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "!=": lambda a, b: a != b,
}


class SpaceError(ValueError):
    """A space that cannot be searched.

    Attributes
    ----------
    place : str
        A JSON pointer: `/space/fast/step`.
    """

    def __init__(self, sentence: str, place: str = "/space") -> None:
        super().__init__(sentence)
        self.place = place


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that varies: listed values, or any number between two where `values` is empty.

    Attributes
    ----------
    is_text : bool
        Its values have no order: texts, yes and no.
    """

    name: str
    values: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @property
    def is_text(self) -> bool:
        return bool(self.values) and not all(_is_number(one) for one in self.values)

    def drawn(self, dice: Random) -> Value:
        """Return one value at random."""
        if self.values:
            return self.values[dice.randrange(len(self.values))]
        return _rounded(dice.uniform(self.low, self.high))

    def place(self, value: Value) -> float:
        """Return where a value lies in the dimension, 0 to 1."""
        if self.values:
            return self.values.index(value) / max(1, len(self.values) - 1)
        return (float(value) - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison that every point meets; each side is a name or a number."""

    left: str
    sign: str
    right: str

    def holds(self, point: Mapping[str, Value]) -> bool:
        return _HOLDS[self.sign](_side(self.left, point), _side(self.right, point))


@dataclass(frozen=True, slots=True)
class Space:
    """The dimensions in their order, and the conditions on their points."""

    dimensions: tuple[Dimension, ...]
    conditions: tuple[Condition, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.dimensions)

    @property
    def is_listed(self) -> bool:
        """Say whether every dimension is a list of values."""
        return all(one.values for one in self.dimensions)

    @property
    def size(self) -> int | None:
        """How many points the whole grid has, conditions left aside; None without end."""
        return prod(len(one.values) for one in self.dimensions) if self.is_listed else None

    def allows(self, point: Mapping[str, Value]) -> bool:
        return all(one.holds(point) for one in self.conditions)

    def grid(self) -> Iterator[Point]:
        """Yield every point that meets the conditions; the last dimension changes fastest."""
        for place, one in enumerate(self.dimensions):
            if not one.values:
                raise SpaceError(
                    f"{one.name} takes any number from {one.low:g} to {one.high:g}: "
                    "give a step or values for a grid, or search at random",
                    f"/space/{self.names[place]}/step",
                )
        for found in product(*(one.values for one in self.dimensions)):
            point = dict(zip(self.names, found, strict=True))
            if self.allows(point):
                yield point

    def random(self, count: int, seed: int) -> list[Point]:
        """Return up to `count` different points that meet the conditions, the same for a seed."""
        dice = Random(seed)  # noqa: S311  a search, no secret
        if self.size is not None and self.size <= max(4 * count, MOST_POINTS):
            points = list(self.grid())
            return dice.sample(points, min(count, len(points)))
        found: dict[tuple[Value, ...], Point] = {}
        for _ in range(50 * count):
            point = {one.name: one.drawn(dice) for one in self.dimensions}
            if self.allows(point):
                found.setdefault(tuple(point.values()), point)
            if len(found) == count:
                break
        return list(found.values())

    def place(self, point: Mapping[str, Value]) -> tuple[float, ...]:
        """Return a point's coordinates, each 0 to 1."""
        return tuple(one.place(point[one.name]) for one in self.dimensions)


def space_read(told: object, specs: Mapping[str, Param[Any]]) -> Space:
    """Read `{"fast": {"low": 5, "high": 30, "step": 1}, "slow": {"values": [20, 50]}}`.

    What is left out of low, high and step is taken from the strategy's `Param`; a whole number's
    step is 1 where nothing says otherwise.

    Raises
    ------
    SpaceError
        With the place of what is wrong.
    """
    if not isinstance(told, Mapping) or not told:
        raise SpaceError('say what varies, such as {"fast": {"low": 5, "high": 30, "step": 5}}')
    varied = {name: one for name, one in told.items() if name != WHERE}
    if not 1 <= len(varied) <= MOST_DIMENSIONS:
        raise SpaceError(f"{len(varied)} dimensions; a search has 1 to {MOST_DIMENSIONS}")
    found = tuple(_dimension(str(name), one, specs) for name, one in varied.items())
    return Space(found, _conditions(told.get(WHERE, []), {one.name for one in found}))


def grid_points(space: Space) -> list[Point]:
    """Return the whole grid.

    Raises
    ------
    SpaceError
        Where it is empty, has no end, or is larger than a search may be.
    """
    size = space.size
    if size is not None and size > MOST_POINTS * 10:
        raise SpaceError(_too_many(size))
    points = list(islice(space.grid(), MOST_POINTS + 1))
    if len(points) > MOST_POINTS:
        raise SpaceError(_too_many(size or 0))
    if not points:
        raise SpaceError("no point meets the conditions", f"/space/{WHERE}")
    return points


def applied(
    point: Mapping[str, Value], params: Mapping[str, Any], assumptions: Assumptions
) -> tuple[dict[str, Any], Assumptions]:
    """Return the strategy's parameters and the assumptions with a point put in."""
    changed = dict(params)
    own: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    for name, value in point.items():
        if not name.startswith(PREFIX):
            changed[name] = value
        elif (word := name.removeprefix(PREFIX)) in LIMITS:
            limits[word] = value
        else:
            own[word] = value
    if limits:
        own["limits"] = replace(assumptions.limits, **limits)
    return changed, replace(assumptions, **own) if own else assumptions


def _dimension(name: str, told: object, specs: Mapping[str, Param[Any]]) -> Dimension:
    place = f"/space/{name}"
    if not isinstance(told, Mapping):
        raise SpaceError(f'{name} wants {{"values": [...]}} or low, high and step', place)
    unknown = sorted(set(told) - KEYS)
    if unknown:
        raise SpaceError(
            f"{name} has values, or low, high and step; not {unknown[0]}", f"{place}/{unknown[0]}"
        )
    choices, spec = _known(name, specs)
    if "values" in told:
        return _listed(name, told["values"], choices, spec)
    if choices:
        if told:
            raise SpaceError(f"{name} has no order: list its values", place)
        return Dimension(name, tuple(choices))
    return _ranged(name, told, spec)


def _known(name: str, specs: Mapping[str, Param[Any]]) -> tuple[Sequence[Value], Param[Any] | None]:
    """Return what a name may be: choices, or the parameter with its bounds."""
    word = name.removeprefix(PREFIX)
    if not name.startswith(PREFIX):
        if name not in specs:
            known = ", ".join(specs) or "none"
            raise SpaceError(f"there is no parameter {name}; there are {known}", f"/space/{name}")
        return (), specs[name]
    if word in CHOICES:
        return CHOICES[word], None
    if word in WHOLE:
        return (), None
    allowed = ", ".join((*WHOLE, *CHOICES))
    raise SpaceError(
        f"{word} is nothing to search over: of the assumptions vary {allowed}", f"/space/{name}"
    )


def _listed(
    name: str, told: object, choices: Sequence[Value], spec: Param[Any] | None
) -> Dimension:
    place = f"/space/{name}/values"
    if not isinstance(told, list | tuple) or not told:
        raise SpaceError(f"the values of {name} are a list of at least one", place)
    if len(told) > MOST_VALUES:
        raise SpaceError(f"{len(told)} values of {name}; {MOST_VALUES} are allowed", place)
    values = tuple(
        _value(name, one, choices, spec, f"{place}/{number}") for number, one in enumerate(told)
    )
    if len(set(values)) != len(values):
        raise SpaceError(f"a value of {name} is named twice", place)
    if all(_is_number(one) for one in values):
        values = tuple(sorted(values))
    return Dimension(name, values)


def _value(
    name: str, told: Any, choices: Sequence[Value], spec: Param[Any] | None, place: str
) -> Value:
    if choices:
        if told not in choices or isinstance(told, bool) != isinstance(choices[0], bool):
            raise SpaceError(f"{name} is one of {', '.join(map(str, choices))}", place)
        return choices[choices.index(told)]
    if spec is None:
        return _whole(name, told, place)
    try:
        value: Value = spec.clean(told)
    except ValueError as fault:
        raise SpaceError(str(fault), place) from None
    return value


def _ranged(name: str, told: Mapping[str, Any], spec: Param[Any] | None) -> Dimension:
    place = f"/space/{name}"
    if isinstance(spec, TextParam):
        raise SpaceError(f"{name} is a text: list its values", place)
    is_whole = spec is None or isinstance(spec.default, int)
    bounds = {
        "low": _bound(name, "low", told, spec),
        "high": _bound(name, "high", told, spec),
    }
    low, high = bounds["low"], bounds["high"]
    for word, one in bounds.items():
        _value(name, int(one) if is_whole and one == int(one) else float(one), (), spec,
               f"{place}/{word}")  # fmt: skip
    if low > high:
        raise SpaceError(f"{name} runs from {low} to {high}: low comes first", f"{place}/high")
    step = _step(name, told, spec, is_whole=is_whole)
    if step is None:
        if low == high:
            return Dimension(name, (_rounded(float(low)),))
        return Dimension(name, (), float(low), float(high))
    count = int((high - low) / step) + 1
    if count > MOST_VALUES:
        raise SpaceError(
            f"{name} would have {count} values; {MOST_VALUES} are allowed: take a larger step",
            f"{place}/step",
        )
    steps = [low + number * step for number in range(count)]
    return Dimension(name, tuple(int(one) if is_whole else float(one) for one in steps))


def _bound(name: str, word: str, told: Mapping[str, Any], spec: Param[Any] | None) -> Decimal:
    value = told.get(word, None if spec is None else getattr(spec, word))
    if value is None:
        raise SpaceError(f"{name} has no bound of its own: give {word}", f"/space/{name}/{word}")
    return _number(name, word, value)


def _step(
    name: str, told: Mapping[str, Any], spec: Param[Any] | None, *, is_whole: bool
) -> Decimal | None:
    value = told.get("step", None if spec is None else spec.step)
    if value is None:
        return Decimal(1) if is_whole else None
    step = _number(name, "step", value)
    if step <= 0 or (is_whole and step != int(step)):
        wanted = "a whole number above 0" if is_whole else "above 0"
        raise SpaceError(f"the step of {name} is {wanted}, not {value!r}", f"/space/{name}/step")
    return step


def _number(name: str, word: str, value: object) -> Decimal:
    if not _is_number(value):
        raise SpaceError(f"{word} of {name} is a number, not {value!r}", f"/space/{name}/{word}")
    return Decimal(str(value))


def _whole(name: str, value: object, place: str) -> int:
    word = name.removeprefix(PREFIX)
    low, high = RANGES[f"limits.{word}" if word in LIMITS else word]
    is_whole = _is_number(value) and value == int(value)  # type: ignore[call-overload]
    if not is_whole or not low <= int(value) <= high:  # type: ignore[call-overload]
        raise SpaceError(f"{name} is a whole number from {low} to {high}, not {value!r}", place)
    return int(value)  # type: ignore[call-overload, no-any-return]


def _conditions(told: object, names: set[str]) -> tuple[Condition, ...]:
    if not isinstance(told, list | tuple):
        raise SpaceError('conditions are a list such as ["fast < slow"]', f"/space/{WHERE}")
    return tuple(_condition(one, f"/space/{WHERE}/{n}", names) for n, one in enumerate(told))


def _condition(told: object, place: str, names: set[str]) -> Condition:
    matched = _CONDITION.fullmatch(told) if isinstance(told, str) else None
    if matched is None:
        raise SpaceError(f"a condition compares two sides, as fast < slow; not {told!r}", place)
    condition = Condition(*matched.groups())
    for side in (condition.left, condition.right):
        if side not in names and not _reads_as_number(side):
            raise SpaceError(f"{side} does not vary here and is no number", place)
    return condition


def _side(text: str, point: Mapping[str, Value]) -> Any:
    return point[text] if text in point else float(text)


def _reads_as_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _rounded(value: float) -> float:
    return float(f"{value:.8g}")


def _too_many(size: int) -> str:
    return (
        f"the grid has {size:,} points; {MOST_POINTS:,} are allowed: take larger steps, "
        "or search at random"
    )
