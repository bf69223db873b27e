"""A strategy's columns put in the order in which they are calculated, clock by clock."""

from collections.abc import Iterable
from dataclasses import dataclass

from signals.columns.clock import Clock
from signals.columns.graph import Node


@dataclass(frozen=True, slots=True, eq=False)
class ClockPlan:
    """What is calculated on one series.

    Attributes
    ----------
    nodes : tuple of Node
        Inputs before those that use them; `align` nodes read the finer plan's parents.
    parents : tuple of ClockPlan
        The other series that are looked at from here.
    need : int
        Bars before the current one that must exist.
    """

    clock: Clock
    nodes: tuple[Node, ...]
    parents: "tuple[ClockPlan, ...]"
    need: int

    @property
    def reach(self) -> int:
        """Bars between the beginning and the first wanted one: the need, and room for absences.

        A bar that the venue confirms to be absent leaves a window one value short; so the
        calculation begins a quarter of the need earlier still.
        """
        return self.need + self.need // 4 + 4 if self.need else 0

    def start(self, wanted_from: int) -> int:
        """Return the open time at which the calculation must begin to be right from a time on."""
        step = self.clock.timeframe
        return wanted_from // step * step - self.reach * step


def make_plan(clock: Clock, wanted: Iterable[Node]) -> ClockPlan:
    """Return the plan that calculates the wanted nodes, all of which live on `clock`."""
    nodes: dict[int, Node] = {}
    aligned: dict[Clock, list[Node]] = {}
    for node in wanted:
        _collect(node, nodes, aligned)
    parents = tuple(make_plan(one, inner) for one, inner in aligned.items())
    need = max((node.need for node in nodes.values()), default=0)
    return ClockPlan(clock, tuple(nodes.values()), parents, need)


def _collect(node: Node, nodes: dict[int, Node], aligned: dict[Clock, list[Node]]) -> None:
    if id(node) in nodes:
        return
    for one in node.inputs:
        if node.op == "align":
            aligned.setdefault(one.clock, []).append(one)
        else:
            _collect(one, nodes, aligned)
    nodes[id(node)] = node
