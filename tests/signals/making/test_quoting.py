"""Reservation price and quotes against the paper's formulas, calculated by hand."""

import math

import pytest

from signals.making import Grid, optimal_spread, quotes, reservation_price

# The parameters of the paper's simulations (section 3.3): s = 100, T = 1, sigma = 2, k = 1.5.
PAPER = {"volatility": 2.0, "order_flow_decay": 1.5}
UNIT = 10**8
GRID = Grid(tick=UNIT // 100, step=UNIT // 1000, min_quantity=UNIT // 1000)


def quoted(mid=10_000 * UNIT, inventory=0, **fields):
    values = {
        "volatility": 0.0,
        "risk_aversion": 0.0,
        "order_flow_decay": 0.1,  # the spread is 2 / k = 20 basis points
        "horizon_s": 60.0,
        "grid": GRID,
        "order_size": UNIT // 10,
        "max_inventory": UNIT // 2,
        "min_half_spread_ppm": 0,
    }
    return quotes(mid, inventory, **(values | fields))


@pytest.mark.parametrize(
    ("inventory", "left", "expected"),
    [
        (0, 1.0, 100.0),
        (1, 1.0, 99.6),  # 100 - 1 * 0.1 * 4 * 1
        (5, 1.0, 98.0),
        (-5, 1.0, 102.0),
        (5, 0.25, 99.5),
        (5, 0.0, 100.0),
    ],
)
def test_the_reservation_price_is_equation_29(inventory, left, expected):
    found = reservation_price(100.0, inventory, volatility=2.0, risk_aversion=0.1, horizon_s=left)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("risk_aversion", "left", "expected"),
    [
        # 2/0.1 * ln(1 + 0.1/1.5) = 20 * ln(16/15) = 20 * 0.0645385211
        (0.1, 0.0, 1.2907704227514),
        (0.1, 1.0, 1.6907704227514),  # + 0.1 * 4
        # 200 (1/150 - 1/(2 150^2) + 1/(3 150^3) - 1/(4 150^4)) = 1.32890854321 + 0.04
        (0.01, 1.0, 1.3689085432),
        (0.5, 1.0, 3.1507282898071),  # 4 * ln(4/3) = 1.1507282898 + 2
        (0.0, 1.0, 2 / 1.5),
    ],
)
def test_the_spread_is_equation_30(risk_aversion, left, expected):
    found = optimal_spread(risk_aversion=risk_aversion, horizon_s=left, **PAPER)
    assert found == pytest.approx(expected, abs=2e-9)


@pytest.mark.parametrize(("risk_aversion", "published"), [(0.1, 1.49), (0.01, 1.35)])
def test_the_mean_spread_of_a_day_is_that_of_the_papers_tables(risk_aversion, published):
    steps = 200  # dt = 0.005
    spreads = [
        optimal_spread(risk_aversion=risk_aversion, horizon_s=1 - i / steps, **PAPER)
        for i in range(steps)
    ]
    assert round(math.fsum(spreads) / steps, 2) == published


def test_without_aversion_the_quotes_lie_on_both_sides_of_the_mid():
    found = quoted(inventory=UNIT // 5)
    assert (found.mid, found.reservation) == (10_000 * UNIT, 10_000 * UNIT)
    assert (found.bid, found.ask) == (9_990 * UNIT, 10_010 * UNIT)
    assert (found.bid_size, found.ask_size) == (UNIT // 10, UNIT // 10)


def test_inventory_moves_both_quotes_down_by_its_risk():
    # Two orders held, 0.01 per bp, 2 bps per root second, 60 s: 2 * 0.01 * 4 * 60 = 4.8 bps.
    # The spread is 0.01 * 4 * 60 + 200 * ln(1 + 0.01/0.1) = 2.4 + 19.06203596086 bps.
    found = quoted(inventory=UNIT // 5, volatility=2.0, risk_aversion=0.01)
    assert found.reservation == 9_995_20 * UNIT // 100
    # half = 10.73101798043 bps of 10,000 = 10.73101798 -> outward to cents
    assert found.half_spread == 1_073_101_799
    assert found.bid == 9_984_46 * UNIT // 100
    assert found.ask == 10_005_94 * UNIT // 100


def test_prices_are_rounded_away_from_the_market():
    found = quoted(mid=10_000 * UNIT + UNIT // 300, inventory=UNIT // 10)
    # 10,000.00333 -+ 10.0000033: 9990.0033 down, 10010.0033 up
    assert (found.bid, found.ask) == (9_990 * UNIT, 10_010_01 * UNIT // 100)


def test_a_half_spread_is_never_less_than_the_fee_and_the_edge():
    found = quoted(inventory=UNIT // 10, order_flow_decay=100.0, min_half_spread_ppm=1_100)
    assert (found.bid, found.ask) == (9_989 * UNIT, 10_011 * UNIT)
    # A round trip at these prices earns the edge after both fees of 0.1 %.
    fees = (found.bid + found.ask) // 1_000
    assert found.ask - found.bid - fees == 2 * UNIT


def test_no_bid_at_most_inventory_and_no_ask_without_any():
    empty = quoted(inventory=0)
    assert (empty.ask, empty.ask_size) == (None, 0)
    assert empty.bid is not None
    full = quoted(inventory=UNIT // 2)
    assert (full.bid, full.bid_size) == (None, 0)
    assert full.ask_size == UNIT // 10
    assert quoted(inventory=UNIT).bid is None


def test_the_last_bid_only_fills_up_and_no_rest_is_left_to_sell():
    near = quoted(inventory=UNIT // 2 - UNIT // 50)
    assert near.bid_size == UNIT // 50
    # 0.1005 held, 0.1 an order: 0.0005 alone would be below the venue's minimum.
    odd = quoted(inventory=UNIT // 10 + UNIT // 2000)
    assert odd.ask_size == UNIT // 10 + UNIT // 2000
    assert quoted(inventory=UNIT // 2 - UNIT // 2000).bid is None


def test_a_quote_never_touches_the_other_side():
    found = quoted(
        inventory=UNIT // 2 - UNIT // 10,
        volatility=5.0,
        risk_aversion=0.05,
        best_bid=9_999 * UNIT,
        best_ask=10_001 * UNIT,
    )
    # 4 * 0.05 * 25 * 60 = 300 bps below: the ask stays a tick above the bid.
    assert found.ask == 9_999_01 * UNIT // 100
    assert found.bid < found.ask
    low = quoted(order_flow_decay=100.0, best_bid=9_980 * UNIT, best_ask=9_990 * UNIT)
    assert low.bid == 9_989_99 * UNIT // 100


@pytest.mark.parametrize(
    "wrong",
    [
        {"mid": math.nan},
        {"mid": 0},
        {"volatility": math.inf},
        {"volatility": -1.0},
        {"order_flow_decay": 0.0},
        {"risk_aversion": -0.1},
        {"inventory": -1},
    ],
)
def test_what_is_no_figure_is_refused(wrong):
    with pytest.raises(ValueError, match="quotes want"):
        quoted(**wrong)
