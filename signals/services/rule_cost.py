"""What a written strategy costs to calculate, measured before it may run for everybody.

Memory is bounded by its form (`refuse_heavy` of written strategies); time depends on the words:
some take a step for every bar of their window. So each node is calculated once on made-up bars, as
many as one block takes, and the measuring ends as soon as the limit is passed.
"""

import threading
import time
from collections.abc import Iterator, Mapping

import numpy as np

from signals.columns.compiled import StrategyLike, compile_strategy
from signals.columns.engine import BLOCK
from signals.columns.errors import ColumnError
from signals.columns.graph import Node
from signals.columns.kernels import make_kernel
from signals.columns.plan import ClockPlan
from signals.columns.series import Floats

MOST_S = 2.0
"""Processor time that one block of one instrument may take; usually it is milliseconds."""
PATIENCE_S = 10.0
# A first call may compile its kernel: what seems slow is measured a second time.
SLOW_S = 1.0
# One measuring at a time in a process: however many ask, they take one processor.
_turn = threading.Lock()


def refuse_slow(strategy: StrategyLike) -> float:
    """Return the seconds that one block of bars takes, or refuse a strategy that takes too long.

    Raises
    ------
    ColumnError
    """
    plans = list(plans_of(compile_strategy(strategy).plan))
    if not _turn.acquire(timeout=PATIENCE_S):
        raise ColumnError("others are being tried at this moment; try again")
    try:
        spent = 0.0
        for plan in plans:
            spent = _measure(plan, spent)
    finally:
        _turn.release()
    return spent


def plans_of(plan: ClockPlan) -> Iterator[ClockPlan]:
    """Yield the plan of a series and those of all that it looks at."""
    yield plan
    for parent in plan.parents:
        yield from plans_of(parent)


def _measure(plan: ClockPlan, spent: float) -> float:
    count = plan.reach + BLOCK
    sources = _bars(count, plan.clock.timeframe)
    values: dict[int, Floats] = {}
    for node in plan.nodes:
        if node.op == "source":
            values[id(node)] = sources[str(node.args[0])]
        elif node.op == "constant":
            values[id(node)] = np.full(count, float(node.args[0]))
        elif node.op in ("align", "feed"):
            values[id(node)] = np.ones(count) if node.is_flag else sources["close"]
        else:
            inputs = [values[id(one)] for one in node.inputs]
            values[id(node)], took = _pushed(node, inputs)
            spent += took
        if spent > MOST_S:
            message = (
                f"it takes longer than {MOST_S:g} s to calculate; use shorter windows, or fewer "
                f"of the words that are slow on long ones, such as {node.op}"
            )
            raise ColumnError(message)
    return spent


def _pushed(node: Node, inputs: list[Floats]) -> tuple[Floats, float]:
    took = float("inf")
    while True:
        kernel = make_kernel(node.op, node.args)
        began = time.thread_time()
        result = kernel.push(inputs)
        again = took == float("inf")
        took = min(took, time.thread_time() - began)
        if took < SLOW_S or not again:
            return result, took


def _bars(count: int, timeframe: int) -> Mapping[str, Floats]:
    """Return a random walk, the same each time."""
    noise = np.random.default_rng(0)
    close = 100 * np.exp(noise.normal(0, 0.001, count).cumsum())
    open_ = np.concatenate((close[:1], close[:-1]))
    return {
        "open": open_,
        "close": close,
        "high": np.maximum(open_, close) * 1.0005,
        "low": np.minimum(open_, close) * 0.9995,
        "volume": noise.uniform(1, 2, count),
        "open_time": np.arange(count, dtype=np.float64) * timeframe,
    }
