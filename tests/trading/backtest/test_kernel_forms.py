"""What holds for every simulation, on random bars, decisions and assumptions."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signals.columns import ArrayBars
from signals.columns.bulk import DecisionArrays
from tests.trading.backtest.small import BARE, decided, listing_of
from trading.backtest import kernel, layout, tables
from trading.backtest.acting import acting
from trading.backtest.assumptions import DIRECTIONS, ENTRIES, STOPS, Assumptions
from trading.backtest.codes import EVENTS
from trading.backtest.engine import simulate
from trading.backtest.portfolio import Funding, Listing, Slot
from trading.execution.fees import FeeSchedule
from trading.execution.order_state import TERMINAL, Event, Status, next_status
from trading.execution.terms import Terms
from trading.risk.values import Limits

FIELDS = ("times", "equity", "cash", "exposure", "fills", "orders")
SETTINGS = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
some = st.sampled_from


@st.composite
def listings(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, timeframe = draw(st.integers(1, 120)), draw(some([60, 3_600, 86_400]))
    scale, noise = draw(some([2, 4, 8])), draw(some([0.002, 0.03]))
    steps = np.where(rng.random(count) < 0.1, rng.integers(2, 9, count), 1)
    times = draw(some([0, 3_600])) + timeframe * np.cumsum(steps)
    closes = np.maximum(np.round(100 * np.exp(np.cumsum(rng.normal(0, noise, count))), 2), 0.02)
    jumps = np.where(rng.random(count) < 0.3, np.round(rng.normal(0, 2, count), 2), 0)
    opens = np.maximum(np.concatenate(([100.0], closes[:-1])) + jumps, 0.02).round(2)
    reach = np.round(np.abs(rng.normal(0, 100 * noise, (2, count))), 2)
    highs = np.maximum(opens, closes) + reach[0]
    lows = np.maximum(np.minimum(opens, closes) - reach[1], 0.01)
    volume = np.where(rng.random(count) < 0.1, 0, np.round(rng.exponential(50, count), 3))
    funding = None
    if draw(st.booleans()):
        at = np.sort(rng.integers(times[0], times[-1] + timeframe + 1, 6))
        funding = Funding(at, np.round(rng.normal(0, 0.001, 6), 7))
    terms = Terms(
        base_scale=draw(some([0, 3, 8])),
        quote_scale=8,
        price_scale=scale,
        tick=draw(some([1, 5])),
        step=draw(some([1, 10])),
        min_quantity=draw(some([0, 3])),
        min_notional=draw(some([0, 10**9])),
    )
    bars = ArrayBars(times, opens, highs.round(2), lows.round(2), closes, volume)
    fees = FeeSchedule(draw(some([0, 500])), draw(some([0, 1_000])))
    return Listing("X", terms, fees, bars, timeframe, draw(st.booleans()), funding)


@st.composite
def portfolios(draw):
    held = draw(st.lists(listings(), min_size=1, max_size=3))
    slots = []
    for _ in range(draw(st.integers(1, 4))):
        number = draw(st.integers(0, len(held) - 1))
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        bars, times = held[number].bars, draw(some([1, 3]))
        rows = slice(None, None, times)
        close = bars.close[rows]
        count = len(close)
        verdict = rng.choice([0, 1, 2], count, p=[0.6, 0.25, 0.15]).astype(np.int8)
        stop, take = (
            np.where(rng.random(count) < 0.5, close * part, np.nan) for part in (0.97, 1.05)
        )
        price = np.where(rng.random(count) < 0.9, close, np.nan)
        told = DecisionArrays(bars.open_time[rows], verdict, price, stop, take, price, {})
        slots.append(Slot(number, told, held[number].timeframe * times))
    return held, slots


@st.composite
def assumptions(draw):
    limits = Limits(
        position_ppm=draw(some([20_000, 300_000, 1_000_000])),
        max_position_notional=draw(some([1_000 * 10**8, 10**15])),
        max_open_positions=draw(some([1, 2, 10])),
        max_daily_loss=draw(some([50 * 10**8, 500 * 10**8, 10**15])),
        exposure_ppm=draw(some([500_000, 1_000_000])),
        stop_ppm=draw(some([10_000, 50_000])),
        take_milli=draw(some([500, 3_000])),
    )
    return Assumptions(
        limits=limits,
        half_spread_ppm=draw(some([0, 100, 3_000])),
        impact_ppm=draw(some([0, 100_000])),
        volume_share_ppm=draw(some([0, 20_000, 500_000])),
        market_band_ppm=draw(some([0, 5_000, 50_000])),
        delay_bars=draw(some([0, 1])),
        patience_s=draw(some([0, 900])),
        entry=draw(some(ENTRIES)),
        entry_offset_ppm=draw(some([0, 2_000, 10_000])),
        limit_offset_ppm=draw(some([0, 2_000])),
        entry_bars=draw(some([1, 4])),
        is_post_only=draw(st.booleans()),
        trailing_ppm=draw(some([0, 0, 15_000])),
        stops=draw(some(STOPS)),
        direction=draw(some(DIRECTIONS)),
        borrow_ppm=draw(some([0, 50_000])),
        fee_milli=draw(some([1_000, 2_000])),
        slippage_milli=draw(some([1_000, 2_000])),
    )


def assert_equal(one, other):
    for name in FIELDS:
        assert getattr(one, name).dtype == np.int64
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert list(one.trades) == list(other.trades)
    assert one.denied == other.denied


@pytest.mark.slow
@SETTINGS
@given(portfolios(), assumptions())
def test_plain_and_compiled_give_the_same_bytes(portfolio, told):
    assert_equal(
        simulate(*portfolio, told, is_compiled=False), simulate(*portfolio, told, is_compiled=True)
    )


@SETTINGS
@given(portfolios(), assumptions())
def test_passing_over_quiet_bars_changes_nothing(portfolio, told):
    alone = (portfolio[0][:1], [one for one in portfolio[1] if one.listing == 0][:1])
    quick = simulate(*alone, told, is_compiled=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "is_quiet", lambda _: False)
        assert_equal(quick, simulate(*alone, told, is_compiled=False))


@pytest.mark.slow
@SETTINGS
@given(portfolios(), assumptions())
def test_taking_out_what_is_written_now_and_then_changes_nothing(portfolio, told):
    at_once = simulate(*portfolio, told, is_compiled=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "ROWS_AT_ONCE", 3)
        patch.setattr(tables, "ROWS_AN_ACT", (0, 0, 0))
        assert_equal(at_once, simulate(*portfolio, told, is_compiled=False))
        assert_equal(at_once, simulate(*portfolio, told, is_compiled=True))


@pytest.mark.parametrize("delay", [0, 1])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("missing", [[], [4], [5, 6], [29], [0]])
def test_each_decision_acts_on_the_first_bar_from_its_close_on(missing, times, delay):
    opens = np.delete(np.arange(30), missing) * 60 + 120
    ones = np.ones(len(opens))
    listing = listing_of([(1, 1, 1, 1)] * len(opens))
    listing = replace(listing, bars=ArrayBars(opens, *[ones] * 5))
    told = decided(30, enter=range(0, 30, 2), timeframe=60 * times)
    found = acting(Slot(0, told, 60 * times), listing, replace(BARE, delay_bars=delay))
    wanted = []
    for row in range(0, 30, 2):
        later = np.flatnonzero(opens >= (row + 1) * 60 * times)
        if len(later) and later[0] + delay * times < len(opens):
            wanted.append([later[0] + delay * times, row])
    assert found[:, [layout.ACT_ROW, layout.ACT_INDEX]].tolist() == wanted


@SETTINGS
@given(portfolios(), assumptions())
def test_no_unit_of_money_comes_or_goes_but_with_a_trade(portfolio, told):
    found = simulate(*portfolio, told, is_compiled=False)
    profits = sum(trade.profit for trade in found.trades)
    assert told.cash + profits == found.equity[-1]
    flows = [
        -side * notional - fee for _, _, _, side, _, _, notional, fee, _ in found.fills.tolist()
    ]
    carried = sum(trade.carry for trade in found.trades)
    assert told.cash + sum(flows) - carried == found.cash[-1]
    assert sum(trade.fees for trade in found.trades) == found.fills[:, 7].sum()


@SETTINGS
@given(portfolios(), assumptions())
def test_every_order_lives_by_the_table_of_moves(portfolio, told):
    found = simulate(*portfolio, told, is_compiled=False)
    status, last = {}, 0
    for order, at, event, _ in found.orders.tolist():
        status[order] = next_status(status.get(order, Status.DRAFT), EVENTS[event])
        assert at >= last
        last = at
    filled = {
        order
        for order, _, event, _ in found.orders.tolist()
        if EVENTS[event] in (Event.FILL, Event.FILL_PART)
    }
    assert set(found.fills[:, 0].tolist()) == filled
    closed = [trade for trade in found.trades if trade.closed_at is not None]
    is_flat = len(closed) == len(found.trades)
    if is_flat and told.entry == "market" and told.volume_share_ppm == 0:
        assert all(one in TERMINAL for one in status.values())


@SETTINGS
@given(portfolios(), assumptions())
def test_a_longer_history_does_not_change_what_came_before(portfolio, told):
    held, slots = portfolio
    cut = int(held[0].bars.open_time[len(held[0].bars.open_time) // 2])
    short = [replace(one, bars=ArrayBars.of(one.bars, one.bars.open_time < cut)) for one in held]
    if not all(len(one.bars.open_time) for one in short):
        return
    full, part = (simulate(one, slots, told, is_compiled=False) for one in (held, short))
    # A bar that the cut leaves the last may end later than the next would have begun.
    until = min(int(one.bars.open_time[-1]) for one in short)
    for name in ("fills", "orders"):
        column = 2 if name == "fills" else 1
        before = [row for row in getattr(full, name).tolist() if row[column] < until]
        assert before == [row for row in getattr(part, name).tolist() if row[column] < until]
