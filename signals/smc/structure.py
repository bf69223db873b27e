"""Breaks of structure: a close beyond the last confirmed swing, stamped at that close."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Break:
    """A close beyond a swing; a change of character when it goes against the last break."""

    direction: int
    level: float
    source_index: int
    is_change: bool


class Structure:
    """The newest unbroken swing on either side, and the direction of the last break.

    Attributes
    ----------
    trend : int
        1 after a break up, -1 after a break down, 0 before the first.
    """

    __slots__ = ("high", "high_index", "low", "low_index", "trend")

    def __init__(self) -> None:
        self.trend = 0
        self.high, self.high_index = inf, -1
        self.low, self.low_index = -inf, -1

    def swing_high(self, index: int, level: float) -> None:
        self.high, self.high_index = level, index

    def swing_low(self, index: int, level: float) -> None:
        self.low, self.low_index = level, index

    def take_break(self, close: float) -> Break:
        """Take a close beyond `low` or `high`; the swing that it breaks is used up."""
        if close > self.high:
            found = Break(1, self.high, self.high_index, self.trend < 0)
            self.trend, self.high, self.high_index = 1, inf, -1
        else:
            found = Break(-1, self.low, self.low_index, self.trend > 0)
            self.trend, self.low, self.low_index = -1, -inf, -1
        return found

    def oldest_index(self, default: int) -> int:
        """Return the position of the older of the two unbroken swings."""
        return min(one if one >= 0 else default for one in (self.high_index, self.low_index))
