"""The simulator: a stream written by hand to the unit, and a recorded one that must add up."""

import gzip
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from signals.making import Grid, Hold, Parameters, Top, Trade, simulate
from signals.making.recorded import recorded
from tests.signals.real_bars import data_file

UNIT = 10**8
CENT = UNIT // 100
START = 1_700_000_000_000
GRID = Grid(tick=CENT, step=UNIT // 1000, min_quantity=UNIT // 1000)
# No aversion and k = 0.1 per bp: 10 bps on each side of the mid.
PLAIN = Parameters(UNIT // 10, UNIT // 5, risk_aversion=0.0, order_flow_decay=0.1, min_edge_bps=0.0)


def top(second, bid, ask, size="1"):
    units = int(Decimal(size) * UNIT)
    return Top(START + round(second * 1000), bid * UNIT, units, ask * UNIT, units)


def trade(second, price, size="1"):
    at_ms = START + round(second * 1000)
    return Trade(at_ms, int(Decimal(price) * UNIT), int(Decimal(size) * UNIT))


def quiet(seconds=25):
    return [top(second, 9_999, 10_001) for second in range(seconds)]


def run(events, parameters=PLAIN, **fields):
    return simulate(events, parameters, GRID, **({"maker_fee_ppm": 500} | fields))


def test_a_round_trip_is_counted_to_the_unit():
    # Both quotes wait at 9,990 and, once something is held, 10,010.
    report = run(
        [
            *quiet(),
            trade(25, "9990"),  # at our price: others came first
            trade(25.1, "9989.99", "0.04"),  # beyond it, but only so much
            trade(25.2, "9989.99"),
            top(26, 9_999, 10_001),
            trade(27, "10010"),
            trade(27.1, "10010.01"),
            top(28, 9_999, 10_001),
        ]
    )
    told = [(f.is_buy, f.quantity, f.price) for f in report.fills]
    assert told == [
        (True, UNIT * 4 // 100, 9_990 * UNIT),
        (True, UNIT * 6 // 100, 9_990 * UNIT),
        (False, UNIT // 10, 10_010 * UNIT),
    ]
    assert report.inventory == 0
    # 0.1 * 20 between the prices; fees 0.05 % of 399.6, 599.4 and 1,001.
    assert report.spread_captured == 2 * UNIT
    assert report.inventory_profit == 0
    assert report.fees == 19_980_000 + 29_970_000 + 50_050_000
    assert report.profit == UNIT * 2 - 100_000_000


def test_what_is_bought_before_a_fall_loses_in_the_inventory():
    one = replace(PLAIN, max_inventory=PLAIN.order_size)
    report = run([*quiet(), trade(25, "9980"), top(26, 9_899, 9_901)], one)
    (fill,) = report.fills
    assert (fill.price, fill.mid, fill.spread) == (9_990 * UNIT, 10_000 * UNIT, UNIT)
    # 0.1 held: bought 10 below the mid, which then fell by 100.
    assert report.inventory == UNIT // 10
    assert report.spread_captured == UNIT
    assert report.inventory_profit == -10 * UNIT
    assert report.fees == 49_950_000
    assert report.profit == -9 * UNIT - 49_950_000


def test_an_offer_below_the_bid_fills_it_once_as_far_as_it_is_shown():
    report = run([*quiet(), top(25, 9_980, 9_985, "0.03")])
    assert [(f.is_buy, f.quantity) for f in report.fills] == [(True, UNIT * 3 // 100)]
    assert run([*quiet(), top(25, 9_980, 9_990, "0.03")]).fills == ()


def test_inventory_stays_within_its_bounds():
    falls = [trade(25 + i * 1.5, "9000") for i in range(8)]
    report = run([*quiet(), *falls])
    assert report.inventory == UNIT // 5
    assert [f.quantity for f in report.fills] == [UNIT // 10, UNIT // 10]
    assert run([*quiet(), trade(25, "11000")]).fills == ()


def test_a_quote_takes_time_to_arrive_and_the_old_one_is_hit_meanwhile():
    moved = [*quiet(), top(25, 9_949, 9_951)]
    # Decided at 25.0 s, there at 25.1 s: until then 9,990 stands, which is offered at 9,951.
    assert [f.price for f in run(moved).fills] == [9_990 * UNIT]
    late = run([*quiet(21), trade(20.05, "9000"), trade(20.2, "9000")])
    assert [f.at_ms - START for f in late.fills] == [20_200]


def test_nothing_is_quoted_on_what_is_old_or_crossed():
    gap = run([*quiet(), trade(28.2, "9000")])
    assert gap.fills == ()
    assert gap.holds[Hold.STALE] == 1
    crossed = run([*quiet(), top(25, 10_002, 10_001), trade(25.2, "9000")])
    assert crossed.fills == ()
    assert crossed.holds[Hold.CROSSED] == 1
    assert run(quiet()).holds == {Hold.WARMING_UP: 20}


def test_a_quote_that_is_near_enough_keeps_its_place():
    drift = [top(25 + i, 9_999, 10_001) for i in range(5)]
    still = run([*quiet(), *drift])
    assert still.placed == 1
    moving = [top(25 + i, 10_009, 10_011) for i in range(5)]
    assert run([*quiet(), *moving]).placed == 2


def test_a_stream_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="runs backwards"):
        run([top(1, 9_999, 10_001), top(0, 9_999, 10_001)])
    with pytest.raises(ValueError, match="no best prices"):
        run([trade(0, "1")])
    with pytest.raises(ValueError, match="line 2 is not"):
        list(recorded(['1 {"stream": "x"}', "nonsense"], "btcusdt"))


RECORDING = "orderbook/hftbacktest_spot_btcusdt_20240808.jsonl.gz"
BTC = Grid(tick=CENT, step=1_000, min_quantity=1_000)
SMALL = Parameters(100_000, 300_000, min_edge_bps=0.0, replace_bps=0.5)


@pytest.fixture(scope="module")
def lines():
    with gzip.open(data_file(RECORDING), "rt") as text:
        return text.readlines()


@pytest.fixture(scope="module")
def events(lines):
    return list(recorded(lines, "btcusdt"))


@pytest.mark.parametrize("fee_ppm", [1_000, 200, 0])
def test_on_a_recorded_stream_money_adds_up(events, fee_ppm):
    report = simulate(events, SMALL, BTC, maker_fee_ppm=fee_ppm)
    assert report.fills
    cash = inventory = 0
    for fill in report.fills:
        sign = 1 if fill.is_buy else -1
        # 8 + 8 - 8 decimal places: paid is rounded up, received down.
        product = fill.quantity * fill.price
        notional = -(-product // UNIT) if fill.is_buy else product // UNIT
        assert fill.notional == notional
        assert fill.fee == -(-notional * fee_ppm // 1_000_000)
        cash -= sign * notional + fill.fee
        inventory += sign * fill.quantity
        assert 0 <= inventory <= SMALL.max_inventory
        assert sign * (fill.mid - fill.price) >= 0 or inventory < SMALL.max_inventory
    last = next(e for e in reversed(events) if isinstance(e, Top))
    held = inventory * ((last.bid + last.ask) // 2) // UNIT
    assert report.inventory == inventory
    assert report.profit == cash + held
    assert report.profit == report.spread_captured + report.inventory_profit - report.fees
    assert 345 < report.seconds < 347


def test_each_fill_of_the_recorded_stream_was_strictly_crossed(lines, events):
    report = simulate(events, SMALL, BTC, maker_fee_ppm=0)
    frames = {}
    for line in lines:
        at_ns, text = line.split(" ", 1)
        frame = json.loads(text)
        if frame.get("stream", "").endswith(("@trade", "@bookTicker")):
            frames.setdefault(int(at_ns) // 1_000_000, []).append(frame["data"])
    for fill in report.fills:
        price = Decimal(fill.price) / UNIT
        seen = frames[fill.at_ms]
        if fill.is_buy:
            low = min(min(Decimal(f[n]) for n in ("p", "a") if n in f) for f in seen)
            assert low < price
        else:
            high = max(max(Decimal(f[n]) for n in ("p", "b") if n in f) for f in seen)
            assert high > price


def test_the_recorded_stream_gives_every_best_price_and_trade(lines, events):
    tickers = sum('"btcusdt@bookTicker"' in line for line in lines)
    trades = sum('"btcusdt@trade"' in line for line in lines)
    assert sum(isinstance(e, Top) for e in events) == tickers == 28_040
    assert sum(isinstance(e, Trade) for e in events) == trades == 9_757
