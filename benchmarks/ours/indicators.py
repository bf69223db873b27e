"""Mystic's indicators: the words of the column language over a whole series."""

import functools
import time
from collections.abc import Callable
from typing import Any

import numba  # noqa: F401  as in a process that has worked for a while: hot functions compile
import numpy as np

from benchmarks.children import answer
from benchmarks.inputs import MINUTE, Walk, walk
from signals.columns import Column, Space
from signals.columns.clock import Clock
from signals.columns.graph import Graph, Node
from signals.columns.kernels import make_kernel
from signals.columns.plan import make_plan

Describe = Callable[[Space], tuple[Column, ...]]

INDICATORS: dict[str, Describe] = {
    "sma": lambda x: (x.close.sma(20),),
    "ema": lambda x: (x.close.ema(20),),
    "rsi": lambda x: (x.close.rsi(14),),
    "macd": lambda x: tuple(x.close.macd(12, 26, 9)),
    "atr": lambda x: (x.atr(14),),
    "adx": lambda x: (x.adx(14), x.plus_di(14), x.minus_di(14)),
    "bollinger": lambda x: tuple(x.close.bollinger(20, 2.0)),
    "stochastic": lambda x: tuple(x.stochastic(14, 3, 3)),
    "vwap": lambda x: (x.vwap_of_last(20),),
    "obv": lambda x: (x.obv("day"),),
    "psar": lambda x: (x.psar(0.02, 0.2),),
}

# What is calculated in several steps, so many bars at a time: few enough for the columns between
# to stay near the processor. No bit depends on it.
IN_STEPS = {"stochastic", "psar"}
PIECE = 16_384

cached_walk = functools.cache(walk)


@functools.cache
def planned(name: str) -> tuple[tuple[Column, ...], tuple[Node, ...]]:
    """Return the columns of an indicator and the nodes behind them, as a strategy keeps them."""
    columns = INDICATORS[name](Space(Graph(), Clock(None, MINUTE)))
    return columns, make_plan(columns[0].node.clock, [one.node for one in columns]).nodes


def calculate(name: str, bars: Walk, piece: int) -> list[Any]:
    """Calculate an indicator's columns as the engine does, node by node, `piece` bars at a time."""
    columns, nodes = planned(name)
    kernels = [
        None if node.op in ("source", "constant") else make_kernel(node.op, node.args)
        for node in nodes
    ]
    count = len(bars.close)
    whole: list[Any] = [None] * len(columns)
    for first in range(0, count, piece):
        part = slice(first, min(first + piece, count))
        values: dict[int, Any] = {}
        for node, kernel in zip(nodes, kernels, strict=True):
            if kernel is not None:
                made = kernel.push([values[id(one)] for one in node.inputs])
            elif node.op == "source":
                made = np.asarray(getattr(bars, str(node.args[0]))[part], dtype=np.float64)
            else:
                made = np.full(part.stop - first, float(node.args[0]))
            values[id(node)] = made
        found = [values[id(one.node)] for one in columns]
        if piece == count:
            return found
        if first == 0:
            whole = [np.empty(count) for _ in columns]
        for out, made in zip(whole, found, strict=True):
            out[part] = made
    return whole


def work(name: str, bars: int) -> dict[str, Any]:
    made = cached_walk(bars)
    planned(name)
    began = time.process_time()
    calculate(name, made, PIECE if name in IN_STEPS else bars)
    return {"seconds": time.process_time() - began}


if __name__ == "__main__":
    answer(work)
