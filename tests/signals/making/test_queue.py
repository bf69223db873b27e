"""The place in the queue: by hand to the unit, against strict, and on a recorded book."""

import gzip
import json
import math
from dataclasses import replace
from decimal import Decimal
from itertools import accumulate

import pytest

from signals.making import Depth, FillModel, Parameters, Top, Trade, simulate
from signals.making.aftermath import Aftermath, aftermath, waits
from signals.making.queue import Cancels, Place
from signals.making.recorded import recorded
from tests.signals.making.test_simulator import (
    BTC,
    GRID,
    PLAIN,
    RECORDING,
    SMALL,
    START,
    UNIT,
    quiet,
    top,
    trade,
)
from tests.signals.real_bars import data_file

OURS = 9_990 * UNIT  # where the plain parameters let the bid rest


def depth(second, *bids, **flags):
    levels = tuple((int(price * UNIT), int(Decimal(size) * UNIT)) for price, size in bids)
    return Depth(START + round(second * 1000), bids=levels, **flags)


def run(events, parameters=PLAIN, **fields):
    told = {"maker_fee_ppm": 500, "model": FillModel.QUEUE} | fields
    return simulate(events, parameters, GRID, **told)


def begun(size="5"):
    """Twenty-five quiet seconds in which the book shows `size` where our bid joins."""
    return [depth(-1, (9_990, size), is_whole=True), *quiet()]


def told(report):
    return [(f.at_ms - START, f.quantity / UNIT, f.price == OURS) for f in report.fills]


class TestThePlace:
    def test_queue_ahead_trade_cancel_trade(self):
        place = Place(Cancels(), ahead=5, visible=5)
        assert place.take(3) == 0
        assert place.ahead == 2
        place.see(1)  # 3 of the 4 that are gone were traded: 1 was cancelled, all of it ahead
        assert place.ahead == 1
        assert place.take(2) == 1
        assert place.ahead == 0
        assert place.take(2) == 2

    def test_what_comes_later_stands_behind(self):
        place = Place(Cancels(), ahead=5, visible=5)
        place.see(15)
        assert place.ahead == 5
        # 6 of 15 are cancelled, 5 ahead and 10 behind: in proportion 2 and 4.
        place.see(9)
        assert place.ahead == 3
        assert place.take(4) == 1

    def test_the_share_behind_is_that_of_the_function(self):
        # By hand: n = 2: 10^2 / (10^2 + 5^2); log: ln 11 / (ln 11 + ln 6).
        assert Cancels(1.0).behind(5, 10) == pytest.approx(10 / 15, rel=1e-15)
        assert Cancels(2.0).behind(5, 10) == pytest.approx(100 / 125, rel=1e-15)
        logs = math.log(11), math.log(6)
        assert Cancels(None).behind(5, 10) == pytest.approx(logs[0] / sum(logs), rel=1e-15)
        assert Cancels(None, lot=1_000).behind(5_000, 10_000) == Cancels(None).behind(5, 10)
        for cancels in (Cancels(), Cancels(3.0), Cancels(None)):
            assert cancels.behind(0, 0) == 1.0
            assert cancels.behind(7, 0) == 0.0
            assert cancels.behind(0, 7) == 1.0
            assert cancels.behind(7, 7) == 0.5

    def test_a_cancellation_larger_than_what_is_behind_goes_on_ahead(self):
        place = Place(Cancels(3.0), ahead=10, visible=30)
        place.see(5)  # 25 gone; 8 / 9 of it from behind would be 22, but 20 are there: 5 ahead
        assert place.ahead == 5

    def test_a_part_of_a_unit_counts_against_the_order(self):
        place = Place(Cancels(), ahead=2, visible=3)
        place.see(2)  # a third of the one that is gone stood behind
        assert place.ahead == 2

    def test_what_vanishes_wholly_leaves_nobody_ahead(self):
        place = Place(Cancels(), ahead=5, visible=9)
        place.see(0)
        assert place.ahead == 0

    def test_a_place_that_is_not_known_fills_nothing_at_its_price(self):
        place = Place(Cancels())
        assert place.take(100) == 0
        place.see(7)
        assert (place.ahead, place.take(8)) == (7, 1)


class TestByHand:
    def test_the_queue_ahead_is_traded_and_cancelled_away(self):
        # 5 stand ahead. 3 are traded, 1 cancelled, 0.9 traded, then 0.14 and 1: ours are 0.1.
        events = [
            *begun(),
            trade(25, "9990", "3"),
            depth(25.1, (9_990, "1")),
            trade(25.2, "9990", "0.9"),
            trade(25.3, "9990", "0.14"),
            trade(25.4, "9990", "1"),
        ]
        report = run(events)
        assert told(report) == [(25_300, 0.04, True), (25_400, 0.06, True)]
        assert [f.ahead for f in report.fills] == [5 * UNIT] * 2
        # It joined with the first event after its 100 ms: quotes begin at 20 s.
        assert report.wait_ms == ((4_300 + 4_400) / 2, 4_400)
        assert report.path == ((START + 25_300, 4_000_000), (START + 25_400, 10_000_000))
        assert run(events, model=FillModel.STRICT).fills == ()

    def test_a_trade_by_a_buyer_takes_nothing_from_the_bids(self):
        by = [replace(trade(25, "9990", "9"), is_sell=flag) for flag in (False, True)]
        assert run([*begun(), by[0]]).fills == ()
        assert told(run([*begun(), by[1]])) == [(25_000, 0.1, True)]

    def test_a_better_priced_trade_fills_as_strict_does(self):
        events = [*begun("1000"), trade(25, "9989.99", "0.04"), trade(25.1, "9990", "0.05")]
        assert told(run(events)) == [(25_000, 0.04, True), (25_100, 0.05, True)]
        assert told(run(events, model=FillModel.STRICT)) == [(25_000, 0.04, True)]

    def test_a_quote_where_nobody_is_comes_first(self):
        assert told(run([*begun("0"), trade(25, "9990", "0.03")])) == [(25_000, 0.03, True)]

    def test_a_quote_that_moves_joins_at_the_end(self):
        # Ahead 5, 4 of them traded; the mid moves by 10, the bid to 9,999.99 behind 2.
        book = [depth(-1, (9_990, "5"), (10_000, "2"), is_whole=True), *quiet()]
        moved = [trade(25, "9990", "4"), *(top(25.5 + i, 10_009, 10_011) for i in range(3))]
        assert run([*book, *moved, trade(28.5, "9990", "9")]).fills != ()
        late = run([*book, *moved, trade(28.5, "10000", "2")])
        assert [f for f in late.fills if f.price == OURS] == []

    def test_latency_decides_who_stands_ahead(self):
        """Between decision and arrival seven more joined: they stand ahead."""
        joined = [
            depth(-1, (9_990, "1"), is_whole=True),
            *quiet(21),
            depth(20.05, (9_990, "8")),
            *(top(second, 9_999, 10_001) for second in range(21, 25)),
        ]
        trades = [trade(25, "9990", "1.5")]
        assert run([*joined, *trades]).fills == ()
        early = run([*joined, *trades], latency_ms=0)
        assert [f.quantity for f in early.fills] == [UNIT // 10]

    def test_a_book_that_is_lost_tells_no_place_until_it_is_known_again(self):
        lost = [depth(-1, (9_990, "1"), is_whole=True), depth(-0.5, is_lost=True), *quiet()]
        assert run([*lost, trade(25, "9990", "50")]).fills == ()
        again = [depth(24.5, (9_990, "2"), is_whole=True), trade(25, "9990", "2.05")]
        assert [f.quantity for f in run([*lost, *again]).fills] == [UNIT // 20]

    def test_without_depth_it_is_refused(self):
        with pytest.raises(ValueError, match="the stream has no depth"):
            run(quiet())


class TestAfterwards:
    def test_moves_are_signed_for_the_maker_and_weighed_by_quantity(self):
        times = [0, 500, 1_500, 12_000]
        mids = [100.0, 101.0, 99.0, 110.0]
        found = aftermath([(0, True, 3), (600, False, 1)], times, mids)
        # After 1 s: bought at 100, then 101: +1 %. Sold at 101, then 99: +2 / 101.
        wanted = (3 * 10_000 + 1 * 2 / 101 * 1_000_000) / 4
        assert found[1_000].fills == 2
        assert found[1_000].mean_ppm == pytest.approx(wanted, rel=1e-12)
        # After 10 s: 99 stands still at 10,000 and 10,600.
        wanted = (3 * -10_000 + 2 / 101 * 1_000_000) / 4
        assert found[10_000].mean_ppm == pytest.approx(wanted, rel=1e-12)
        assert found[60_000] == Aftermath(0, None)

    def test_waits(self):
        assert waits([]) is None
        assert waits([5, 1, 9]) == (5.0, 9)


@pytest.fixture(scope="module")
def lines():
    with gzip.open(data_file(RECORDING), "rt") as text:
        return text.readlines()


@pytest.fixture(scope="module")
def events(lines):
    return list(recorded(lines, "btcusdt"))


class TestOnARecordedBook:
    def test_the_depth_is_the_venue_s_at_every_best_price(self, lines, events):
        """After each diff the best bid and its size are those of the same update's ticker."""
        tickers = {}
        for line in lines:
            frame = json.loads(line.split(" ", 1)[1])
            if frame.get("stream") == "btcusdt@bookTicker":
                tickers[frame["data"]["u"]] = frame["data"]
        ids = [
            frame["data"]["u"]
            for line in lines
            if (frame := json.loads(line.split(" ", 1)[1])).get("stream") == "btcusdt@depth@100ms"
        ]
        bids, asks, same = {}, {}, 0
        depths = [one for one in events if isinstance(one, Depth)]
        assert depths[0].is_whole
        assert not any(one.is_lost or one.is_whole for one in depths[1:])
        for one, update in zip(depths[1:], ids[-len(depths) + 1 :], strict=True):
            if one is depths[1]:
                bids.update(depths[0].bids)
                asks.update(depths[0].asks)
            for side, changes in ((bids, one.bids), (asks, one.asks)):
                for price, size in changes:
                    side[price] = size
            if update in tickers:
                best = max(price for price, size in bids.items() if size)
                data = tickers[update]
                assert best == int(Decimal(data["b"]) * UNIT)
                assert bids[best] == int(Decimal(data["B"]) * UNIT)
                same += 1
        assert same > 300

    @pytest.mark.parametrize("cancels", [Cancels(), Cancels(3.0), Cancels(None, 1_000)])
    def test_queue_fills_at_least_what_strict_does(self, events, cancels):
        parameters = replace(SMALL, min_edge_bps=0.5)
        strict, queue = (
            simulate(events, parameters, BTC, maker_fee_ppm=0, model=model, cancels=cancels)
            for model in FillModel
        )
        assert sum(f.quantity for f in strict.fills) <= sum(f.quantity for f in queue.fills)
        assert queue.profit == queue.spread_captured + queue.inventory_profit - queue.fees

    @pytest.mark.parametrize("per_bps", [0.2, 0.5, 1.0, 2.0, 5.0])
    def test_one_resting_bid_is_never_filled_later_than_by_strict(self, events, per_bps):
        """The quote is made once and stays, so both models see the same order."""
        still = Parameters(
            100_000_000, 100_000_000, risk_aversion=0.0, order_flow_decay=per_bps,
            min_edge_bps=0.0, replace_bps=500.0, refresh_ms=60_000,
        )  # fmt: skip
        paths = []
        for model in FillModel:
            report = simulate(events, still, BTC, maker_fee_ppm=0, model=model)
            bought = [f for f in report.fills if f.is_buy]
            first = [f for f in bought if f.price == bought[0].price]
            sums = accumulate(f.quantity for f in first)
            paths.append([(f.at_ms, f.price, total) for f, total in zip(first, sums, strict=True)])
        strict, queue = paths
        assert queue[0][0] <= strict[0][0] if strict else True
        for at_ms, price, total in strict if queue and queue[0][1] == strict[0][1] else ():
            held = [much for when, same, much in queue if when <= at_ms and same == price]
            assert max(held, default=0) >= total

    def test_a_fill_at_the_price_itself_follows_what_stood_ahead(self, events):
        """Each such fill had at least as much traded at its price as was cancelled short of it."""
        report = simulate(
            events, replace(SMALL, min_edge_bps=0.5), BTC, maker_fee_ppm=0, model=FillModel.QUEUE
        )
        trades = [one for one in events if isinstance(one, Trade)]
        tops = [one for one in events if isinstance(one, Top)]
        seen = 0
        for fill in report.fills:
            crossed = [
                one
                for one in (*trades, *tops)
                if one.at_ms == fill.at_ms
                and (
                    (
                        isinstance(one, Trade)
                        and (one.price < fill.price) == fill.is_buy
                        and one.price != fill.price
                    )
                    or (
                        isinstance(one, Top)
                        and (one.ask < fill.price if fill.is_buy else one.bid > fill.price)
                    )
                )
            ]
            if crossed:
                continue
            seen += 1
            at_it = [one for one in trades if one.price == fill.price and one.at_ms == fill.at_ms]
            assert at_it
            assert all(one.is_sell is fill.is_buy for one in at_it)
            assert fill.quantity <= sum(one.quantity for one in at_it)
        assert seen > 0


def test_a_recording_whose_ids_jump_makes_the_book_unknown():
    def line(at_ms, frame):
        return f"{(START + at_ms) * 1_000_000} {json.dumps(frame)}"

    def diff(at_ms, first, last, price):
        data = {"U": first, "u": last, "b": [[price, "2.0"]], "a": []}
        return line(at_ms, {"stream": "btcusdt@depth@100ms", "data": data})

    snapshot = {"lastUpdateId": 10, "bids": [["99.5", "1.25"]], "asks": [["100.5", "3"]]}
    found = list(
        recorded(
            [
                diff(0, 9, 12, "99.1"),
                line(1, snapshot),
                diff(2, 13, 13, "99.2"),
                line(3, snapshot | {"lastUpdateId": 11}),
                diff(4, 15, 16, "99.3"),
                line(5, snapshot | {"lastUpdateId": 16}),
            ],
            "btcusdt",
        )
    )
    whole, change, lost, again = found
    best = ((int(99.5 * UNIT), UNIT * 5 // 4), (9_910_000_000, 2 * UNIT))
    assert whole == Depth(START + 1, best, ((10_050_000_000, 3 * UNIT),), is_whole=True)
    assert change == Depth(START + 2, ((9_920_000_000, 2 * UNIT),))
    assert lost == Depth(START + 4, is_lost=True)
    assert again.is_whole
    assert again.bids == (best[0],)
