"""The report of a run: what was asked, what was assumed, what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mystic.lib.units import shown
from signals.columns.bulk import CODES
from signals.columns.decisions import Verdict
from trading.backtest.assumptions import Assumptions
from trading.backtest.attached import attached
from trading.backtest.curves import DAY_S, Days, Floats, Ints, days_of, drawdowns, held, thinned
from trading.backtest.portfolio import Listing
from trading.backtest.results import Leave, Simulation, TradeRow
from trading.backtest.run import Prepared, Span
from trading.backtest.sentences import assumed, sourced, warned
from trading.backtest.states import regime_rows
from trading.backtest.trade_figures import trade_figures
from trading.performance.metrics import figures, periods_of
from trading.performance.months import month_returns
from trading.performance.types import TradeFigures


@dataclass(frozen=True, slots=True)
class Identity:
    """What a result follows from; equal identities give equal bytes.

    Attributes
    ----------
    sources : sequence
        Where the bars came from: symbol, source, origin, bars.
    made_of : mapping
        What the hashes are of, part by part, so that a difference can be named.
    """

    digest: str
    code_hash: str
    data_hash: str
    strategy: Mapping[str, Any]
    sources: Sequence[Mapping[str, Any]] = ()
    made_of: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """A simulation with what is figured of it.

    Attributes
    ----------
    day_times, day_equity : arrays
        What the account began with, then each UTC day's close.
    benchmark : float array
        Buying and holding, at each step, in units.
    """

    days: Days
    day_times: Ints
    day_equity: Floats
    benchmark: Floats
    trades: TradeFigures
    metrics: dict[str, float | None]


def measured(prepared: Prepared, simulation: Simulation, assumptions: Assumptions) -> Measured:
    """Return the figures of a simulation.

    Raises
    ------
    FigureError
        If nothing was simulated.
    """
    always = [one.is_always_open for one in prepared.listings]
    days = days_of(simulation.times, is_every_day=any(always))
    unit = 10**assumptions.scale
    opening = assumptions.cash / unit
    day_equity = np.concatenate(([opening], simulation.equity[days.row] / unit))
    day_times = np.concatenate((days.time[:1] - DAY_S, days.time))
    benchmark = held(prepared.listings, simulation.times, assumptions.cash)
    trades = trade_figures(simulation.trades, prepared.listings, prepared.slots, assumptions)
    metrics = figures(
        day_equity=day_equity,
        periods=periods_of(always),
        trades=trades,
        exposure=simulation.exposure,
        benchmark=np.concatenate(([opening], benchmark[days.row] / unit)),
        day_times=day_times,
    )
    return Measured(days, day_times, day_equity, benchmark, trades, metrics)


def report(
    prepared: Prepared,
    simulation: Simulation,
    assumptions: Assumptions,
    *,
    identity: Identity,
    span: Span,
    step: int,
    result: Measured | None = None,
) -> dict[str, Any]:
    """Return the report of a run as plain values; see docs/backtests.md for every field."""
    result = measured(prepared, simulation, assumptions) if result is None else result
    rows = list(simulation.trades)
    around = attached(simulation, prepared.listings, prepared.slots, assumptions)
    trades = [
        _trade(number, one, _listing(prepared, one), assumptions) | _prices(prepared, one, prices)
        for number, (one, prices) in enumerate(zip(rows, around, strict=True), start=1)
    ]
    times = simulation.times
    return {
        "digest": identity.digest,
        "code_hash": identity.code_hash,
        "data_hash": identity.data_hash,
        "strategy": dict(identity.strategy),
        "made_of": dict(identity.made_of),
        "symbols": [one.symbol for one in prepared.listings],
        "span": {
            "from_open": span.from_open,
            "through_open": span.through_open,
            "first_bar": min(int(one.bars.open_time[0]) for one in prepared.listings),
            "last_bar": max(int(one.bars.open_time[-1]) for one in prepared.listings),
            "bars": sum(len(one.decisions.bar_open) for one in prepared.slots),
            "fill_bars": sum(len(one.bars.open_time) for one in prepared.listings),
            "sources": [dict(one) for one in identity.sources],
        },
        "assumptions": assumptions.to_json(),
        "sentences": [*sourced(identity.sources), *assumed(assumptions, prepared.listings, step)],
        "metrics": result.metrics,
        "trades": trades,
        "equity": _curve(simulation, result, assumptions),
        "days": {
            "time": result.days.time.tolist(),
            "equity": _money(simulation.equity[result.days.row].tolist(), assumptions),
        },
        "months": [list(one) for one in month_returns(result.day_times, result.day_equity)],
        "symbols_table": _by_symbol(prepared, rows, assumptions),
        "regimes": _regimes(prepared, result, assumptions),
        "denied": dict(simulation.denied),
        "ambiguous": _ambiguous(rows, assumptions),
        "warnings": warned(
            trades=sum(one.leave is not Leave.OPEN for one in rows),
            seconds=int(times[-1] - times[0]) if len(times) else 0,
            warming=_count(prepared, Verdict.WARMING_UP),
            faults=_count(prepared, Verdict.ERROR),
            refused=sum(simulation.denied.values()),
        ),
    }


def _trade(
    number: int, one: TradeRow, listing: Listing, assumptions: Assumptions
) -> dict[str, Any]:
    terms, scale = listing.terms, assumptions.scale
    cost = _notional(one, one.entry_price, listing)
    return {
        "number": number,
        "symbol": listing.symbol,
        "side": "long" if one.side > 0 else "short",
        "decided_at": one.decided_at,
        "opened_at": one.opened_at,
        "closed_at": one.closed_at,
        "bars": one.bars,
        "quantity": shown(one.quantity, terms.base_scale),
        "entry_price": shown(one.entry_price, terms.price_scale),
        "exit_price": None if one.exit_price is None else shown(one.exit_price, terms.price_scale),
        "fees": shown(one.fees, scale),
        "carry": shown(one.carry, scale),
        "profit": shown(one.profit, scale),
        "return": one.profit / cost if cost else None,
        "mae": shown(one.worst, scale),
        "mfe": shown(one.best, scale),
        "leave": str(one.leave),
        "reason": one.reason,
        "is_ambiguous": one.is_ambiguous,
        "other_profit": shown(one.other_profit, scale),
    }


def _prices(prepared: Prepared, one: TradeRow, around: tuple[int, int]) -> dict[str, str]:
    """Return stop and target as the position was opened with them."""
    scale = _listing(prepared, one).terms.price_scale
    return {name: shown(price, scale) for name, price in zip(("stop", "take"), around, strict=True)}


def _curve(simulation: Simulation, result: Measured, assumptions: Assumptions) -> dict[str, Any]:
    rows = thinned(simulation)
    equity, exposure = simulation.equity[rows], simulation.exposure[rows]
    share = np.divide(exposure, equity, out=np.zeros(len(rows)), where=equity > 0)
    below = drawdowns(simulation.equity, assumptions.cash)[rows]
    benchmark = np.rint(result.benchmark[rows]).astype(np.int64)
    return {
        "time": simulation.times[rows].tolist(),
        "equity": _money(equity.tolist(), assumptions),
        "drawdown": below.tolist(),
        "exposure": share.tolist(),
        "benchmark": _money(benchmark.tolist(), assumptions),
    }


def _regimes(
    prepared: Prepared, result: Measured, assumptions: Assumptions
) -> list[dict[str, Any]]:
    unit = 10**assumptions.scale
    market = np.concatenate(([assumptions.cash], result.benchmark[result.days.row])) / unit
    periods = periods_of([one.is_always_open for one in prepared.listings])
    return regime_rows(result.day_times, result.day_equity, market, periods, result.trades)


def _by_symbol(
    prepared: Prepared, trades: Sequence[TradeRow], assumptions: Assumptions
) -> list[dict[str, Any]]:
    found = []
    for listing in prepared.listings:
        rows = [one for one in trades if _listing(prepared, one) is listing]
        closed = [one for one in rows if one.leave is not Leave.OPEN]
        won = sum(one.profit > 0 for one in closed)
        found.append(
            {
                "symbol": listing.symbol,
                "trades": len(closed),
                "open": len(rows) - len(closed),
                "win_rate": won / len(closed) if closed else None,
                "profit": shown(sum(one.profit for one in rows), assumptions.scale),
                "fees": shown(sum(one.fees for one in rows), assumptions.scale),
                "buy_and_hold": float(listing.bars.close[-1] / listing.bars.open[0] - 1.0),
            }
        )
    return found


def _ambiguous(rows: Sequence[TradeRow], assumptions: Assumptions) -> dict[str, Any]:
    """Return how many exits nobody can tell the order of, and the profit both ways."""
    profit = sum(one.profit for one in rows)
    apart = [one.other_profit - one.profit for one in rows if one.is_ambiguous]
    closed = sum(one.leave is not Leave.OPEN for one in rows)
    return {
        "count": len(apart),
        "share": len(apart) / closed if closed else 0.0,
        "low": shown(profit + sum(min(0, one) for one in apart), assumptions.scale),
        "high": shown(profit + sum(max(0, one) for one in apart), assumptions.scale),
    }


def _notional(one: TradeRow, price: int, listing: Listing) -> int:
    return listing.terms.received(one.quantity, price)


def _listing(prepared: Prepared, one: TradeRow) -> Listing:
    return prepared.listings[prepared.slots[one.slot].listing]


def _count(prepared: Prepared, verdict: Verdict) -> int:
    return sum(int(np.sum(one.decisions.verdict == CODES[verdict])) for one in prepared.slots)


def _money(units: Sequence[int], assumptions: Assumptions) -> list[str]:
    return [shown(one, assumptions.scale) for one in units]
