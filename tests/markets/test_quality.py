"""What is refused at the door, and with which reason."""

from dataclasses import replace

import pytest

from markets.quality import (
    Refusals,
    bar_fault,
    levels_fault,
    quote_fault,
    trade_fault,
)
from markets.types import Bar, Origin

NAN, INF = float("nan"), float("inf")
GOOD = Bar(1, 60, 1_700_000_040, 10.0, 12.0, 9.0, 11.0, 5.0, 3, "binance", Origin.LIVE, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"volume": 0.0}, None),
        ({"open": NAN}, "not_a_number"),
        ({"high": INF}, "not_a_number"),
        ({"low": 0.0}, "price_not_positive"),
        ({"close": -1.0}, "price_not_positive"),
        ({"high": 8.0, "open": 8.0, "close": 8.0}, "high_below_low"),
        ({"close": 12.5}, "close_outside_range"),
        ({"open": 8.5}, "close_outside_range"),
        ({"volume": -0.1}, "quantity_negative"),
        ({"volume": NAN}, "not_a_number"),
        ({"high": 1e16}, "absurd"),
        ({"open_time": 1_700_000_041}, "off_grid"),
        ({"open_time": -60}, "off_grid"),
        ({"open_time": 1_700_000_400}, "in_the_future"),
    ],
)
def test_bar_fault(change, reason):
    assert bar_fault(replace(GOOD, **change), venue_now=1_700_000_100) == reason


@pytest.mark.parametrize(
    ("quote", "reason"),
    [
        ((99.0, 1.0, 100.0, 1.0), None),
        ((99.0, 0.0, 100.0, 0.0), None),
        ((100.0, 1.0, 100.0, 1.0), "crossed"),
        ((101.0, 1.0, 100.0, 1.0), "crossed"),
        ((NAN, 1.0, 100.0, 1.0), "not_a_number"),
        ((0.0, 1.0, 100.0, 1.0), "price_not_positive"),
        ((99.0, -1.0, 100.0, 1.0), "quantity_negative"),
    ],
)
def test_quote_fault(quote, reason):
    assert quote_fault(*quote) == reason


def test_trade_and_level_faults():
    assert trade_fault(1.0, 1.0) is None
    assert trade_fault(1.0, 0.0) == "quantity_nought"
    assert levels_fault([(1.0, 0.0), (2.0, 1.0)]) is None
    assert levels_fault([(1.0, 1.0), (-2.0, 1.0)]) == "price_not_positive"


def test_refusals_are_counted_by_reason():
    refusals = Refusals()
    for reason in ("crossed", "crossed", "absurd"):
        refusals.add(reason)
    assert refusals.as_dict() == {"refused_crossed": 2, "refused_absurd": 1}
