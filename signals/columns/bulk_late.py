"""What is calculated late: conditions without their numbers, and numbers of single rows alone.

A condition is asked whether it holds, and a stop only where an entry is made. So what lies between
them and the columns that need the bars before is not calculated for every row beforehand.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from signals.columns.bulk_layout import Layout, Rows
from signals.columns.graph import Node
from signals.columns.kernels import SHARED
from signals.columns.series import Floats

if TYPE_CHECKING:
    from signals.columns.bulk_stack import Stack

Mask = NDArray[np.bool_]
COMPARED: Mapping[str, Callable[..., Mask]] = {
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "equal": np.equal,
}
"""Comparisons that do not hold where a side is missing."""
JOINED: Mapping[str, Callable[..., Mask]] = {"both": np.logical_and, "either": np.logical_or}


def late_nodes(nodes: Sequence[Node], early: Iterable[Node]) -> dict[int, int]:
    """Return the nodes that need not be calculated beforehand.

    Parameters
    ----------
    nodes : sequence of Node
        Of one plan, inputs before those that use them.
    early : iterable of Node
        Those that are wanted for every row.

    Returns
    -------
    dict
        By a node's identity, how many rows before a wanted one it looks at.
    """
    held = {id(one) for one in early}
    behind: dict[int, int] = {}
    late: dict[int, int] = {}
    for node in reversed(nodes):
        key = id(node)
        if key in held or not _can_be_late(node):
            held.update(id(one) for one in node.inputs)
            continue
        late[key] = behind.get(key, 0) + (int(node.args[0]) if node.op == "lag" else 0)
        for one in node.inputs:
            behind[id(one)] = max(behind.get(id(one), 0), late[key])
    return late


def _can_be_late(node: Node) -> bool:
    is_known = node.op in SHARED or node.op == "lag"
    return is_known and any(one.op != "constant" for one in node.inputs)


class Late:
    """The late nodes of a stack, asked for at its own rows.

    Near values are looked at in the layout of their stretches as one series: a value some rows
    before stands as many places before, and what that gives on the rows before a block's own is
    not looked at.
    """

    def __init__(self, stack: "Stack") -> None:
        self._stack, self._late = stack, stack.forms.late
        self._margin = stack.forms.margin
        self._held: dict[int, Rows] = {}

    def rows(self, node: Node) -> Rows:
        """Return the rows, of the stack's own, at which a condition holds."""
        key = id(node)
        if key not in self._held:
            self._held[key] = self._rows(node)
        return self._held[key]

    def _rows(self, node: Node) -> Rows:
        stack, key = self._stack, id(node)
        own, near = stack.own, stack.near
        is_short = own.first[0] < stack.plan.need or own.total != own.end[-1] - own.first[0]
        if is_short or key not in self._late:
            return np.flatnonzero(stack.own_flags(node))
        if key in stack.forms.flat:
            return np.flatnonzero(self._flags(node, 0, is_flat=True))
        flags = self._flags(node, 0, is_flat=False)
        places = np.empty(near.total, dtype=np.bool_)
        places[self._margin :] = flags
        return np.flatnonzero(own.out_of(near, places))

    def at(self, node: Node, rows: Rows) -> Floats:
        """Return a node's values at some of the stack's own rows."""
        if not len(rows):
            return np.empty(0)
        found = self._at(node, Spots(self._stack.own, self._stack.near, rows), 0)
        return np.full(len(rows), found) if np.ndim(found) == 0 else found

    # -- at every row ------------------------------------------------------------------------

    def _flags(self, node: Node, back: int, *, is_flat: bool) -> Mask:
        if self._is_late(node, is_flat=is_flat):
            inputs = node.inputs
            if node.op in JOINED and all(one.is_flag for one in inputs):
                sides = [self._flags(one, back, is_flat=is_flat) for one in inputs]
                return JOINED[node.op](*sides)
            if node.op in COMPARED:
                return COMPARED[node.op](*(self._seen(n, back, is_flat=is_flat) for n in inputs))
        flags: Mask = self._seen(node, back, is_flat=is_flat) == 1
        return flags

    def _seen(self, node: Node, back: int, *, is_flat: bool) -> Any:
        """Return a node's values some rows before each, a number where it is constant."""
        if node.op == "constant":
            return np.float64(node.args[0])
        if self._is_late(node, is_flat=is_flat):
            if node.op == "lag":
                back += int(node.args[0])
                return self._seen(node.inputs[0], back, is_flat=is_flat)
            sides = [self._seen(one, back, is_flat=is_flat) for one in node.inputs]
            return SHARED[node.op].push(sides)
        stack = self._stack
        if is_flat:
            own = stack.own
            return stack.flat_of(node)[int(own.first[0]) - back : int(own.end[-1]) - back]
        return stack.values(node, "near")[self._margin - back : stack.near.total - back]

    def _is_late(self, node: Node, *, is_flat: bool) -> bool:
        """Say whether a node is calculated here.

        What of a near node is flat looks back further than the stretches reach.
        """
        return id(node) in self._late and (is_flat or id(node) not in self._stack.forms.flat)

    # -- at some rows ------------------------------------------------------------------------

    def _at(self, node: Node, spots: "Spots", back: int) -> Any:
        """Return values some rows before each spot, a number where they are constant."""
        if node.op == "constant":
            return np.float64(node.args[0])
        stack, key = self._stack, id(node)
        if key in self._late:
            if node.op == "lag":
                return self._at(node.inputs[0], spots, back + int(node.args[0]))
            sides = [self._at(one, spots, back) for one in node.inputs]
            return SHARED[node.op].push(sides)
        if key in stack.forms.flat:
            return stack.flat_of(node)[spots.series - back]
        return stack.values(node, "near")[spots.places - back]


class Spots:
    """Some of a stack's own rows, and where they stand."""

    def __init__(self, own: Layout, near: Layout, rows: Rows) -> None:
        self._own, self._near, self._rows = own, near, rows

    @cached_property
    def _block(self) -> Rows:
        block: Rows = np.searchsorted(self._own.places, self._rows, side="right") - 1
        return block

    @cached_property
    def series(self) -> Rows:
        """Their rows in the series."""
        own = self._own
        if isinstance(own.index, slice):
            series: Rows = self._rows + int(own.index.start)
            return series
        return self._rows + (own.first - own.places)[self._block]

    @cached_property
    def places(self) -> Rows:
        """Their places in the stretches near their blocks."""
        return self.series + (self._near.places - self._near.first)[self._block]
