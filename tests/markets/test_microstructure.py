"""Figures of an order book against sums made by hand, and against a recorded stream."""

import gzip
import json
import os
from pathlib import Path

import pytest

from markets.book import BookEvent, BookStep, LocalBook
from markets.microstructure import (
    CumulativeDelta,
    OrderFlow,
    Touch,
    book_metrics,
    cumulative,
    imbalance,
    imbalance_within,
    micro_price,
    touch_flow,
    voids_of,
)

DATA = Path(os.environ.get("MYSTIC_TEST_DATA", Path(__file__).parents[2] / "../shared/data"))
RECORDING = DATA / "orderbook/hftbacktest_spot_btcusdt_20240808.jsonl.gz"

BIDS = ((99.0, 3.0), (98.0, 1.0), (97.0, 2.0), (90.0, 4.0))
ASKS = ((101.0, 1.0), (102.0, 2.0), (103.0, 1.0), (104.0, 6.0))


def test_micro_price_leans_to_the_thinner_side():
    assert micro_price(99.0, 3.0, 101.0, 1.0) == 100.5
    assert micro_price(99.0, 1.0, 101.0, 1.0) == 100.0
    assert micro_price(99.0, 0.0, 101.0, 5.0) == 99.0
    with pytest.raises(ValueError, match="size"):
        micro_price(99.0, 0.0, 101.0, 0.0)


def test_imbalance_by_levels_and_by_distance():
    assert imbalance(BIDS, ASKS, 1) == 0.5
    assert imbalance(BIDS, ASKS, 2) == pytest.approx(1 / 7)
    assert imbalance(BIDS, ASKS, 10) == 0.0
    assert imbalance((), (), 5) is None
    assert imbalance_within(BIDS, ASKS, 0.02) == pytest.approx((4 - 3) / 7)
    assert imbalance_within(BIDS, ASKS, 0.001) is None
    assert imbalance_within((), ASKS, 0.1) is None


def test_metrics_of_a_book():
    found = book_metrics(BIDS, ASKS)
    assert (found.mid, found.spread, found.spread_bps) == (100.0, 2.0, 200.0)
    assert (found.micro_price, found.micro_offset) == (100.5, 0.005)
    assert (found.bid_depth, found.ask_depth, found.imbalance) == (10.0, 10.0, 0.0)
    # Three gaps are too few to say which is wide.
    assert found.void_below is None
    assert book_metrics((), ASKS) is None
    assert cumulative(ASKS) == [1.0, 3.0, 4.0, 10.0]


def test_a_void_is_a_gap_much_wider_than_the_median_one():
    # Gaps 1, 1, 5, 1, 4: the median is 1, so 5 is a void and 4 is not.
    asks = ((101.0, 1.0), (102.0, 2.0), (103.0, 1.0), (108.0, 6.0), (109.0, 1.0), (113.0, 1.0))
    (void,) = voids_of(asks, 100.0)
    assert (void.near, void.far, void.depth) == (103.0, 108.0, 4.0)
    assert (void.distance, void.width) == (0.03, 0.05)
    bids = tuple((200.0 - price, quantity) for price, quantity in asks)
    (below,) = voids_of(bids, 100.0)
    assert (below.near, below.far, below.depth) == (97.0, 92.0, 4.0)
    both = book_metrics(bids, asks)
    assert (both.void_below, both.void_above) == (below, void)
    assert voids_of(asks[:3], 100.0) == []


def test_a_void_of_exactly_five_ticks_is_seen_in_floats():
    prices = (0.1, 0.2, 0.3, 0.8, 0.9, 1.0)
    assert [(one.near, one.far) for one in voids_of([(p, 1.0) for p in prices], 0.05)] == [
        (0.3, 0.8)
    ]


@pytest.mark.parametrize(
    ("after", "flow"),
    [
        ((99.0, 7.0, 101.0, 4.0), 2.0),  # two more bid at the same price
        ((99.5, 1.0, 101.0, 4.0), 1.0),  # a higher bid: all of it is new
        ((98.5, 9.0, 101.0, 4.0), -5.0),  # the bid went: all that was there is gone
        ((99.0, 5.0, 101.0, 6.0), -2.0),  # two more offered
        ((99.0, 5.0, 100.5, 3.0), -3.0),  # a lower offer
        ((99.0, 5.0, 101.5, 8.0), 4.0),  # the offer was taken
        ((99.0, 5.0, 101.0, 4.0), 0.0),
    ],
)
def test_order_flow_of_one_change(after, flow):
    assert touch_flow(Touch(99.0, 5.0, 101.0, 4.0), Touch(*after)) == flow


def test_order_flow_adds_up_and_never_bridges_a_cut():
    flow = OrderFlow()
    assert flow.add(Touch(99.0, 5.0, 101.0, 4.0)) == 0.0
    flow.add(Touch(99.0, 7.0, 101.0, 4.0))
    flow.add(Touch(99.0, 7.0, 101.0, 1.0))
    assert (flow.value, flow.changes) == (5.0, 2)
    flow.cut()
    flow.add(Touch(50.0, 100.0, 51.0, 1.0))
    assert flow.value == 5.0
    flow.restart()
    flow.add(Touch(50.0, 90.0, 51.0, 1.0))
    assert flow.value == -10.0


def test_cumulative_delta_begins_anew_at_midnight_and_after_a_cut():
    day = 86_400_000
    delta = CumulativeDelta()
    delta.add(2.0, is_sell=False, as_of_ms=day - 2)
    delta.add(0.5, is_sell=True, as_of_ms=day - 1)
    assert (delta.value, delta.since_ms) == (1.5, day - 2)
    delta.add(1.0, is_sell=True, as_of_ms=day + 5)
    assert (delta.value, delta.since_ms) == (-1.0, day + 5)
    delta.cut()
    assert (delta.value, delta.since_ms) == (0.0, None)
    delta.add(3.0, is_sell=False, as_of_ms=day + 9)
    assert (delta.value, delta.since_ms) == (3.0, day + 9)


def levels(rows):
    return [(float(price), float(quantity)) for price, quantity in rows]


@pytest.fixture(scope="module")
def frames():
    if not RECORDING.exists():
        pytest.skip("the recording is not here")
    with gzip.open(RECORDING, "rt") as file:
        return [json.loads(line.split(" ", 1)[1]) for line in file]


def events(frames):
    return [
        BookEvent(d["U"], d["u"], levels(d["b"]), levels(d["a"]))
        for d in (f["data"] for f in frames if f.get("stream") == "btcusdt@depth@100ms")
    ]


def snapshot(frames):
    found = next(frame for frame in frames if "lastUpdateId" in frame)
    return found["lastUpdateId"], levels(found["bids"]), levels(found["asks"])


def test_recorded_books_are_measured_as_the_definitions_say(frames):
    book = LocalBook()
    measured = 0
    for number, event in enumerate(events(frames)):
        book.apply(event)
        if number == 5:
            book.load(*snapshot(frames))
        bids, asks = book.view(20)
        found = book_metrics(bids, asks)
        if found is None:
            continue
        (bid, bid_size), (ask, ask_size) = bids[0], asks[0]
        mid = (bid + ask) / 2
        assert bid < found.micro_price < ask
        assert found.micro_price == pytest.approx(
            (bid * ask_size + ask * bid_size) / (bid_size + ask_size), rel=1e-12
        )
        low, high = sum(q for _, q in bids[:10]), sum(q for _, q in asks[:10])
        assert found.imbalance == pytest.approx((low - high) / (low + high), abs=1e-12)
        assert found.spread_bps == pytest.approx((ask - bid) / mid * 1e4)
        for side, void in ((bids, found.void_below), (asks, found.void_above)):
            assert void == next(iter(voids_of(side, mid)), None)
        measured += 1
    assert measured > 3_000


def test_a_book_with_a_planted_gap_agrees_again_after_its_resynchronisation(frames):
    """The second snapshot is a copy of a book that heard everything, as a venue would give it."""
    tickers = {
        f["data"]["u"]: tuple(float(f["data"][key]) for key in "bBaA")
        for f in frames
        if f.get("stream") == "btcusdt@bookTicker"
    }
    whole, cut = LocalBook(), LocalBook()
    steps, compared, asked_at = [], 0, None
    for number, event in enumerate(events(frames)):
        whole.apply(event)
        if number == 1000:
            continue
        step = cut.apply(event)
        if number == 5:
            whole.load(*snapshot(frames))
            cut.load(*snapshot(frames))
        if step is BookStep.LOST:
            steps.append(number)
            asked_at = number + 4
            assert cut.view(1) == ((), ())
        if number == asked_at:
            assert cut.load(whole.update_id, *whole.view(5_000)) is BookStep.SYNCED
        if cut.is_synced:
            bids, asks = cut.view(1)
            assert bids[0][0] < asks[0][0]
            if number > 1000 and cut.update_id in tickers:
                assert (*bids[0], *asks[0]) == tickers[cut.update_id]
                compared += 1
    assert steps == [1001]
    assert compared > 300
    assert cut.view(20) == whole.view(20)


def test_recorded_order_flow_moves_with_the_price(frames):
    """Over ten-second spans the flow explains the price, as the paper finds; R2 0.65 there."""
    numpy = pytest.importorskip("numpy")
    spans: dict[int, list[float]] = {}
    flow = OrderFlow()
    clock = None
    for frame in frames:
        data = frame.get("data", {})
        clock = data.get("E", clock)
        if frame.get("stream") != "btcusdt@bookTicker" or clock is None:
            continue
        touch = Touch(*(float(data[key]) for key in "bBaA"))
        span = spans.setdefault(clock // 10_000, [0.0, (touch.bid + touch.ask) / 2, 0.0])
        span[0] += flow.add(touch)
        span[2] = (touch.bid + touch.ask) / 2
    flows = [span[0] for span in spans.values()]
    moves = [span[2] - span[1] for span in spans.values()]
    assert len(flows) >= 20
    assert numpy.corrcoef(flows, moves)[0, 1] > 0.5


def test_a_spread_has_the_digits_of_the_venue():
    assert book_metrics(((61685.99, 1.0),), ((61686.0, 1.0),)).spread == 0.01
