"""What anybody watches is streamed within seconds, and no longer than somebody watches it."""

import pytest

from markets.models import Candle, Instrument, Venue
from markets.quotes import store
from markets.selectors_streamed import MOST_STREAMED, symbols_streamed
from markets.services.watchlists import watch_add, watch_remove
from markets.streaming import following as following_module
from tests.markets.scripted import MINUTE, Market, streaming, ticker, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(following_module, "FOLLOW_EVERY_S", 0.1)


def instrument(venue, symbol, **more):
    base, quote = symbol.split("/")
    fields = {"native_id": base + quote, "base": base, "quote": quote, "venue": venue}
    return Instrument.objects.create(symbol=symbol, **(fields | more))


def test_a_pair_is_streamed_while_somebody_watches_it(ann, ben):
    market = Market(["BTC/USDT", "DOT/USDT"])
    market.grow(10)
    with streaming(market, symbols=["BTC/USDT"]) as streamer:
        until(lambda: market.streams)
        session = streamer.session
        market.stream.connect()
        btc = Instrument.objects.get(symbol="BTC/USDT")
        dot = instrument(btc.venue, "DOT/USDT")
        until(lambda: Candle.objects.filter(instrument_id=btc.pk).count() == 10)
        market.stream.send(ticker("DOTUSDT", 5.0, 5.1))
        assert store.latest(dot.pk) is None
        watch_add(user_id=ann.pk, instrument=dot)
        watch_add(user_id=ben.pk, instrument=dot)
        until(lambda: market.stream.names == ["BTCUSDT", "DOTUSDT"], say="it was not followed")
        until(lambda: Candle.objects.filter(instrument_id=dot.pk).count() == 10)
        market.stream.send(ticker("DOTUSDT", 5.0, 5.1))
        assert store.latest(dot.pk).bid == 5.0
        market.grow(1)
        market.stream.send(market.kline("DOTUSDT", market.now - MINUTE))
        until(lambda: Candle.objects.filter(instrument_id=dot.pk).count() == 11)
        watch_remove(user_id=ann.pk, instrument=dot)
        watch_remove(user_id=ben.pk, instrument=dot)
        until(lambda: market.stream.names == ["BTCUSDT"], say="it is still followed")
        until(lambda: store.latest(dot.pk) is None)
        assert set(session.keeper.series) == {btc.pk}
        market.stream.send(ticker("DOTUSDT", 5.0, 5.1))
        assert store.latest(dot.pk) is None
        assert len(market.streams) == 1, "the connection was opened again"
        assert Candle.objects.filter(instrument_id=dot.pk).count() == 11


def test_a_pair_watched_again_goes_on_without_a_hole(ann):
    market = Market(["BTC/USDT", "DOT/USDT"])
    market.grow(10)
    with streaming(market, symbols=["BTC/USDT"]):
        until(lambda: market.streams)
        btc = until(lambda: Instrument.objects.filter(symbol="BTC/USDT").first())
        dot = instrument(btc.venue, "DOT/USDT")
        watch_add(user_id=ann.pk, instrument=dot)
        until(lambda: Candle.objects.filter(instrument_id=dot.pk).count() == 10)
        watch_remove(user_id=ann.pk, instrument=dot)
        until(lambda: market.stream.names == ["BTCUSDT"])
        market.grow(7)
        watch_add(user_id=ann.pk, instrument=dot)
        until(lambda: Candle.objects.filter(instrument_id=dot.pk).count() == 17)
        times = Candle.objects.filter(instrument_id=dot.pk).order_by("open_time")
        assert list(times.values_list("open_time", flat=True)) == [
            row.open_time for row in market.rows("DOTUSDT")
        ]


def test_what_is_streamed_of_a_venue(ann, ben):
    venue = Venue.objects.create(code="binance", name="Binance")
    other = Venue.objects.create(code="coinbase", name="Coinbase")
    dot, eth = instrument(venue, "DOT/USDT"), instrument(venue, "ETH/USDT")
    gone = instrument(venue, "OLD/USDT", status="delisted")
    elsewhere = instrument(other, "ADA/USD")
    stock = instrument(venue, "AAPL/USD", asset_class="stock")
    for user, row in ((ben, dot), (ann, eth), (ann, dot), (ann, gone), (ann, elsewhere)):
        watch_add(user_id=user.pk, instrument=row)
    watch_add(user_id=ann.pk, instrument=stock)
    assert symbols_streamed("binance", ["BTC/USDT", "ETH/USDT"]) == [
        "BTC/USDT",
        "ETH/USDT",
        "DOT/USDT",
    ]
    assert symbols_streamed("coinbase", []) == ["ADA/USD"]
    many = [f"C{number}/USDT" for number in range(MOST_STREAMED)]
    assert symbols_streamed("binance", many) == many
