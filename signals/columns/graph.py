"""The expression behind the columns: nodes that know how much history they need."""

from dataclasses import dataclass, field

from signals.columns.clock import Clock

Arg = int | float | str


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One calculation on one clock.

    Attributes
    ----------
    need : int
        Bars before the current one, on its own clock, without which its value may not be used.
    is_flag : bool
        True, false or missing rather than a number.
    """

    op: str
    args: tuple[Arg, ...]
    inputs: "tuple[Node, ...]"
    clock: Clock
    need: int
    is_flag: bool


@dataclass(slots=True)
class Graph:
    """All nodes of one strategy; asking for the same calculation twice gives the same node."""

    _nodes: dict[tuple[object, ...], Node] = field(default_factory=dict)

    def node(
        self,
        op: str,
        clock: Clock,
        *,
        inputs: tuple[Node, ...] = (),
        args: tuple[Arg, ...] = (),
        history: int = 0,
        is_flag: bool = False,
    ) -> Node:
        """Return the node for a calculation that needs `history` bars beyond its inputs' need.

        An `align` node starts a new clock, so its inputs' need is counted there and not here.
        """
        key = (op, clock, args, tuple(id(one) for one in inputs))
        found = self._nodes.get(key)
        if found is None:
            need = max((one.need for one in inputs if one.clock == clock), default=0) + history
            found = Node(op, args, inputs, clock, need, is_flag)
            self._nodes[key] = found
        return found
