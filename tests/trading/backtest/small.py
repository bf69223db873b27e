"""Small portfolios for the tests: prices in whole units of 0.01, nothing charged unless asked."""

import numpy as np

from signals.columns import ArrayBars
from signals.columns.bulk import CODES, DecisionArrays
from signals.columns.decisions import Verdict
from trading.backtest.assumptions import Assumptions
from trading.backtest.engine import simulate
from trading.backtest.portfolio import Listing, Slot
from trading.execution.fees import FeeSchedule
from trading.execution.terms import Terms
from trading.risk.values import Limits

WIDE = Limits(1_000_000, 2**61, 100, 2**61, 1_000_000, 500_000, 1_000)
FREE = FeeSchedule(0, 0)
TERMS = Terms(base_scale=0, quote_scale=2, price_scale=2)
BARE = Assumptions(
    cash=100_002,  # 1,000.00, and the two units that sizing keeps back
    limits=WIDE,
    half_spread_ppm=0,
    impact_ppm=0,
    volume_share_ppm=0,
    market_band_ppm=0,
    borrow_ppm=0,
    patience_s=0,
)


def bars_of(rows, *, first=0, timeframe=60):
    """Bars from (open, high, low, close) or (..., volume) rows."""
    table = np.array([(*row, 1_000)[:5] for row in rows], dtype=np.float64)
    times = first + timeframe * np.arange(len(rows), dtype=np.int64)
    return ArrayBars(times, *(np.ascontiguousarray(table[:, column]) for column in range(5)))


def decided(count, *, enter=(), leave=(), stop=None, take=None, price=None, timeframe=60, first=0):
    """Decisions of so many bars; `enter` and `leave` name bars."""
    verdict = np.zeros(count, dtype=np.int8)
    verdict[list(enter)] = CODES[Verdict.ENTER_LONG]
    verdict[list(leave)] = CODES[Verdict.EXIT]
    filled = (np.full(count, np.nan if one is None else one) for one in (price, stop, take))
    told, stops, takes = filled
    opens = first + timeframe * np.arange(count, dtype=np.int64)
    reasons = {row: f"bar {row}" for row in (*enter, *leave)}
    return DecisionArrays(opens, verdict, told, stops, takes, np.full(count, np.nan), reasons)


def listing_of(rows, *, terms=TERMS, fees=FREE, symbol="ABC/USD", funding=None, **more):
    times = {key: more[key] for key in ("first", "timeframe") if key in more}
    bars = bars_of(rows, **times)
    is_open = more.get("is_always_open", True)
    return Listing(symbol, terms, fees, bars, times.get("timeframe", 60), is_open, funding)


def run(rows, decisions, assumptions=BARE, *, is_compiled=False, timeframe=60, **more):
    listing = listing_of(rows, **more)
    return simulate(
        [listing], [Slot(0, decisions, timeframe)], assumptions, is_compiled=is_compiled
    )
