"""Faults on the wire, through the real adapters: blocks, bans, cuts, lost book updates."""

import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from markets.events import BarsClosed
from markets.models import Candle, Instrument, RateBudget, SourceState, StreamLease
from markets.quotes import store
from markets.selectors import instrument_by_symbol, quote_provenance
from markets.streaming import Streamer
from markets.streaming import ladder as ladder_module
from mystic.lib import bus
from mystic.lib.clock import from_ms
from tests.markets.scripted import until
from tests.servers import (
    BinanceServer,
    CoinbaseServer,
    depth_data,
    in_thread,
    kline_data,
    kline_row,
    quote_data,
)
from trading.execution.fills import snapshot

pytestmark = pytest.mark.django_db(transaction=True)

BEGIN_MS = 1_723_161_600_000
MINUTE_MS = 60_000
PRICES = ("100.0", "102.0", "99.0", "101.0")


def grow(server, minutes):
    rows = server.rows.setdefault(("BTCUSDT", "1m"), [])
    for _ in range(minutes):
        rows.append(kline_row(BEGIN_MS + len(rows) * MINUTE_MS, PRICES))
    server.time_ms = BEGIN_MS + len(rows) * MINUTE_MS + 1


@pytest.fixture
def binance():
    with in_thread(BinanceServer()) as server:
        server.add_symbol("BTC", "USDT")
        server.books["BTCUSDT"] = {
            "lastUpdateId": 100,
            "bids": [["99.0", "1.0"]],
            "asks": [["101.0", "1.0"]],
        }
        grow(server, 20)
        yield server


@contextmanager
def streaming(settings, binance, coinbase=None):
    settings.ENV = {
        **settings.ENV,
        "MYSTIC_SYMBOLS": ["BTC/USDT"],
        "MYSTIC_HISTORY_DAYS": 1,
        "BINANCE_REST_URL": binance.rest_url,
        "BINANCE_WS_URL": binance.ws_url,
        "COINBASE_REST_URL": coinbase.rest_url if coinbase else "",
        "COINBASE_WS_URL": coinbase.ws_url if coinbase else "",
    }
    streamer = Streamer()
    streamer.start()
    try:
        yield streamer
    finally:
        begun = time.monotonic()
        streamer.stop()
        assert time.monotonic() - begun < 10, "the stop took too long"


def publish(server, kind, data):
    server.call(server.publish(f"btcusdt@{kind}", data))


def subscribed(server, count=1):
    server.call(server.until_subscribed(count))


def state(source):
    return SourceState.objects.filter(source=source).first()


def key():
    return Instrument.objects.get(native_id="BTCUSDT").pk


def test_a_cut_socket_comes_back_and_the_series_is_whole(settings, binance):
    told = []
    bus.subscribe(BarsClosed, told.append)
    try:
        with streaming(settings, binance):
            subscribed(binance)
            publish(binance, "bookTicker", quote_data("BTCUSDT", 1, "99.5", "100.5"))
            until(lambda: Candle.objects.count() == 20)
            binance.clients[0].reset()
            grow(binance, 3)
            subscribed(binance, 2)
            publish(binance, "bookTicker", quote_data("BTCUSDT", 2, "99.6", "100.5"))
            until(lambda: store.latest(key()).bid == 99.6, within=3)
            grow(binance, 1)
            data = kline_data("BTCUSDT", BEGIN_MS + 23 * MINUTE_MS, PRICES, is_closed=True)
            publish(binance, "kline_1m", data)
            until(lambda: Candle.objects.count() == 24)
            until(lambda: len([b for e in told for b in e.bars]) == 4)
    finally:
        bus.unsubscribe(BarsClosed, told.append)
    times = [bar.open_time for event in told for bar in event.bars]
    assert times == [BEGIN_MS // 1000 + n * 60 for n in (20, 21, 22, 23)]


def test_a_book_that_lost_an_update_is_gone_until_a_snapshot_joins(settings, binance):
    with streaming(settings, binance):
        subscribed(binance)

        def diff(first, last, price):
            publish(
                binance,
                "depth@100ms",
                depth_data("BTCUSDT", first, last, bids=[[price, "2.0"]], at_ms=binance.time_ms),
            )

        diff(99, 101, "99.1")
        until(lambda: binance.asked("/api/v3/depth"))
        until(lambda: state("binance:stream") or state("replay:binance:stream"))
        until(lambda: _next(diff, 102, "99.2"), within=4, say="the book was not synchronised")
        book = store.book(key())
        assert (book.bids[0], book.asks[0]) == ((99.2, 2.0), (101.0, 1.0))
        binance.books["BTCUSDT"]["lastUpdateId"] = 300
        diff(290, 291, "99.3")
        until(lambda: len(binance.asked("/api/v3/depth")) == 2)
        assert store.book(key()) is None
        diff(292, 301, "99.4")
        until(lambda: store.book(key()) or _next(diff, 302, "99.5"), within=4)
        book = store.book(key())
        assert (book.update_id, book.bids[0]) in [(301, (99.4, 2.0)), (302, (99.5, 2.0))]
        assert (99.3, 2.0) not in book.bids, "what the new snapshot does not hold is gone"


def _next(diff, number, price):
    """Send the next diff again: until the book stands it is buffered, afterwards it is shown."""
    diff(number, number, price)
    return store.book(key())


def test_a_ban_is_kept_also_by_the_next_process(settings, binance):
    until_time = timezone.now() + timedelta(seconds=1.5)
    RateBudget.objects.create(
        name="replay:binance", limit=3000, blocked_until=until_time, is_ban=True
    )
    with streaming(settings, binance):
        until(lambda: binance.asked("/api/v3/exchangeInfo"))
        assert timezone.now() >= until_time
        until(lambda: Candle.objects.count() == 20)
        until(lambda: RateBudget.objects.get(name="replay:binance").blocked_until is None)


def test_too_many_requests_stop_every_request_for_as_long_as_told(settings, binance):
    with streaming(settings, binance):
        until(lambda: Candle.objects.count() == 20)
        subscribed(binance)
        publish(binance, "bookTicker", quote_data("BTCUSDT", 1, "99.5", "100.5"))
        binance.fail("*", status=429, headers={"Retry-After": "2"}, times=1)
        grow(binance, 3)
        last = BEGIN_MS + 22 * MINUTE_MS
        publish(binance, "kline_1m", kline_data("BTCUSDT", last, PRICES, is_closed=True))
        row = until(
            lambda: SourceState.objects.filter(
                source="replay:binance:rest", state="blocked", blocked_until__isnull=False
            ).first()
        )
        assert row.blocked_until > timezone.now()
        count = len(binance.requests)
        refused_s = binance.requests[count - 1].at_s
        until(lambda: Candle.objects.count() == 23)
        after = [asked.at_s for asked in binance.requests[count:]]
        assert after
        assert min(after) - refused_s >= 2


def test_a_first_source_that_refuses_this_place_is_replaced(settings, binance, monkeypatch):
    monkeypatch.setattr(ladder_module, "LOOK_EVERY_S", 0.05)
    binance.greeting = "451"
    binance.fail("*", status=451)
    with in_thread(CoinbaseServer()) as coinbase:
        coinbase.products["BTC-USDT"] = {
            "product_id": "BTC-USDT",
            "base_currency_id": "BTC",
            "quote_currency_id": "USDT",
            "base_increment": "0.00000001",
            "quote_increment": "0.01",
            "status": "online",
        }
        coinbase.candles["BTC-USDT"] = []
        with streaming(settings, binance, coinbase):
            coinbase.call(coinbase.until_clients(1, 10.0), 12.0)
            until(lambda: len(coinbase.clients[0].told) >= 4)
            ticker = {
                "type": "ticker",
                "product_id": "BTC-USDT",
                "price": "100.0",
                "best_bid": "99.0",
                "best_bid_quantity": "1.5",
                "best_ask": "101.0",
                "best_ask_quantity": "2.5",
            }
            events = [{"type": "update", "tickers": [ticker]}]
            coinbase.call(coinbase.send_channel("ticker", events))
            row = until(lambda: Instrument.objects.filter(venue__code="replay:coinbase").first())
            quote = until(lambda: store.latest(row.pk), say="no quote of the fallback")
            assert (quote.bid, quote.ask, quote.source) == (99.0, 101.0, "replay:coinbase")
            assert quote_provenance(quote).is_live is False
            assert instrument_by_symbol("BTC/USDT") == row
            until(lambda: state("replay:binance:rest").state == "blocked")
            until(lambda: state("replay:coinbase:stream").state == "live")
            sides = (("bid", "99.00", "1.5"), ("offer", "101.00", "2.0"), ("offer", "102.00", "7"))
            names = ("side", "price_level", "new_quantity")
            levels = [dict(zip(names, side, strict=True)) for side in sides]
            whole = {"type": "snapshot", "product_id": "BTC-USDT", "updates": levels}
            coinbase.call(coinbase.send_channel("level2", [whole], name="l2_data"))
            until(lambda: store.book(row.pk), say="no book of the fallback")
            found = snapshot(store, row.pk, max_age_ms=60_000)
            assert found.market.source == "replay:coinbase"
            assert found.market.asks == ((101.0, 2.0), (102.0, 7.0)), "an order walks this book"


def test_backfill_fetches_the_history_and_ends(settings, binance, capsys):
    grow(binance, 1500)
    settings.ENV = {
        **settings.ENV,
        "MYSTIC_SYMBOLS": ["BTC/USDT"],
        "BINANCE_REST_URL": binance.rest_url,
        "BINANCE_WS_URL": binance.ws_url,
    }
    call_command("backfill", days=1, within=20.0)
    assert Candle.objects.count() == 1440
    assert StreamLease.objects.get().holder == ""
    assert binance.clients == []
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == "history: complete, 1,440 bars of 1 pair"
    assert "history: 69 % of 1 day of 1 pair" in told
    asked = len(binance.asked("/api/v3/klines"))
    call_command("backfill", days=1, within=20.0)
    assert len(binance.asked("/api/v3/klines")) == asked, "what is stored was asked again"


def test_a_backfill_says_what_the_venue_does_not_have(settings, binance, capsys):
    grow(binance, 680)
    settings.ENV = {
        **settings.ENV,
        "MYSTIC_SYMBOLS": ["BTC/USDT"],
        "BINANCE_REST_URL": binance.rest_url,
        "BINANCE_WS_URL": binance.ws_url,
    }
    call_command("backfill", days=30, within=20.0)
    assert Candle.objects.count() == 700
    first = Candle.objects.order_by("open_time").values_list("open_time", flat=True)[0]
    day = f"{from_ms(first * 1000):%Y-%m-%d}"
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == (f"history: complete, 700 bars of 1 pair; the venue has none before {day}")


def test_a_backfill_that_cannot_be_says_so(settings, binance):
    binance.fail("*", kind="reset")
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": binance.rest_url,
        "BINANCE_WS_URL": binance.ws_url,
    }
    with pytest.raises(CommandError, match="not complete"):
        call_command("backfill", within=0.5)
    with pytest.raises(CommandError, match="whole number"):
        call_command("backfill", days=0)
    assert not Candle.objects.exists()


def test_no_source_at_all_is_said_and_tried_again(settings, binance):
    binance.fail("*", kind="reset")
    sentences = []
    with streaming(settings, binance) as streamer:
        streamer._on_progress = sentences.append
        until(lambda: state("replay:binance:rest") and state("replay:binance:rest").last_error)
        assert state("replay:binance:rest").state == "down"
        binance.mend()
        until(lambda: Candle.objects.count() == 20, within=10, say="it did not try again")
    assert store.latest(1) is None
