"""Who supplies the quotes, with two scripted venues."""

import pytest

from markets.failover import FailoverOrder
from markets.models import Candle, Instrument, InstrumentAlias
from markets.providers.base import StreamState
from markets.quotes import store
from markets.registry import fallback_code
from markets.selectors import instrument_by_symbol, instruments_watched
from markets.streaming import ladder as ladder_module
from markets.streaming import session as session_module
from mystic.lib.http import Blocked
from tests.markets.scripted import Market, ScriptedStream, streaming, ticker, until


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(ladder_module, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(
        session_module,
        "FailoverOrder",
        lambda: FailoverOrder(take_over_after_s=1.0, hand_back_after_s=0.3),
    )


@pytest.mark.django_db(transaction=True)
def test_quotes_come_from_the_fallback_and_go_back(quick):
    first = Market(["BTC/USDT", "ADA/USDT"])
    second = Market(["BTC/USDT"], separator="-", seed=9)
    for market in (first, second):
        market.grow(30)
    with streaming(first, fallback=second):
        until(lambda: first.streams)
        first.stream.connect()
        key = instrument_by_symbol("BTC/USDT").pk
        first.stream.send(ticker("BTCUSDT", 99.0, 100.0))
        assert store.latest(key).source == "binance"
        first.stream.go(StreamState.DOWN)
        until(lambda: second.streams, say="the fallback was not opened")
        second.stream.connect()
        second.stream.send(ticker("BTC-USDT", 98.0, 98.5))
        quote = store.latest(key)
        assert (quote.bid, quote.source, quote.instrument_id) == (98.0, "coinbase", key)
        other = Instrument.objects.get(venue__code="coinbase")
        assert (other.symbol, other.native_id, other.is_watched) == ("BTC/USDT", "BTC-USDT", False)
        alias = InstrumentAlias.objects.get()
        assert (alias.instrument_id, alias.source, alias.native_id) == (key, "coinbase", "BTC-USDT")
        until(lambda: Candle.objects.filter(instrument_id=other.pk).count() == 30)
        assert set(Candle.objects.filter(instrument_id=key).values_list("source", flat=True)) == {
            "binance"
        }
        assert instrument_by_symbol("BTC/USDT").pk == key
        first.stream.go(StreamState.LIVE)
        until(lambda: not second.stream.is_running, say="the quotes were not handed back")
        until(lambda: _takes(first, key), say="the first source's quotes are not used")


def _takes(market, key):
    market.stream.send(ticker("BTCUSDT", 97.0, 97.5))
    return store.latest(key).source == "binance"


@pytest.mark.django_db(transaction=True)
def test_a_first_source_that_refuses_this_place_leaves_the_watch_list_to_the_fallback(quick):
    first = Market(["BTC/USDT"])
    first.fault = Blocked("451")
    second = Market(["BTC/USDT"], separator="-")
    second.grow(10)
    with streaming(first, fallback=second):
        until(lambda: second.streams, say="the fallback was not opened")
        second.stream.connect()
        second.stream.send(ticker("BTC-USDT", 98.0, 98.5))
        row = instrument_by_symbol("BTC/USDT")
        assert row.venue.code == "coinbase"
        assert instruments_watched() == [row]
        assert store.latest(row.pk).source == "coinbase"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "coinbase"),
        ({"COINBASE_WS_URL": ""}, None),
        ({"COINBASE_WS_URL": "ws://127.0.0.1:1"}, None),
        ({"BINANCE_WS_URL": "ws://127.0.0.1:1"}, None),
        (
            {
                "BINANCE_WS_URL": "ws://127.0.0.1:1",
                "COINBASE_REST_URL": "http://127.0.0.1:1",
                "COINBASE_WS_URL": "ws://127.0.0.1:1",
            },
            "replay:coinbase",
        ),
    ],
)
def test_live_and_replayed_sources_are_never_mixed(settings, changes, code):
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": "https://data-api.binance.vision",
        "BINANCE_WS_URL": "wss://data-stream.binance.vision",
        "COINBASE_REST_URL": "https://api.coinbase.com/api/v3/brokerage",
        "COINBASE_WS_URL": "wss://advanced-trade-ws.coinbase.com",
        **changes,
    }
    assert fallback_code() == code


@pytest.mark.django_db(transaction=True)
def test_a_fallback_that_fails_is_begun_again(quick, monkeypatch):
    first, second = Market(["BTC/USDT"]), Market(["BTC/USDT"], separator="-", seed=9)
    for market in (first, second):
        market.grow(5)
    faults = [RuntimeError("a frame nobody foresaw")]
    run = ScriptedStream.run

    async def fail_once(stream):
        if stream.source == "coinbase" and faults:
            raise faults.pop()
        await run(stream)

    monkeypatch.setattr(ScriptedStream, "run", fail_once)
    with streaming(first, fallback=second):
        until(lambda: first.streams)
        first.stream.go(StreamState.DOWN)
        until(lambda: len(second.streams) == 2, say="the fallback was not opened again")
        until(lambda: second.stream.is_running)
        second.stream.send(ticker("BTC-USDT", 98.0, 98.5))
        assert store.latest(instrument_by_symbol("BTC/USDT").pk).source == "coinbase"
