"""The kernel against a slow simulator that was written from the rules alone."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signals.columns import ArrayBars
from signals.columns.bulk import DecisionArrays
from tests.trading.backtest.oracle import Oracle
from trading.backtest.assumptions import Assumptions
from trading.backtest.codes import EVENTS, REASONS
from trading.backtest.engine import simulate
from trading.backtest.portfolio import Listing, Slot
from trading.execution.fees import FeeSchedule
from trading.execution.terms import Terms
from trading.risk.values import Limits

SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
some = st.sampled_from


@st.composite
def listings(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    timeframe = draw(some([3_600, 14_400, 86_400]))
    count = min(draw(st.integers(1, 40)) * 86_400 // timeframe, 60)
    noise, level = draw(some([0.004, 0.04])), draw(some([1, 100]))
    steps = np.where(rng.random(count) < 0.1, rng.integers(2, 9, count), 1)
    times = draw(some([0, 30, 3_600, 86_400])) + timeframe * np.cumsum(steps)
    closes = np.maximum(np.round(level * np.exp(np.cumsum(rng.normal(0, noise, count))), 2), 0.02)
    jumps = np.where(rng.random(count) < 0.3, np.round(rng.normal(0, noise * level, count), 2), 0)
    opens = np.maximum(np.concatenate(([level], closes[:-1])) + jumps, 0.02).round(2)
    reach = np.round(np.abs(rng.normal(0, level * noise, (2, count))), 2)
    highs = (np.maximum(opens, closes) + reach[0]).round(2)
    lows = np.maximum(np.minimum(opens, closes) - reach[1], 0.01).round(2)
    volume = np.where(rng.random(count) < 0.15, 0, np.round(rng.exponential(50, count), 2))
    terms = Terms(
        base_scale=draw(some([2, 3, 8])),
        quote_scale=8,
        price_scale=draw(some([2, 4])),
        tick=draw(some([1, 5])),
        step=draw(some([1, 10])),
        min_quantity=draw(some([0, 3])),
        min_notional=draw(some([0, 10**9])),
    )
    bars = ArrayBars(times, opens, highs, lows, closes, volume)
    fees = FeeSchedule(draw(some([0, 500])), draw(some([0, 1_000])))
    return Listing("X", terms, fees, bars, timeframe, draw(st.booleans()))


@st.composite
def portfolios(draw):
    held = draw(st.lists(listings(), min_size=1, max_size=3))
    slots = []
    for _ in range(draw(st.integers(1, 4))):
        number = draw(st.integers(0, len(held) - 1))
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        times = draw(some([1, 1, 3]))
        bars = ArrayBars.of(held[number].bars, slice(None, None, times))
        count = len(bars.close)
        verdict = rng.choice([0, 1, 2], count, p=[0.55, 0.3, 0.15]).astype(np.int8)
        away = draw(some([0.005, 0.03]))
        stop, take = (
            np.where(rng.random(count) < 0.6, (bars.close * part).round(2), np.nan)
            for part in (1 - away, 1 + away)
        )
        nothing = np.full(count, np.nan)
        told = DecisionArrays(bars.open_time, verdict, bars.close, stop, take, nothing, {0: "why"})
        slots.append(Slot(number, told, held[number].timeframe * times))
    return held, slots


@st.composite
def assumptions(draw):
    limits = Limits(
        position_ppm=draw(some([20_000, 300_000, 1_000_000])),
        max_position_notional=draw(some([1_000 * 10**8, 10**15])),
        max_open_positions=draw(some([1, 2, 10])),
        max_daily_loss=draw(some([20 * 10**8, 500 * 10**8, 10**15])),
        exposure_ppm=draw(some([500_000, 1_000_000])),
        stop_ppm=draw(some([3_000, 50_000])),
        take_milli=draw(some([500, 3_000])),
    )
    return Assumptions(
        cash=draw(some([10_000 * 10**8, 50 * 10**8])),
        limits=limits,
        half_spread_ppm=draw(some([0, 100, 3_000])),
        impact_ppm=draw(some([0, 100_000])),
        volume_share_ppm=draw(some([0, 20_000, 500_000])),
        market_band_ppm=draw(some([0, 5_000, 50_000])),
        delay_bars=draw(some([0, 0, 1])),
        patience_s=draw(some([0, 900])),
        trailing_ppm=draw(some([0, 0, 15_000])),
        stops=draw(some(["strategy", "account"])),
        fee_milli=draw(some([1_000, 2_000])),
        slippage_milli=draw(some([1_000, 1_500])),
    )


def lives(rows):
    found = {}
    for order, at, event, reason in rows:
        found.setdefault(order, []).append((at, str(EVENTS[event]), str(REASONS[reason])))
    return sorted(found.values())


def assert_same(portfolio, told):
    found = simulate(*portfolio, told, is_compiled=False)
    oracle = Oracle(*portfolio, told).run()
    # Orders are numbered as they come; the number itself is no outcome.
    assert [tuple(row[1:]) for row in found.fills.tolist()] == [row[1:] for row in oracle.fills]
    assert lives(found.orders.tolist()) == sorted(oracle.lives.values())
    assert [asdict(trade) for trade in found.trades] == oracle.trades
    assert found.times.tolist() == oracle.times
    assert found.equity.tolist() == oracle.equity
    assert found.cash.tolist() == oracle.cashes
    assert found.exposure.tolist() == oracle.exposure
    assert found.denied == oracle.denied
    return found


@SETTINGS
@given(portfolios(), assumptions())
def test_fills_trades_and_equity_are_those_of_the_oracle(portfolio, told):
    assert_same(portfolio, told)


@SETTINGS
@given(portfolios(), assumptions())
def test_no_long_spends_what_is_not_there(portfolio, told):
    found = simulate(*portfolio, told, is_compiled=False)
    assert found.cash.min(initial=0) >= 0


@SETTINGS
@given(portfolios(), assumptions(), st.randoms(use_true_random=False))
def test_the_order_of_instruments_matters_only_where_they_compete(portfolio, told, chance):
    held, slots = portfolio
    # Money, positions and losses that bound nobody; one strategy to an instrument.
    free = replace(told.limits, position_ppm=1_000, max_open_positions=10, max_daily_loss=10**15)
    free = replace(free, max_position_notional=20 * 10**8, exposure_ppm=1_000_000)
    alone = {slot.listing: slot for slot in slots}
    order = sorted(alone)
    mixed = chance.sample(order, len(order))
    outcomes = []
    for kept in (order, mixed):
        here = [replace(alone[number], listing=at) for at, number in enumerate(kept)]
        found = simulate(
            [held[number] for number in kept],
            here,
            replace(told, cash=10**13, limits=free),
            is_compiled=False,
        )
        trades = [{**asdict(trade), "slot": kept[trade.slot]} for trade in found.trades]
        trades.sort(key=lambda trade: (trade["slot"], trade["opened_at"]))
        outcomes.append((trades, found.equity.tolist(), found.cash.tolist(), dict(found.denied)))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("price", "scale", "base"), [(3e-8, 8, 2), (1e-4, 8, 0), (1e7, 2, 8), (1e7, 8, 8)]
)
@pytest.mark.parametrize("cash", [1, 10**6, 10**12, 10**17])
def test_prices_and_money_of_any_size_are_counted_to_the_unit(price, scale, base, cash):
    unit, count = 10.0**-scale, 40
    rng = np.random.default_rng(5)
    level = np.round(price * (1 + 0.3 * np.sin(np.arange(count + 1))) / unit) * unit
    opens, closes = level[:-1], level[1:]
    highs, lows = np.maximum(opens, closes) + unit, np.minimum(opens, closes)
    times = 3_600 * np.arange(count)
    volume = np.where(rng.random(count) < 0.2, 0, 10**5 / price)
    bars = ArrayBars(times, opens, highs, lows, closes, volume)
    terms = Terms(base_scale=base, quote_scale=8, price_scale=scale)
    nothing = np.full(count, np.nan)
    verdict = rng.choice([0, 1, 2], count, p=[0.5, 0.35, 0.15]).astype(np.int8)
    decisions = DecisionArrays(times, verdict, closes, nothing, nothing, nothing, {})
    listing = Listing("X", terms, FeeSchedule(1_000, 1_000), bars, 3_600)
    told = Assumptions(
        cash=cash,
        limits=Limits(1_000_000, 10**18, 3, 10**18, 1_000_000, 200_000, 1_000),
        market_band_ppm=5_000,
    )
    portfolio = ([listing], [Slot(0, decisions, 3_600)])
    found = assert_same(portfolio, told)
    # 0.01 does not pay for the smallest part of what costs 10,000,000.
    assert len(found.fills) > 0 or cash < 10**7
