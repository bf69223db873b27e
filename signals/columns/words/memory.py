"""What happened within the last bars, and choices between columns."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from signals.columns.derivable import Derivable, whole
from signals.columns.errors import ColumnError
from signals.columns.kernel import Elementwise, Kernel, Stateful
from signals.columns.refusals import whole_number
from signals.columns.series import Floats
from signals.indicators.occurrence import Occurrence, ValueWhen
from signals.indicators.rolling import Age

if TYPE_CHECKING:
    from signals.columns.column import Column


class MemoryWords(Derivable):
    """What happened within the last bars, and choices between columns.

    A condition has three values. `any_of_last` is true when one bar is true, whatever is missing;
    `all_of_last` false when one is false; otherwise a missing bar makes the answer missing.
    """

    __slots__ = ()

    def any_of_last(self, bars: int) -> "Column":
        """Say whether the condition held at one of the last `bars` bars, the current included."""
        return self._of_last("any_of_last", bars, is_flag=True)

    def all_of_last(self, bars: int) -> "Column":
        """Say whether the condition held at every one of the last `bars` bars."""
        return self._of_last("all_of_last", bars, is_flag=True)

    def count_true(self, bars: int) -> "Column":
        """Return at how many of the last `bars` bars the condition held."""
        self._must_be_a_condition("count_true")
        return whole(self).total(bars)

    def bars_since(self, *, within: int) -> "Column":
        """Return how many bars ago the condition last held: 0 now, `within` at most.

        It is missing where it held at none of these bars, or a missing bar came after it.
        """
        count = whole_number("bars_since", within, low=1)
        return self._of_last("bars_since", count + 1, is_flag=False)

    def value_when(self, condition: "Column", *, within: int) -> "Column":
        """Return the value at the last bar at which the condition held, `within` bars ago at most.

        It is missing where it held at none of these bars, or a missing bar came after it.
        """
        count = whole_number("value_when", within, low=1)
        if not isinstance(condition, MemoryWords):
            raise ColumnError(f"value_when takes a condition, not {condition!r}")
        condition._must_be_a_condition("value_when")  # noqa: SLF001
        is_flag = self.node.is_flag
        return self._join("value_when", (condition,), count, history=count, is_flag=is_flag)

    def highest_age(self, bars: int) -> "Column":
        """Return how many bars ago the greatest of the last `bars` values was, the latest of them.

        Source: the counting of TA-Lib's AROON.
        """
        return self._window("highest_age", bars, {})

    def lowest_age(self, bars: int) -> "Column":
        """Return how many bars ago the least of the last `bars` values was, the latest of them."""
        return self._window("lowest_age", bars, {})

    def rising(self, bars: int) -> "Column":
        """Say whether every one of the last `bars` values is above the one before it."""
        column = whole(self)
        return (column > column.lag(1)).all_of_last(whole_number("rising", bars, low=1))

    def falling(self, bars: int) -> "Column":
        """Say whether every one of the last `bars` values is below the one before it."""
        column = whole(self)
        return (column < column.lag(1)).all_of_last(whole_number("falling", bars, low=1))

    def between(self, low: "Column | float", high: "Column | float") -> "Column":
        """Say whether the value lies between two others, both included."""
        column = whole(self)
        return (column >= low) & (column <= high)

    def crossed(self, other: "Column | float") -> "Column":
        """Say whether it crossed `other` at this bar, upwards or downwards."""
        column = whole(self)
        return column.crossed_above(other) | column.crossed_below(other)

    def then(self, first: "Column | float", second: "Column | float") -> "Column":
        """Return the first where the condition holds, the second where it does not.

        Where the condition is missing the result is, too.
        """
        self._must_be_a_condition("then")
        choice = self._operand(first, "then"), self._operand(second, "then")
        is_flag = all(one.node.is_flag for one in choice)
        return self._join("then", choice, is_flag=is_flag)

    def _of_last(self, word: str, bars: int, *, is_flag: bool) -> "Column":
        self._must_be_a_condition(word)
        count = whole_number(word, bars, low=1)
        return self._derive(word, count, history=count - 1, is_flag=is_flag)

    def _must_be_a_condition(self, word: str) -> None:
        if not self.node.is_flag:
            raise ColumnError(
                f"{word} asks about a condition; this column is a number: (a > b).{word}(...)"
            )


class _Part(Occurrence):
    """One answer of an occurrence."""

    __slots__ = ("_index",)

    def __init__(self, bars: int, index: int) -> None:
        super().__init__(bars)
        self._index = index

    def shaped(self, table: Floats, *_inputs: Floats) -> Floats:
        """Return that answer alone."""
        answer: Floats = table[:, self._index]
        return answer


def _choose(condition: Floats, first: Floats, second: Floats) -> Floats:
    chosen = np.where(condition == 1, first, second)
    chosen[np.isnan(condition)] = np.nan
    return chosen


KERNELS: Mapping[str, Callable[..., Kernel]] = {
    "any_of_last": lambda bars: Stateful(_Part(bars, 0)),
    "all_of_last": lambda bars: Stateful(_Part(bars, 1)),
    "bars_since": lambda bars: Stateful(_Part(bars, 2)),
    "value_when": lambda within: Stateful(ValueWhen(within)),
    "highest_age": lambda bars: Stateful(Age(bars, 1)),
    "lowest_age": lambda bars: Stateful(Age(bars, -1)),
    "then": lambda: Elementwise(_choose),
}
