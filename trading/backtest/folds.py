"""The windows of a walk-forward: bars to choose on, a gap that nobody sees, bars to judge on."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

DAY_S = 86_400
MOST_FOLDS = 60
SCHEMES = ("rolling", "anchored")
CHOICES = ("stability", "best")


class WalkError(ValueError):
    """Windows that cannot be.

    Attributes
    ----------
    place : str
        A JSON pointer: `/walk/train_days`.
    """

    def __init__(self, sentence: str, place: str = "/walk") -> None:
        super().__init__(sentence)
        self.place = place


@dataclass(frozen=True, slots=True)
class Windows:
    """How a span is cut.

    Attributes
    ----------
    scheme : str
        `rolling`: the bars to choose on move along; `anchored`: they begin where the span begins.
    train_days, test_days : int
        Of an anchored walk `train_days` is the length of the first.
    purge_bars : int
        Bars of the strategy left out between the two, at least; what the strategy itself needs is
        taken where it is more (docs/walk-forward.md).
    hold_bars : int
        How long a position may be held, for a strategy whose labels look so far ahead.
    embargo_days : int
        Left out besides the purge.
    choose : str
        `stability` takes the point with the best neighbourhood, `best` the best point.
    """

    scheme: str = "rolling"
    train_days: int = 90
    test_days: int = 30
    purge_bars: int = 0
    hold_bars: int = 0
    embargo_days: int = 0
    choose: str = "stability"


@dataclass(frozen=True, slots=True)
class FoldSpan:
    """One fold by the open times of its bars, both ends included."""

    number: int
    train_from: int
    train_through: int
    test_from: int
    test_through: int


def windows_read(told: Mapping[str, Any] | None) -> Windows:
    """Read what was asked; what is left out is the default.

    Raises
    ------
    WalkError
    """
    given = dict(told or {})
    known = {one.name: one.default for one in fields(Windows)}
    for name, value in given.items():
        if name not in known:
            raise WalkError(f"there is no {name}; there are {', '.join(known)}", f"/walk/{name}")
        _refuse(name, value)
    return Windows(**given)


def _refuse(name: str, value: object) -> None:
    place = f"/walk/{name}"
    if name in ("scheme", "choose"):
        allowed = SCHEMES if name == "scheme" else CHOICES
        if value not in allowed:
            raise WalkError(f"{name} is {' or '.join(allowed)}, not {value!r}", place)
        return
    lowest = 1 if name in ("train_days", "test_days") else 0
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= 100_000:
        raise WalkError(f"{name} is a whole number from {lowest}, not {value!r}", place)


def gap_bars(windows: Windows, *, column_need: int, timeframe: int) -> int:
    """Return how many bars lie between the bars to choose on and those to judge on.

    Parameters
    ----------
    column_need : int
        Bars that the strategy's columns look back: as many after the last bar it was chosen on
        would still be calculated from bars that it was chosen on.
    """
    embargo = -(-windows.embargo_days * DAY_S // timeframe)
    return max(windows.purge_bars, windows.hold_bars, column_need) + embargo


def fold_spans(
    windows: Windows, *, from_open: int, through_open: int, timeframe: int, gap: int
) -> list[FoldSpan]:
    """Cut a span into folds; bars to judge on follow each other without a hole.

    Bars at the end that are no whole test are left over.

    Parameters
    ----------
    from_open, through_open : int
        Open times of the first and the last bar, UTC epoch seconds.
    gap : int
        Bars between, see `gap_bars`.

    Raises
    ------
    WalkError
        Where the span has no room for one fold, or for too many.
    """
    train = max(1, windows.train_days * DAY_S // timeframe) * timeframe
    test = max(1, windows.test_days * DAY_S // timeframe) * timeframe
    first = from_open + train + gap * timeframe
    count = (through_open + timeframe - first) // test if first <= through_open else 0
    if count < 1:
        raise WalkError(_no_room(windows, from_open, through_open, timeframe, gap))
    if count > MOST_FOLDS:
        raise WalkError(
            f"{count} folds; {MOST_FOLDS} are allowed: take longer tests or a shorter span",
            "/walk/test_days",
        )
    found = []
    for number in range(count):
        test_from = first + number * test
        train_end = test_from - gap * timeframe
        train_from = from_open if windows.scheme == "anchored" else train_end - train
        found.append(
            FoldSpan(
                number + 1,
                train_from,
                train_end - timeframe,
                test_from,
                test_from + test - timeframe,
            )
        )
    return found


def _no_room(windows: Windows, from_open: int, through_open: int, timeframe: int, gap: int) -> str:
    days = (through_open + timeframe - from_open) / DAY_S
    return (
        f"the span has {days:.1f} days; one fold takes {windows.train_days} to choose on, "
        f"{gap * timeframe / DAY_S:.1f} left out and {windows.test_days} to judge on: "
        "take shorter windows or a longer span"
    )
