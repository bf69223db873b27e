"""Mystic's backtest of the rules in `crossing`: as rules, as free code, as a sweep, as a bare loop.

A run is everything between bars in memory and the trades: every column, every decision, every
order judged, filled and booked in whole units.
"""

import itertools
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.children import answer
from benchmarks.crossing import (
    BARS,
    CASH,
    FAST,
    FEE,
    PLACES,
    SLOW,
    STOP,
    SWEEP_BARS,
    SWEEP_FAST,
    SWEEP_SLOW,
    TAKE,
    settled,
)
from benchmarks.inputs import walk
from benchmarks.ours import bare_loop
from signals.columns import Column, Cursor, Entry, Exit, Intent, Space, enter_long, exit_long
from signals.columns.array_series import ArrayBars, ArraySeries
from signals.columns.decisions import nothing
from signals.strategies.base import Strategy
from signals.strategies.params import Param
from trading.backtest.assumptions import Assumptions
from trading.backtest.points import Ground
from trading.backtest.results import Simulation
from trading.backtest.run import Span, Subject, prepare, simulated
from trading.backtest.space import Point
from trading.execution.fees import FeeSchedule
from trading.execution.terms import Terms
from trading.risk.values import Limits

PARTS = 1_000_000
UNIT = 10**8
ALL_IN = Limits(
    position_ppm=PARTS,
    max_position_notional=4 * 10**18,
    max_open_positions=1,
    max_daily_loss=4 * 10**18,
    exposure_ppm=PARTS,
    stop_ppm=round(STOP * PARTS),
    take_milli=round(TAKE / STOP * 1000),
)
ASSUMPTIONS = Assumptions(
    cash=round(CASH) * UNIT,
    limits=ALL_IN,
    market_band_ppm=0,
    half_spread_ppm=0,
    impact_ppm=0,
    volume_share_ppm=0,
    patience_s=0,
)
# What freqtrade cannot: half a spread and an impact on every order.
SLIPPING = replace(ASSUMPTIONS, half_spread_ppm=10, impact_ppm=1000, volume_share_ppm=PARTS)
TERMS = Terms(base_scale=8, quote_scale=8, price_scale=6)
RATE = round(FEE * PARTS)


class Cross(Strategy):
    """The rules form."""

    timeframe = "1m"
    fast = Param(FAST, low=2, high=100)
    slow = Param(SLOW, low=3, high=200)

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        fast, slow = x.close.sma(self.fast), x.close.sma(self.slow)
        up = {"the fast average crossed above": fast.crossed_above(slow)}
        down = {"the fast average crossed below": fast.crossed_below(slow)}
        return (
            Entry(when=up, stop=x.close * (1 - STOP), take=x.close * (1 + TAKE)),
            Exit(when=down),
        )


class Free(Cross):
    """The same as `decide`."""

    def columns(self, x: Space) -> dict[str, Column]:
        fast, slow = x.close.sma(self.fast), x.close.sma(self.slow)
        return {"up": fast.crossed_above(slow), "down": fast.crossed_below(slow)}

    def rules(self, x: Space) -> tuple[Entry | Exit, ...]:
        return ()

    def decide(self, b: Cursor) -> Intent:
        if b.down:
            return exit_long(why="the fast average crossed below")
        if b.up:
            return enter_long(stop=b.close * (1 - STOP), take=b.close * (1 + TAKE), why="crossed")
        return nothing


def subject(timeframe: int) -> Subject:
    fees = FeeSchedule(maker_ppm=RATE, taker_ppm=RATE)
    return Subject("here", "BTC/USDT", "USDT", "crypto", TERMS, fees, timeframe)


def series(bars: int, timeframe: int = 60) -> tuple[ArrayBars, ArraySeries]:
    made = ArrayBars(*walk(bars, places=PLACES, timeframe=timeframe))
    return made, ArraySeries({("here", timeframe): made})


def run(strategy: Strategy, assumptions: Assumptions, bars: int) -> tuple[float, Simulation]:
    made, provider = series(bars)
    span = Span(int(made.open_time[0]), int(made.open_time[-1]))
    began = time.process_time()
    prepared = prepare([strategy], [subject(60)], provider, span=span, assumptions=assumptions)
    simulation = simulated(prepared, assumptions)
    return time.process_time() - began, simulation


def single(make: Callable[[], Strategy], assumptions: Assumptions, bars: int) -> dict[str, Any]:
    seconds, simulation = run(make(), assumptions, bars)
    entries = settled([one.opened_at for one in simulation.trades], bars)
    return {"seconds": seconds, "entries": entries}


def bare(bars: int) -> dict[str, Any]:
    made, _ = series(bars)
    began = time.process_time()
    trades = bare_loop.walk(made, FAST, SLOW, STOP, TAKE, FEE)
    return {"seconds": time.process_time() - began, "trades": trades}


def sweep(share: tuple[int, int], bars: int) -> dict[str, Any]:
    """Make a share (which, of how many) of two hundred points."""
    made, provider = series(bars, 300)
    span = (int(made.open_time[0]), int(made.open_time[-1]))
    fees = FeeSchedule(maker_ppm=RATE, taker_ppm=RATE)
    listing = prepare(
        [Cross(timeframe="5m")],
        [subject(300)],
        provider,
        span=Span(*span),
        assumptions=ASSUMPTIONS,
    ).listings[0]
    ground = Ground(
        make=lambda params: Cross(timeframe="5m", **params),
        provider=provider,
        instruments=["here"],
        listings=[replace(listing, fees=fees)],
        params={},
        assumptions=ASSUMPTIONS,
        timeframe=300,
        from_open=span[0],
        through_open=span[1],
    )
    points: list[Point] = [
        {"fast": fast, "slow": slow} for fast, slow in itertools.product(SWEEP_FAST, SWEEP_SLOW)
    ]
    own = points[share[0] :: share[1]]
    began, wall = time.process_time(), time.perf_counter()
    returns = [ground.outcome(point).metrics["return"] for point in own]
    seconds, wall = time.process_time() - began, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    best = max(one for one in returns if one is not None)
    return {"seconds": seconds, "wall": wall, "points": len(own), "best": best, "mib": peak}


FORMS: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "rules": lambda bars: single(Cross, ASSUMPTIONS, bars),
    "slipping": lambda bars: single(Cross, SLIPPING, bars),
    "decide": lambda bars: single(Free, ASSUMPTIONS, bars),
    "account": lambda bars: single(Cross, replace(ASSUMPTIONS, stops="account"), bars),
    "bare": bare,
}


def work(form: str, bars: int = BARS, share: tuple[int, int] = (0, 1)) -> dict[str, Any]:
    if form == "sweep":
        return sweep(share, SWEEP_BARS)
    return FORMS[form](bars)


if __name__ == "__main__":
    answer(work)
