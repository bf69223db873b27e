"""The kernel sizes and refuses as the risk engine of paper does."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from trading.backtest import layout
from trading.backtest.account import sized
from trading.backtest.codes import REASONS
from trading.execution import arithmetic
from trading.execution.fees import FeeSchedule
from trading.execution.terms import Terms
from trading.risk.engine import MARKET_BAND_PPM, assess, size
from trading.risk.reasons import Reason
from trading.risk.values import AccountState, Limits, Request

money = st.integers(0, 10**13)
parts = st.integers(0, 1_000_000)


@st.composite
def questions(draw):
    terms = Terms(
        base_scale=draw(st.integers(0, 8)),
        quote_scale=8,
        price_scale=draw(st.integers(0, 8)),
        tick=draw(st.sampled_from([1, 5, 100])),
        step=draw(st.sampled_from([1, 10, 1_000])),
        min_quantity=draw(st.sampled_from([0, 7, 5_000])),
        min_notional=draw(st.sampled_from([0, 10**9])),
    )
    price = terms.on_tick(draw(st.integers(200, 10**11)))
    around = st.integers(-price // terms.tick, price // terms.tick)
    limits = Limits(
        draw(parts), draw(money), draw(st.integers(0, 4)), draw(money), draw(parts), 20_000, 3_000
    )
    state = AccountState(
        equity=draw(money),
        opening_equity=draw(money),
        cash=draw(money),
        exposure=draw(money),
        open_risk=draw(st.integers(0, 10**10)),
        open_positions=draw(st.integers(0, 4)),
    )
    request = Request(
        side="buy",
        is_market=draw(st.booleans()),
        quantity=0,
        price=price,
        terms=terms,
        fees=FeeSchedule(draw(st.integers(0, 5_000)), draw(st.integers(0, 5_000))),
        stop=price + terms.tick * draw(around),
        take=price + terms.tick * draw(around),
        quote_is_replay=False,
        quote_age_ms=0,
    )
    return request, state, limits


def kernel_answer(request, state, limits):
    """Lay the question out as a table of one slot on one instrument without a position."""
    m = layout.DENIED + layout.REASON_COUNT
    s = m + layout.LISTING_SIZE
    w = [0] * (s + layout.SLOT_SIZE)
    terms, fees = request.terms, request.fees
    for field, value in {
        layout.EQUITY: state.equity,
        layout.OPENING: state.opening_equity,
        layout.FREE: state.cash,
        layout.EXPOSURE: state.exposure,
        layout.OPEN_RISK: state.open_risk,
        layout.POSITIONS: state.open_positions,
        layout.POSITION_PPM: limits.position_ppm,
        layout.POSITION_LARGEST: limits.max_position_notional,
        layout.POSITIONS_MOST: limits.max_open_positions,
        layout.LOSS_MOST: limits.max_daily_loss,
        layout.EXPOSURE_PPM: limits.exposure_ppm,
        m + layout.SPLIT: terms.split,
        m + layout.GROW: terms.grow,
        m + layout.TICK: terms.tick,
        m + layout.STEP: terms.step,
        m + layout.SMALLEST: max(terms.step, terms.min_quantity),
        m + layout.MIN_NOTIONAL: terms.min_notional,
        m + layout.MAKER: fees.maker_ppm,
        m + layout.TAKER: fees.taker_ppm,
    }.items():
        w[field] = value
    band = MARKET_BAND_PPM if request.is_market else 0
    quantity = sized(w, s, m, 1, request.price, request.stop, request.take, band)
    return quantity, w[layout.BINDING]


@settings(max_examples=600, deadline=None)
@given(questions())
def test_quantity_and_binding_reason_are_those_of_the_risk_engine(question):
    request, state, limits = question
    sizing = size(request, state, limits)
    quantity, binding = kernel_answer(*question)
    if sizing.quantity > 0:
        verdict = assess(replace(request, quantity=sizing.quantity), state, limits)
        if not verdict.is_approved:  # a stop or target at or below nought
            assert verdict.reason_code is Reason.TICK
            assert (quantity, REASONS[binding]) == (0, Reason.TICK)
            return
    assert (quantity, REASONS[binding]) == (sizing.quantity, sizing.binding)


wide = st.integers(0, 10**30)
powers = st.integers(0, 12).map(lambda places: 10**places)


@given(wide, wide, powers)
def test_worth_is_the_product_rounded_against_the_one_who_trades(quantity, price, split):
    exact = quantity * price
    assert arithmetic.worth_down(quantity, price, split, 1) == exact // split
    assert arithmetic.worth_up(quantity, price, split, 1) == -(-exact // split)
    assert arithmetic.worth_up(quantity, price, 1, split) == exact * split


@given(st.integers(-(10**30), 10**30), parts, st.integers(1, 2 * 10**6))
def test_a_share_is_rounded_down_or_up(amount, part, whole):
    assert arithmetic.share(amount, part, whole) == amount * part // whole
    assert arithmetic.share_up(amount, part, whole) == -(-amount * part // whole)


@given(st.integers(-(10**20), 10**20), powers, st.integers(1, 10**20))
def test_a_ratio_is_exact_until_it_cannot_be_counted(amount, factor, divisor):
    exact = amount * factor // divisor
    found = arithmetic.ratio(amount, factor, divisor)
    assert found == exact or (
        exact >= arithmetic.COUNTABLE - factor and found >= arithmetic.COUNTABLE
    )
