"""What else a result could have been: drawn again, stressed, and held against luck."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from trading.backtest.assumptions import Assumptions
from trading.backtest.held_bars import signal_tests
from trading.backtest.report import Measured, measured
from trading.backtest.results import TradeRow
from trading.backtest.run import Prepared, Tell, simulated
from trading.performance.metrics import periods_of
from trading.performance.monte_carlo import (
    Outcome,
    redrawn,
    redrawn_blocks,
    shuffled,
    trade_steps,
)
from trading.performance.ratios import returns_of
from trading.performance.significance import (
    Record,
    minimum_track_record,
    probabilistic_sharpe,
)
from trading.performance.stress import BASE, stress_table, variants
from trading.performance.types import FigureError, Floats

SAMPLES = 1_000
FEWEST = 2


def robustness(
    prepared: Prepared,
    result: Measured,
    assumptions: Assumptions,
    *,
    trades: Sequence[TradeRow] = (),
    tell: Tell,
) -> dict[str, Any]:
    """Return Monte Carlo on trades and days, what the signal knows, and the cost stress.

    The deflated Sharpe ratio is not here: it depends on what else its owner tried.
    """
    cash, seed = float(result.day_equity[0]), assumptions.seed
    tell(0.0, "drawing trades and days again")
    returns = returns_of(result.day_equity)
    record = None if returns is None else Record.of(returns)
    found: dict[str, Any] = {
        "seed": seed,
        "samples": SAMPLES,
        "periods": periods_of([one.is_always_open for one in prepared.listings]),
        "shuffled": _drawn(lambda: shuffled(_steps(result), cash=cash, seed=seed)),
        "redrawn": _drawn(lambda: redrawn(_steps(result), cash=cash, seed=seed)),
        "blocks": _drawn(lambda: redrawn_blocks(_some(returns), cash=cash, seed=seed)),
        "record": None if record is None else asdict(record),
        "probabilistic_sharpe": None if record is None else probabilistic_sharpe(record),
        "minimum_days": None if record is None else minimum_track_record(record),
    }
    found["signal"] = signal_tests(prepared, trades, seed=seed)
    tell(0.3, "trading at higher costs")
    found["stress"] = _stressed(prepared, result, assumptions, tell)
    return found


def _steps(result: Measured) -> Floats:
    return _some(trade_steps(result.trades, float(result.day_equity[0])))


def _some(steps: Floats | None) -> Floats:
    if steps is None or len(steps) < FEWEST:
        raise FigureError("too few to draw from")
    return steps


def _drawn(make: Callable[[], Outcome]) -> dict[str, Any] | None:
    """Return an outcome as plain values; None where there is too little to draw from."""
    try:
        one = make()
    except FigureError:
        return None
    return {
        "steps": one.steps,
        "happened_equity": one.happened_equity,
        "happened_drawdown": one.happened_drawdown,
        "final_equity": {str(key): value for key, value in one.final_equity.items()},
        "max_drawdown": {str(key): value for key, value in one.max_drawdown.items()},
        "ruin": one.ruin,
        "loss": one.loss,
        "drawdown_worse": one.drawdown_worse,
        "fan": {"at": one.fan.at.tolist(), "bands": np.round(one.fan.bands, 6).tolist()},
    }


def _stressed(
    prepared: Prepared, result: Measured, assumptions: Assumptions, tell: Tell
) -> dict[str, Any]:
    """Simulate the same decisions at higher costs and one bar later."""
    told = variants(assumptions)
    results = {BASE: result.metrics}
    for done, (name, worse) in enumerate(told.items()):
        if name == BASE:
            continue
        tell(0.3 + 0.7 * done / len(told), "trading at higher costs")
        results[name] = measured(prepared, simulated(prepared, worse), worse).metrics
    table = stress_table(results)
    return {
        "lines": [asdict(one) for one in table.lines],
        "fee_room": table.fee_room,
        "slippage_room": table.slippage_room,
        "sentence": table.sentence,
    }
