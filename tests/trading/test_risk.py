"""The risk engine: each reason alone, and sizes that it approves."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trading.execution.fees import PAPER
from trading.execution.terms import Terms
from trading.risk.engine import assess, size, stops_attached, worst_price
from trading.risk.reasons import Reason
from trading.risk.values import AccountState, Limits, Request


def u(text):
    return int(Decimal(text).scaleb(8))


TERMS = Terms(
    8, 8, 8, tick=u("0.01"), step=u("0.001"), min_quantity=u("0.001"), min_notional=u("5")
)
LIMITS = Limits(20_000, u("1000"), 3, u("500"), 500_000, 20_000, 3_000)
STATE = AccountState(equity=u("10000"), opening_equity=u("10000"), cash=u("10000"))
BUY = Request(
    side="buy",
    is_market=True,
    quantity=u("2"),
    price=u("100"),
    terms=TERMS,
    fees=PAPER,
    stop=u("98"),
    take=u("106"),
    quote_is_replay=False,
    quote_age_ms=0,
)
SELL = replace(BUY, side="sell", stop=None, take=None)
HOLDS = replace(STATE, position_quantity=u("2"), position_value=u("200"), opens_position=False)


def test_two_percent_of_equity_exactly_is_approved():
    assert assess(BUY, STATE, LIMITS).reason_code is Reason.APPROVED


@pytest.mark.parametrize(
    ("request_changes", "state_changes", "reason"),
    [
        ({"is_trading": False}, {}, "instrument_not_trading"),
        ({"is_currency_right": False}, {}, "currency_mismatch"),
        ({"quantity": 0}, {}, "must_be_positive"),
        ({"quantity": -1}, {}, "must_be_positive"),
        ({"quantity": 2**63}, {}, "too_large"),
        ({"quantity": u("1.0005")}, {}, "step"),
        ({"terms": replace(TERMS, min_quantity=u("3"))}, {}, "risk_min_quantity"),
        ({"stop": u("98.001")}, {}, "tick"),
        ({"is_market": False, "price": u("100.001")}, {}, "tick"),
        ({"stop": -u("1")}, {}, "tick"),
        ({"quote_is_replay": True}, {}, "source_mismatch"),
        ({"venue_is_replay": True}, {}, "source_mismatch"),
        ({"price": None, "quote_age_ms": None, "quote_is_replay": None}, {}, "no_fresh_quote"),
        ({"quote_age_ms": 3_001}, {}, "no_fresh_quote"),
        ({"is_reduce_only": True}, {}, "reduce_only"),
        ({}, {"lock_level": "no_new_entries"}, "locked_no_new_entries"),
        ({}, {"lock_level": "reduce_only"}, "locked_reduce_only"),
        ({}, {"lock_level": "flatten"}, "locked_flatten"),
        ({}, {"lock_level": "halt"}, "locked_halt"),
        ({}, {"is_halted": True}, "daily_loss_halt"),
        ({}, {"equity": u("9500")}, "daily_loss_halt"),
        ({}, {"open_positions": 3}, "risk_open_positions"),
        ({"stop": u("100")}, {}, "stop_wrong_side"),
        ({"take": u("100")}, {}, "take_wrong_side"),
        ({"stop": None}, {}, "stop_wrong_side"),
        ({"quantity": u("0.049")}, {}, "risk_min_notional"),
        ({"quantity": u("2.001")}, {}, "risk_position_notional"),
        ({"quantity": u("1")}, {"position_value": u("100.01")}, "risk_position_notional"),
        (
            {"quantity": u("10.001")},
            {"equity": u("1000000"), "opening_equity": u("1000000"), "cash": u("1000000")},
            "risk_position_notional",
        ),
        ({}, {"exposure": u("4800.01")}, "risk_exposure"),
        ({}, {"open_risk": u("496.01")}, "risk_daily_loss_budget"),
        ({}, {"cash": u("200.19")}, "risk_balance"),
    ],
)
def test_each_reason_alone(request_changes, state_changes, reason):
    request, state = replace(BUY, **request_changes), replace(STATE, **state_changes)
    assert assess(request, state, LIMITS).reason_code == reason


@pytest.mark.parametrize(
    "state_changes",
    [
        {"equity": u("9500.00000001")},
        {"open_positions": 2},
        {"open_positions": 9, "opens_position": False},
        {"exposure": u("4800")},
        {"open_risk": u("496")},
        {"cash": u("200.2")},
    ],
)
def test_the_edge_itself_is_allowed(state_changes):
    state = replace(STATE, **state_changes)
    quantity = u("1.9") if "equity" in state_changes else BUY.quantity
    request = replace(BUY, quantity=quantity)
    if "equity" in state_changes:
        # what is left of the day's loss is nothing: not even the stop's distance may be risked
        assert assess(request, state, LIMITS).reason_code is Reason.DAILY_LOSS_BUDGET
    else:
        assert assess(request, state, LIMITS).is_approved


@pytest.mark.parametrize("lock", ["", "no_new_entries", "reduce_only", "flatten", "halt"])
@pytest.mark.parametrize("is_halted", [False, True])
@pytest.mark.parametrize("age", [None, 99_999])
def test_an_exit_passes_every_lock_and_waits_for_its_price(lock, is_halted, age):
    state = replace(HOLDS, lock_level=lock, is_halted=is_halted, equity=u("1"), cash=0)
    request = replace(SELL, quote_age_ms=age, price=None if age is None else SELL.price)
    assert assess(request, state, LIMITS).is_approved


def test_a_sale_never_exceeds_what_is_held():
    request = replace(SELL, quantity=u("2.001"))
    assert assess(request, HOLDS, LIMITS).reason_code == "short_not_supported"
    exact = replace(request, is_reduce_only=True)
    assert assess(exact, HOLDS, LIMITS).reason_code == "reduce_only"
    assert assess(SELL, STATE, LIMITS).reason_code == "short_not_supported"


def test_dust_below_a_step_may_leave():
    state = replace(HOLDS, position_quantity=u("0.0005"))
    assert assess(replace(SELL, quantity=u("0.0005")), state, LIMITS).is_approved


def test_stops_are_attached_two_percent_below_and_three_times_above():
    assert stops_attached(u("100"), None, None, terms=TERMS, limits=LIMITS) == (u("98"), u("106"))
    assert stops_attached(u("100"), u("99"), None, terms=TERMS, limits=LIMITS) == (
        u("99"),
        u("103"),
    )
    # rounded down to the tick: 0.98 * 100.07 = 98.0686
    assert stops_attached(u("100.07"), None, u("200"), terms=TERMS, limits=LIMITS) == (
        u("98.06"),
        u("200"),
    )


def test_the_worst_price_keeps_the_position_within_its_cap():
    assert worst_price(BUY, STATE, LIMITS) == u("100")
    assert worst_price(replace(BUY, quantity=u("1")), STATE, LIMITS) == u("100.5")
    assert worst_price(replace(BUY, quantity=u("1.996")), STATE, LIMITS) == 10_020_040_080


money = st.integers(0, u("200000"))


@given(
    equity=money,
    lost=st.integers(0, u("600")),
    cash=money,
    held=money,
    exposure=money,
    risk=st.integers(0, u("600")),
    price=st.integers(1, 10**7).map(lambda n: n * u("0.01")),
    step=st.sampled_from([1, 10, 1_000, u("0.001"), u("1")]),
    is_market=st.booleans(),
)
def test_a_size_is_approved_and_a_step_more_is_not(
    equity, lost, cash, held, exposure, risk, price, step, is_market
):
    assume(price > u("1"))
    state = replace(
        STATE,
        equity=equity,
        opening_equity=equity + lost,
        cash=cash,
        position_value=held,
        exposure=exposure,
        open_risk=risk,
    )
    terms = replace(TERMS, step=step, min_quantity=step)
    stop, take = stops_attached(price, None, None, terms=terms, limits=LIMITS)
    request = replace(
        BUY, price=price, stop=stop, take=take, terms=terms, is_market=is_market, quantity=0
    )
    sizing = size(request, state, LIMITS)
    if sizing.quantity:
        assert sizing.quantity % step == 0
        assert assess(replace(request, quantity=sizing.quantity), state, LIMITS).is_approved
        if sizing.binding is not Reason.BALANCE:
            more = replace(request, quantity=sizing.quantity + step)
            assert not assess(more, state, LIMITS).is_approved
    else:
        smallest = max(step, 1)
        assert not assess(replace(request, quantity=smallest), state, LIMITS).is_approved or (
            sizing.binding is Reason.BALANCE
        )


def test_a_size_says_what_binds():
    free = replace(BUY, quantity=0)
    assert size(free, STATE, LIMITS).quantity == u("2")
    assert size(free, STATE, LIMITS).binding == "risk_position_notional"
    assert size(free, replace(STATE, open_positions=3), LIMITS).binding == "risk_open_positions"
    assert size(free, replace(STATE, cash=u("50")), LIMITS).binding == "risk_balance"
    assert size(free, replace(STATE, exposure=u("4900")), LIMITS).quantity == u("1")
    assert size(replace(free, price=None), STATE, LIMITS).binding == "no_fresh_quote"
