"""Several strategies in one portfolio: one account, shared limits, one simulation.

Beside it each part is simulated alone, with the whole cash and the same assumptions, from the same
decisions. What the parts make together differs from the sum of what they make alone where they
share limits and cash.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from markets.types import TIMEFRAME_SECONDS
from mystic.lib.units import shown
from signals.columns.compiled import StrategyLike
from signals.columns.series import SeriesProvider
from trading.backtest.assumptions import Assumptions
from trading.backtest.curves import Floats, Ints
from trading.backtest.portfolio import Listing, Slot
from trading.backtest.report import Measured, measured
from trading.backtest.results import Leave, Simulation, TradeRow
from trading.backtest.run import Prepared, Span, Subject, Tell, prepare, silent, simulated
from trading.performance.correlation import (
    Rebalance,
    combine,
    correlation,
    diversification_ratio,
)
from trading.performance.metrics import periods_of
from trading.performance.ratios import sharpe, underwater

ALONE = ("net_profit", "return", "sharpe", "max_drawdown", "trades", "win_rate", "fees_paid")


@dataclass(frozen=True, slots=True)
class Part:
    """One strategy on its instruments."""

    label: str
    strategy: StrategyLike
    subjects: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class Together:
    """What is simulated: all parts at once, and each alone.

    Attributes
    ----------
    part_of : tuple of int
        Which part each slot of the whole belongs to.
    """

    whole: Prepared
    alone: tuple[Prepared, ...]
    part_of: tuple[int, ...]


def prepare_together(
    parts: Sequence[Part],
    provider: SeriesProvider,
    *,
    span: Span,
    step: int,
    assumptions: Assumptions,
    tell: Tell = silent,
) -> Together:
    """Let every part decide, each on bars of its own timeframe.

    Parameters
    ----------
    span : Span
        In bars of `step` seconds, the longest of the parts' timeframes; the other parts decide on
        every bar that closes within it.

    Raises
    ------
    RunError, ColumnError
        As `prepare`.
    """
    alone: list[Prepared] = []
    end = span.through_open + step
    for number, part in enumerate(parts):
        own = Span(span.from_open, end - TIMEFRAME_SECONDS[part.strategy.timeframe])
        done = number

        def within(progress: float, stage: str, done: int = done) -> None:
            tell((done + progress) / len(parts), stage)

        alone.append(
            prepare(
                [part.strategy],
                part.subjects,
                provider,
                span=own,
                assumptions=assumptions,
                tell=within,
            )
        )
    return _joined(parts, alone)


def _joined(parts: Sequence[Part], alone: Sequence[Prepared]) -> Together:
    listings: dict[str, Listing] = {}
    for one in alone:
        listings.update({listing.symbol: listing for listing in one.listings})
    place = {symbol: number for number, symbol in enumerate(listings)}
    slots: list[Slot] = []
    part_of: list[int] = []
    named = []
    for number, (part, one) in enumerate(zip(parts, alone, strict=True)):
        own = [replace(slot, label=part.label) for slot in one.slots]
        named.append(Prepared(one.listings, tuple(own)))
        for slot in own:
            symbol = one.listings[slot.listing].symbol
            slots.append(replace(slot, listing=place[symbol]))
            part_of.append(number)
    return Together(Prepared(tuple(listings.values()), tuple(slots)), tuple(named), tuple(part_of))


def combination(
    together: Together,
    simulation: Simulation,
    result: Measured,
    assumptions: Assumptions,
    *,
    tell: Tell = silent,
) -> dict[str, Any]:
    """Return what each part gave, how the parts move together, and what sharing changed.

    Parameters
    ----------
    simulation, result
        Of the whole.
    """
    runs: list[tuple[Simulation, Measured]] = []
    for number, one in enumerate(together.alone):
        tell(number / len(together.alone), f"part {number + 1} alone")
        done = simulated(one, assumptions)
        runs.append((done, measured(one, done, assumptions)))
    paths = np.column_stack([_equity_at(one, result.day_times) for _, one in runs])
    returns = _returns(paths)
    whole = _profit(simulation, assumptions)
    rows = [
        {
            "label": one.slots[0].label,
            "contribution": _contribution(together, simulation, number, whole, assumptions),
            "alone": {
                "profit": shown(_profit(done, assumptions), assumptions.scale),
                "metrics": {name: found.metrics.get(name) for name in ALONE},
                "denied": dict(done.denied),
            },
        }
        for number, (one, (done, found)) in enumerate(zip(together.alone, runs, strict=True))
    ]
    linked = correlation(returns)
    apart = sum(_profit(done, assumptions) for done, _ in runs)
    return {
        "parts": rows,
        "correlation": {
            "coefficients": [list(one) for one in linked.coefficients],
            "p_values": [list(one) for one in linked.p_values],
            "days": linked.days,
        },
        "diversification": diversification_ratio(
            returns, np.full(len(runs), 1.0 / len(runs), dtype=np.float64)
        ),
        "shares": _shares(returns, together, assumptions),
        "together": shown(whole, assumptions.scale),
        "sum_alone": shown(apart, assumptions.scale),
        "difference": shown(whole - apart, assumptions.scale),
    }


def _contribution(
    together: Together,
    simulation: Simulation,
    number: int,
    whole: int,
    assumptions: Assumptions,
) -> dict[str, Any]:
    """Return what a part's trades gave in the whole; over all parts it adds up to the unit."""
    rows = [one for one in simulation.trades if together.part_of[one.slot] == number]
    closed = [one for one in rows if one.leave is not Leave.OPEN]
    profit = sum(one.profit for one in rows)
    return {
        "profit": shown(profit, assumptions.scale),
        "share": profit / whole if whole else None,
        "fees": shown(sum(one.fees for one in rows), assumptions.scale),
        "carry": shown(sum(one.carry for one in rows), assumptions.scale),
        "trades": len(closed),
        "open": len(rows) - len(closed),
        "win_rate": _won(closed),
    }


def _won(closed: Sequence[TradeRow]) -> float | None:
    return sum(one.profit > 0 for one in closed) / len(closed) if closed else None


def _profit(simulation: Simulation, assumptions: Assumptions) -> int:
    """Return what the account gained, what is open counted at its mark."""
    if not len(simulation.equity):
        return 0
    return int(simulation.equity[-1]) - assumptions.cash


def _equity_at(found: Measured, times: Ints) -> Floats:
    """Return a part's equity at the days of the whole; before its own first day its cash."""
    rows = np.searchsorted(found.day_times, times, side="right") - 1
    return found.day_equity[np.maximum(rows, 0)]


def _returns(paths: Floats) -> Floats:
    before = paths[:-1]
    return np.divide(paths[1:], before, out=np.ones_like(before), where=before > 0) - 1.0


def _shares(returns: Floats, together: Together, assumptions: Assumptions) -> dict[str, Any]:
    """Return the parts with equal shares of the cash, each left alone with its own."""
    cash = assumptions.cash / 10**assumptions.scale
    found = combine(np.maximum(returns, -1.0), cash=cash, rebalance=Rebalance.NEVER)
    periods = periods_of([one.is_always_open for one in together.whole.listings])
    daily = found.equity[1:] / found.equity[:-1] - 1.0 if found.equity.min() > 0 else np.empty(0)
    return {
        "profit": float(found.equity[-1] - cash),
        "return": float(found.equity[-1] / cash - 1.0),
        "sharpe": sharpe(daily, periods) if len(daily) else None,
        "max_drawdown": float(underwater(found.equity).min(initial=0.0)),
    }
