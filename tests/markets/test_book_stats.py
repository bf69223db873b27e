"""A minute of an order book as a row, and what the socket and the API tell of it now."""

import gzip
import json
import os
from dataclasses import fields
from pathlib import Path

import pytest

from markets import live
from markets.events import BookChanged, BookLost, QuoteChanged, TradeSeen
from markets.models import BookStat
from markets.quotes import store
from markets.replay.files import tape_open
from markets.replay.server import ReplayServer, ReplayThread
from markets.services.book_stats import BookMinute, book_stats_write
from markets.streaming import Streamer
from markets.streaming.book_stats import BookStats
from markets.types import BookView, Quote, TradeTick
from mystic.lib import clock
from mystic.lib.live import hub
from tests.markets.scripted import until
from tests.memory import newest

DATA = Path(os.environ.get("MYSTIC_TEST_DATA", Path(__file__).parents[2] / "../shared/data"))
FRAMES = DATA / "orderbook/hftbacktest_spot_btcusdt_20240808.jsonl.gz"
MINUTE = 1_700_000_040  # epoch seconds, a whole minute
BIDS = ((99.0, 3.0), (98.0, 1.0))
ASKS = ((101.0, 1.0), (102.0, 3.0))


def view_of(key, bids, asks, ms, mono):
    return BookView(
        instrument_id=key,
        bids=bids,
        asks=asks,
        update_id=30,
        source="binance",
        is_official=True,
        as_of_ms=ms,
        received_at_ms=ms,
        received_mono_ms=mono,
    )


class Line:
    """Speaks to a `BookStats` as the stream does; `at` is in seconds after the first minute."""

    def __init__(self, key=1):
        self.stats = BookStats()
        self.key = key
        self.mono = clock.monotonic_ms()

    def book(self, at, bids=BIDS, asks=ASKS, pause_ms=100):
        self.mono += pause_ms
        ms = int((MINUTE + at) * 1000)
        self.stats.on_book(BookChanged(view_of(self.key, bids, asks, ms, self.mono)))

    def quote(self, bid, bid_size, ask, ask_size, source="binance"):
        quote = Quote(
            instrument_id=self.key,
            bid=bid,
            bid_size=bid_size,
            ask=ask,
            ask_size=ask_size,
            last=None,
            source=source,
            is_official=True,
            as_of_ms=None,
            received_at_ms=0,
            received_mono_ms=0,
        )
        self.stats.on_quote(QuoteChanged(quote))

    def trade(self, at, quantity, *, is_sell):
        ms = int((MINUTE + at) * 1000)
        tick = TradeTick(self.key, 1, 100.0, quantity, is_sell, "binance", ms, ms)
        self.stats.on_trade(TradeSeen(tick))

    def lost(self):
        self.stats.on_lost(BookLost(self.key))

    def rows(self):
        self.stats.take()
        return {row.open_time - MINUTE: row for row in self.stats.take()}


@pytest.fixture
def line():
    yield Line()
    store.clear()


def test_a_whole_minute_is_its_means_and_sums(line):
    line.book(-1)  # the minute in which listening begins is not whole
    line.quote(99.0, 3.0, 101.0, 1.0)
    line.book(1)
    line.quote(99.0, 5.0, 101.0, 1.0)  # +2
    line.quote(99.0, 5.0, 101.0, 4.0)  # -3
    line.trade(5, 0.5, is_sell=False)
    line.trade(6, 2.0, is_sell=True)
    line.book(10, bids=((99.5, 1.0), (98.0, 1.0)), asks=((100.5, 1.0), (102.0, 3.0)))
    line.book(61)
    row = line.rows()[0]
    assert row.samples == 2
    assert row.spread == pytest.approx((0.02 + 0.01) / 2)
    assert row.imbalance == pytest.approx((0.0 + -2 / 6) / 2)
    assert row.micro_offset == pytest.approx((0.005 + 0.0) / 2)
    assert (row.bid_depth, row.ask_depth) == (3.0, 4.0)
    assert row.order_flow_imbalance == -1.0
    assert (row.buy_volume, row.sell_volume) == (0.5, 2.0)
    assert (row.void_above, row.void_below, row.source) == (None, None, "binance")


def test_of_a_minute_that_was_not_heard_whole_no_sum_is_told(line):
    line.book(1)
    line.trade(2, 1.0, is_sell=True)
    line.book(61)
    line.trade(62, 1.0, is_sell=True)
    line.lost()
    line.book(70)
    line.book(121)
    line.book(181)
    rows = line.rows()
    assert [rows[at].sell_volume for at in (0, 60, 120)] == [None, None, 0.0]
    assert [rows[at].order_flow_imbalance for at in (0, 60, 120)] == [None, None, 0.0]
    assert [rows[at].samples for at in (0, 60, 120)] == [1, 2, 1]


def test_a_cut_over_several_minutes_spoils_the_one_it_ends_in(line):
    line.book(-60)
    line.book(1)
    line.lost()  # told when the line is back
    line.book(130)
    line.book(181)
    line.book(241)
    rows = line.rows()
    assert sorted(rows) == [-60, 0, 120, 180]
    assert [rows[at].buy_volume for at in (0, 120, 180)] == [None, None, 0.0]


def test_a_late_trade_spoils_its_minute_and_is_not_lost_silently(line):
    line.book(-60)
    line.book(1)
    line.book(61)
    line.trade(59.9, 5.0, is_sell=False)
    assert line.rows()[0].buy_volume is None


def test_trades_without_a_side_give_no_volume_by_side(line):
    line.book(-60)
    line.trade(1, 1.0, is_sell=None)
    line.book(2)
    line.trade(3, 1.0, is_sell=True)
    line.trade(61, 1.0, is_sell=None)
    line.book(121)
    rows = line.rows()
    assert sorted(rows) == [-60, 0]  # the last one had neither a book nor sides
    assert (rows[0].buy_volume, rows[0].sell_volume, rows[0].samples) == (None, None, 1)
    assert (rows[0].spread, rows[0].order_flow_imbalance) == (0.02, 0.0)


def test_another_source_is_another_thread(line):
    line.book(-60)
    line.quote(99.0, 3.0, 101.0, 1.0)
    line.book(1)
    line.quote(99.0, 900.0, 101.0, 1.0, source="coinbase")
    line.book(61)
    assert line.rows()[0].order_flow_imbalance == 0.0


def test_every_book_is_measured_so_that_figures_and_levels_agree(line):
    for size in range(1, 6):
        line.book(1, bids=((99.0, float(size)), (98.0, 1.0)), pause_ms=0)
        assert store.reading(1).metrics.bid_depth == size + 1
    line.book(61)
    assert line.rows()[0].samples == 5


def test_a_clock_that_was_set_back_begins_anew(line):
    line.book(10_000)
    line.book(1)
    line.book(61)
    assert line.rows()[0].samples == 1


def minute(open_time, **changes):
    values = dict.fromkeys(one.name for one in fields(BookMinute))
    return BookMinute(
        **values
        | {"instrument_id": 7, "open_time": open_time, "samples": 3, "source": "x"}
        | changes
    )


def test_a_minute_is_one_row_however_often_it_is_told(db):
    book_stats_write([minute(MINUTE), minute(MINUTE + 60, spread=0.5)])
    book_stats_write([minute(MINUTE, spread=0.25, samples=4)])
    found = BookStat.objects.order_by("open_time").values_list("open_time", "spread", "samples")
    assert list(found) == [(MINUTE, 0.25, 4), (MINUTE + 60, 0.5, 3)]


def test_the_socket_tells_the_metrics_and_forgets_a_lost_book(line):
    store.put_symbols({1: "BTC/USDT"})
    line.book(1)
    line.trade(2, 0.75, is_sell=True)
    line.book(3)
    view = view_of(1, BIDS, ASKS, clock.now_ms(), clock.monotonic_ms())
    live.on_book(BookChanged(view))
    data = newest("book:1", "book")["data"]
    assert data["metrics"]["spread"] == 2.0
    assert data["metrics"]["micro_price"] == 100.5
    assert data["metrics"]["cumulative_delta"] == -0.75
    assert data["metrics"]["cumulative_delta_since"].startswith("2023-11-14T22:14:02")
    assert data["metrics"]["order_flow_imbalance"] is None
    live.on_book_lost(BookLost(1))
    until(lambda: "book" not in hub.latest("book:1"), within=5)


@pytest.mark.django_db(transaction=True)
def test_a_recorded_stream_leaves_a_row_for_each_minute(settings):
    if not FRAMES.exists():
        pytest.skip("the recording is not here")
    with gzip.open(FRAMES, "rt") as file:
        frames = [json.loads(line.split(" ", 1)[1]) for line in file]
    trades = [f["data"] for f in frames if f.get("stream") == "btcusdt@trade"]
    minutes = sorted({t["T"] // 60_000 * 60 for t in trades})
    wanted = {
        at: [
            sum(float(t["q"]) for t in trades if t["E"] // 60_000 * 60 == at and t["m"] is is_sell)
            for is_sell in (False, True)
        ]
        for at in minutes
    }
    with ReplayThread(lambda: ReplayServer([tape_open(str(FRAMES))], speed=120)) as server:
        settings.ENV = {
            **settings.ENV,
            "BINANCE_REST_URL": server.rest_url,
            "BINANCE_WS_URL": server.ws_url,
        }
        streamer = Streamer()
        streamer.start()
        try:
            until(
                lambda: BookStat.objects.filter(open_time__gte=minutes[3]).exists(),
                within=25,
                say="no row was written",
            )
        finally:
            streamer.stop()
    rows = {row.open_time: row for row in BookStat.objects.all()}
    assert set(rows) <= set(minutes[:-1])
    assert {row.source for row in rows.values()} == {"replay:binance"}
    whole = [row for at, row in rows.items() if row.buy_volume is not None]
    assert len(whole) >= 2
    for row in whole:
        assert [row.buy_volume, row.sell_volume] == pytest.approx(wanted[row.open_time])
        assert row.order_flow_imbalance is not None
        assert 0 < row.spread < 0.001
        assert row.samples > 0
