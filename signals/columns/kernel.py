"""What calculates one node, and the forms most operators take."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from signals.columns.series import Floats


class Kernel(Protocol):
    """The state of one node in one run."""

    def push(self, inputs: Sequence[Floats]) -> Floats:
        """Take the next piece of every input and return the piece of the result."""
        ...


class Faulty:
    """A kernel that may fail on single bars.

    Attributes
    ----------
    faults : dict
        What went wrong, by the row of the last piece; the value of such a row is missing.
    """

    def __init__(self) -> None:
        self.faults: dict[int, str] = {}


class Stateful:
    """An indicator's own state."""

    def __init__(self, state: Any) -> None:
        self.state = state

    def push(self, inputs: Sequence[Floats]) -> Floats:
        result: Floats = self.state.push(*inputs)
        return result


class Elementwise:
    """A calculation on the current bar alone."""

    def __init__(self, function: Callable[..., Floats]) -> None:
        self._function = function

    def push(self, inputs: Sequence[Floats]) -> Floats:
        return self._function(*inputs)
