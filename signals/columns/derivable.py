"""What a word of the language is made with: the part of a column that every mixin builds on."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, cast

from signals.columns.graph import Arg, Graph, Node

if TYPE_CHECKING:
    from signals.columns.clock import Clock
    from signals.columns.column import Column


class Derivable(ABC):
    """A node of a graph from which further columns are derived; `Column` completes it."""

    __slots__ = ()

    _graph: Graph
    node: Node

    @abstractmethod
    def _derive(self, op: str, *args: Arg, history: int, is_flag: bool = False) -> "Column":
        """Return the column of an operator on this one alone."""

    @abstractmethod
    def _join(
        self,
        op: str,
        others: "tuple[Column | float, ...]",
        *args: Arg,
        history: int = 0,
        is_flag: bool = False,
    ) -> "Column":
        """Return the column of an operator on this one and others of the same clock."""

    @abstractmethod
    def _window(self, op: str, bars: int, options: dict[str, object]) -> "Column":
        """Return the column of an operator on the last `bars` values of this one."""

    @abstractmethod
    def _operand(self, other: "Column | float", what: str) -> "Column":
        """Return a column for a column or a constant, or refuse it."""


def whole(part: Derivable) -> "Column":
    """Return the column that a mixin is a part of, with all its words."""
    return cast("Column", part)


class Looking(ABC):
    """A series whose prices words look at; `Space` completes it."""

    __slots__ = ()

    _graph: Graph
    _clock: "Clock"
    open: "Column"
    high: "Column"
    low: "Column"
    close: "Column"
    volume: "Column"

    @abstractmethod
    def _of(
        self,
        op: str,
        inputs: "tuple[Column, ...]",
        *args: Arg,
        history: int = 0,
        is_flag: bool = False,
    ) -> "Column":
        """Return the column of an operator on some columns of this series."""

    @abstractmethod
    def _time(self) -> "Column":
        """Return the open time of the bar that just closed, UTC epoch seconds."""
