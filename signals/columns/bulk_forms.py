"""In which form each node of a plan is calculated where a long history is decided at once.

The specification is one calculation for each block of bars, begun where the block's need begins. Of
many blocks at once a node is calculated

- flat: once for all bars, where its value depends on the bar itself, or on the last few bars in a
  way in which it does not matter where the calculation began;
- near: for the rows of each block and a few before them;
- full: for the rows of each block from where its calculation begins.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from signals.columns.bulk_late import late_nodes
from signals.columns.compiled import Compiled
from signals.columns.graph import Node
from signals.columns.kernel import Elementwise, Faulty, Kernel, Stateful
from signals.columns.kernels import Field, make_kernel
from signals.columns.plan import ClockPlan
from signals.columns.words.model import Scoring
from signals.indicators.hot import Streamed

LOOKS_BACK: Mapping[str, Callable[..., int]] = {
    "lag": lambda bars: bars,
    "rolling_max": lambda bars: bars - 1,
    "rolling_min": lambda bars: bars - 1,
    "freshness": lambda bars, _sign: bars,
    "own": lambda method: method.bars - 1,
}
"""Bars before the current one on which the value depends, and on nothing else."""
GIVEN = frozenset(("source", "constant", "feed"))
ROW_BY_ROW = (Elementwise, Field, Scoring)


@dataclass(slots=True)
class Forms:
    """The forms of one plan's nodes.

    Attributes
    ----------
    kernels : mapping
        A fresh kernel of every node that has one; never pushed but where it keeps no state.
    now : set of node identities
        Of `flat` those that depend on the bar itself alone.
    flat, full : set of node identities
        Those in neither are near alone; those in `full` may be wanted in another form as well.
    back : mapping
        How many rows before a block's own are wanted of a near node.
    near : int
        Rows before a block's own that the near form has: the most of these.
    late : mapping
        Of the nodes that are calculated where they decide, how many rows back that is at most.
    margin : int
        How many rows before a wanted one late near nodes look at.
    numbers : mapping
        What a cache of columns calls the expression behind each node.
    parents : list of Forms
    full_parents : list of bool
        Whether rows far before the block's own look at the parent.
    """

    plan: ClockPlan
    kernels: dict[int, Kernel] = field(default_factory=dict)
    now: set[int] = field(default_factory=set)
    flat: set[int] = field(default_factory=set)
    full: set[int] = field(default_factory=set)
    back: dict[int, int] = field(default_factory=dict)
    near: int = 0
    late: dict[int, int] = field(default_factory=dict)
    margin: int = 0
    numbers: dict[int, int | None] = field(default_factory=dict)
    parents: "list[Forms]" = field(default_factory=list)
    full_parents: list[bool] = field(default_factory=list)

    @property
    def nodes(self) -> int:
        """Nodes of all plans of which every row is calculated."""
        own = len(self.plan.nodes) - len(self.late)
        return own + sum(one.nodes for one in self.parents)

    @property
    def rows(self) -> int:
        """Rows before a block's own, at most, of all plans."""
        own = self.plan.reach if self.full else self.near
        return max((own, *(one.rows for one in self.parents)))


def wanted_nodes(compiled: Compiled) -> list[Node]:
    """Return the nodes from whose values decisions are made."""
    nodes = [*compiled.prices, *(node for _, node in compiled.named)]
    for entry in compiled.entries:
        nodes += [node for _, node in (*entry.when, *entry.parts)]
        nodes += [node for node in (entry.stop, entry.take) if node is not None]
    nodes += [node for one in compiled.exits for _, node in one.when]
    return list({id(node): node for node in nodes}.values())


def early_nodes(compiled: Compiled) -> list[Node]:
    """Return the nodes whose values are wanted of every row."""
    return [node for _, node in compiled.named] if compiled.entries else wanted_nodes(compiled)


def make_forms(
    plan: ClockPlan,
    wanted: Iterable[Node],
    *,
    is_full: bool,
    early: Iterable[Node] | None = None,
) -> Forms:
    """Choose the forms.

    Parameters
    ----------
    early : iterable of Node, optional
        Of those wanted, the ones whose values are wanted of every row; all by default.
    is_full : bool
        Everything from where a block's calculation begins: right also where bars are absent, so
        that there are fewer than are needed.
    """
    forms = Forms(plan)
    for node in plan.nodes:
        if node.op not in GIVEN and node.op != "align":
            forms.kernels[id(node)] = make_kernel(node.op, node.args)
    _find_flat(forms)
    if is_full:
        forms.flat = forms.now
    forms.back = {id(node): 0 for node in wanted}
    if early is not None and not is_full:
        forms.late = late_nodes(plan.nodes, early)
        near = (back for one, back in forms.late.items() if one not in forms.flat)
        forms.margin = max(near, default=0)
    if is_full:
        forms.full = {id(node) for node in plan.nodes} - forms.flat
    for node in reversed(plan.nodes):
        _demand(forms, node)
    forms.full -= forms.now
    forms.near = max((rows for one, rows in forms.back.items() if one not in forms.flat), default=0)
    for parent in plan.parents:
        looked = [n for n in plan.nodes if n.op == "align" and n.inputs[0].clock == parent.clock]
        inner = [one.inputs[0] for one in looked]
        forms.parents.append(make_forms(parent, inner, is_full=is_full))
        forms.full_parents.append(any(id(one) in forms.full for one in looked))
    return forms


def _find_flat(forms: Forms) -> None:
    for node in forms.plan.nodes:
        key, inputs = id(node), [id(one) for one in node.inputs]
        is_row_by_row = node.op in GIVEN or isinstance(forms.kernels.get(key), ROW_BY_ROW)
        if is_row_by_row and forms.now.issuperset(inputs):
            forms.now.add(key)
        if (is_row_by_row or node.op in LOOKS_BACK) and forms.flat.issuperset(inputs):
            forms.flat.add(key)


def _demand(forms: Forms, node: Node) -> None:
    """Say in which form, and how far back, a node wants its inputs."""
    key = id(node)
    if node.op == "align" or key in forms.now:
        return
    behind = None if key in forms.full else rows_behind(node, forms.kernels.get(key))
    if behind is None:
        forms.full.update(id(one) for one in node.inputs)
    elif key not in forms.flat:
        for one in node.inputs:
            rows = forms.back.get(key, 0) + behind
            forms.back[id(one)] = max(forms.back.get(id(one), 0), rows)


def rows_behind(node: Node, kernel: Kernel | None) -> int | None:
    """Return how far back of a row its value looks; None is where the calculation begins."""
    if isinstance(kernel, ROW_BY_ROW):
        return 0
    if node.op in LOOKS_BACK:
        return LOOKS_BACK[node.op](*node.args)
    streamed = streamed_of(kernel)
    if streamed is not None and streamed.hot.is_windowed:
        return 2 * (int(streamed.begin[1][0]) - 1)
    return None


def streamed_of(kernel: Kernel | None) -> Streamed | None:
    """Return the calculation that takes bars as they close, where the kernel is nothing else."""
    state: Any = kernel.state if isinstance(kernel, Stateful) else None
    return state if isinstance(state, Streamed) else None


def has_faulty_parent(plan: ClockPlan) -> bool:
    """Say whether a strategy's own code looks at another series, where its faults are told."""
    return any(
        any(
            isinstance(make_kernel(node.op, node.args), Faulty)
            for node in one.nodes
            if node.op not in GIVEN and node.op != "align"
        )
        or has_faulty_parent(one)
        for one in plan.parents
    )
