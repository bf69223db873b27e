"""Columns calculated without a strategy: the whole at once, in pieces, from a later beginning."""

from itertools import pairwise

import numpy as np

from signals.columns import ArrayBars, Space
from signals.columns.clock import Clock
from signals.columns.graph import Graph
from signals.columns.kernels import make_kernel
from signals.columns.plan import make_plan


def described(describe, timeframe):
    """Return the column of a word on a series of so many seconds."""
    return describe(Space(Graph(), Clock(None, timeframe)))


def calculated(describe, bars, timeframe, cuts=()):
    """Return the values of a word at all bars, pushed in the pieces between the cuts."""
    column = described(describe, timeframe)
    plan = make_plan(column.node.clock, [column.node])
    kernels = {
        id(node): make_kernel(node.op, node.args)
        for node in plan.nodes
        if node.op not in ("source", "constant")
    }
    edges = [0, *cuts, len(bars.open_time)]
    pieces = []
    for begin, end in pairwise(edges):
        values = {}
        for node in plan.nodes:
            if node.op == "source":
                found = np.asarray(getattr(bars, node.args[0])[begin:end], dtype=np.float64)
            elif node.op == "constant":
                found = np.full(end - begin, float(node.args[0]))
            else:
                found = kernels[id(node)].push([values[id(one)] for one in node.inputs])
            values[id(node)] = found
        pieces.append(values[id(column.node)])
    return np.concatenate(pieces)


def from_time(bars, first_open, last):
    """Return the bars from an open time up to a row, that row included."""
    begin = int(np.searchsorted(bars.open_time, first_open))
    return ArrayBars.of(bars, slice(begin, last + 1))
