"""Volatility, order flow, parameters and the reasons to show nothing, by hand."""

import math

import pytest

from markets.microstructure import Void
from signals.making import (
    Grid,
    Hold,
    Maker,
    MarketNow,
    OrderFlowDecay,
    Parameters,
    ParametersError,
    Volatility,
    withdrawal,
)

UNIT = 10**8
START = 1_700_000_000_000


def test_a_steady_move_has_its_own_volatility():
    one = Volatility(memory_s=60.0)
    for i in range(20):
        one.add(100.0 * math.exp(0.001 * i), START + 1000 * i)
    assert one.bps is None  # nineteen changes are too few
    one.add(100.0 * math.exp(0.001 * 20), START + 20_000)
    # Each second 0.001 squared: ten basis points per root second, however it is weighted.
    assert one.bps == pytest.approx(10.0, rel=1e-12)


def test_the_average_is_exponential_in_time_and_knows_gaps():
    one = Volatility(memory_s=10.0)
    at, mid, top, bottom = START, 100.0, 0.0, 0.0
    one.add(mid, at)
    steps = [(1, 0.002), (3, -0.001), (1, 0.0), (2, 0.004)] * 5
    for seconds, change in steps:
        at, mid = at + 1000 * seconds, mid * math.exp(change)
        one.add(mid, at)
        # The definition itself: sums of weighted rates and weights, both decaying.
        kept = math.exp(-seconds / 10.0)
        top = top * kept + (1 - kept) * change**2 / seconds
        bottom = bottom * kept + (1 - kept)
    assert one.bps == pytest.approx(math.sqrt(top / bottom) * 10_000, rel=1e-12)


def test_mids_within_a_second_and_after_a_cut_change_nothing():
    one, same = Volatility(60.0), Volatility(60.0)
    for i in range(25):
        mid = 100.0 + i % 3
        one.add(mid, START + 1000 * i)
        one.add(999.0, START + 1000 * i + 999)
        same.add(mid, START + 1000 * i)
    assert one.bps == same.bps
    one.cut()
    one.add(5_000.0, START + 30_000)
    assert one.bps == same.bps


def test_order_flow_decay_is_one_by_the_mean_reach():
    flow = OrderFlowDecay(memory_s=300.0)
    for i in range(10):
        second = START + 1000 * i
        flow.add(10_000.0, 10_000.0, second)  # at the mid: reaches nothing
        flow.add(10_003.0, 10_000.0, second + 10)  # 3 bps above
        flow.add(10_002.0, 10_002.9, second + 20)  # nearer: the second's own mid counts
        flow.add(9_999.0, 10_000.0, second + 30)  # 1 bp below
    assert flow.per_bps is None  # the last second still runs: 18 reaches
    for i in (10, 11):
        flow.add(10_003.0, 10_000.0, START + 1000 * i)
        flow.add(9_999.0, 10_000.0, START + 1000 * i)
    assert flow.per_bps == pytest.approx(1 / 2.0, rel=1e-12)


def test_order_flow_decay_forgets():
    flow = OrderFlowDecay(memory_s=30.0)
    for i in range(30):
        flow.add(10_050.0, 10_000.0, START + 1000 * i)
    for i in range(30, 61):
        flow.add(10_004.0, 10_000.0, START + 1000 * i)
    assert flow.per_bps == pytest.approx(1 / 4.0, rel=1e-9)


QUIET = {
    "max_age_ms": 3_000,
    "volatility": 2.0,
    "recent_volatility": 8.0,
    "order_flow_decay": 0.5,
    "spike": 4.0,
}


def now(**fields):
    values = {"at_ms": START, "bid": 9_999 * UNIT, "ask": 10_001 * UNIT}
    return MarketNow(**(values | fields))


@pytest.mark.parametrize(
    ("market", "known", "reason"),
    [
        (now(), {}, None),
        (None, {}, Hold.NO_QUOTE),
        (now(age_ms=3_001), {}, Hold.STALE),
        (now(age_ms=3_000), {}, None),
        (now(bid=10_001 * UNIT), {}, Hold.CROSSED),
        (now(bid=0), {}, Hold.CROSSED),
        (now(pause_reason="Sources disagree"), {}, Hold.SOURCES_DISAGREE),
        (now(closed_reason="The market is closed"), {}, Hold.CLOSED),
        (now(), {"volatility": None}, Hold.WARMING_UP),
        (now(), {"order_flow_decay": None}, Hold.WARMING_UP),
        (now(), {"recent_volatility": 8.001}, Hold.SPIKE),
        (now(), {"recent_volatility": 0.0, "volatility": 0.0}, None),
    ],
)
def test_quotes_are_withdrawn(market, known, reason):
    assert withdrawal(market, **(QUIET | known)) == reason


@pytest.fixture
def maker():
    """A maker that has seen twenty-five quiet seconds; it wants 10 bps on each side."""
    parameters = Parameters(
        UNIT // 10, UNIT // 2, risk_aversion=0.0, order_flow_decay=0.1, min_edge_bps=0.0
    )
    grid = Grid(UNIT // 100, UNIT // 1000, UNIT // 1000)
    found = Maker(parameters, grid, maker_fee_ppm=500, max_age_ms=3_000)
    for i in range(25):
        found.on_mid(10_000.0 * UNIT, START + 1000 * i)
    return found


def void(distance_bps, width_bps):
    return Void(0.0, 0.0, distance_bps / 10_000, width_bps / 10_000, 1.0)


@pytest.mark.parametrize(
    ("below", "above", "bid", "ask", "holds"),
    [
        (None, None, 9_990, 10_010, ()),
        (void(2, 6), None, None, 10_010, (Hold.VOID_BELOW,)),
        (None, void(2, 6), 9_990, None, (Hold.VOID_ABOVE,)),
        (void(2, 6), void(2, 6), None, None, (Hold.VOID_BELOW, Hold.VOID_ABOVE)),
        (void(11, 6), void(11, 6), 9_990, 10_010, ()),  # beyond the quotes
        (void(2, 4), void(2, 4), 9_990, 10_010, ()),  # too narrow
    ],
)
def test_a_void_takes_its_own_side(maker, below, above, bid, ask, holds):
    market = now(at_ms=START + 25_000, void_below=below, void_above=above)
    wanted = maker.wanted(market, UNIT // 10)
    found = tuple(None if p is None else p // UNIT for p in (wanted.bid, wanted.ask))
    assert found == (bid, ask)
    assert wanted.holds == holds


def test_a_burst_withdraws_both_sides_until_it_is_over(maker):
    maker.on_mid(10_000.0 * UNIT * math.exp(0.001), START + 25_000)
    # Its seconds: (1 - e^-0.1) of 100 squared bps against (1 - e^-1/300): the root of about 14.
    assert maker.wanted(now(at_ms=START + 25_000), 0).holds == ()
    quiet = Maker(maker.parameters, maker._grid, maker_fee_ppm=500, max_age_ms=3_000)
    for i in range(250):
        quiet.on_mid(10_000.0 * UNIT, START + 1000 * i)
    quiet.on_mid(10_000.0 * UNIT * math.exp(0.001), START + 250_000)
    assert quiet.wanted(now(at_ms=START + 250_000), 0).holds == (Hold.SPIKE,)
    for i in range(251, 290):
        quiet.on_mid(10_000.0 * UNIT * math.exp(0.001), START + 1000 * i)
    assert quiet.wanted(now(at_ms=START + 290_000), 0).holds == ()


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"order_size": 0}, "order_size"),
        ({"max_inventory": 9}, "max_inventory"),
        ({"risk_aversion": -1.0}, "risk_aversion"),
        ({"horizon_s": math.nan}, "horizon_s"),
        ({"refresh_ms": 100}, "refresh_ms"),
        ({"order_flow_decay": 0.0}, "order_flow_decay"),
    ],
)
def test_parameters_without_sense_are_refused(fields, name):
    with pytest.raises(ParametersError) as fault:
        Parameters(**({"order_size": 10, "max_inventory": 10} | fields))
    assert fault.value.name == name
