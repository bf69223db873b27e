"""Binance, Coinbase, ccxt, CoinGecko: the first that works is shown, and nothing is mixed."""

import pytest

from markets.delayed import delayed_now
from markets.events import DelayedPriceTold, QuoteChanged
from markets.failover import FailoverOrder
from markets.models import Candle, Instrument, InstrumentAlias, SourceState
from markets.providers.base import BookTickerEvent, DepthEvent, StreamState, TickerRow
from markets.providers.coingecko.ids import CoinIds
from markets.providers.polled import PolledStream
from markets.quotes import store
from markets.registry import Source, fallback_codes
from markets.selectors import instrument_by_symbol
from markets.streaming import delayed as delayed_module
from markets.streaming import ladder as ladder_module
from markets.streaming import session as session_module
from markets.streaming.fallback import FallbackFeed
from markets.streaming.venue_clock import VenueClock
from markets.watchlist import rows_for
from mystic.lib import bus
from mystic.lib.clock import monotonic_ms, now_ms
from mystic.lib.http import Unreachable
from mystic.lib.ratelimit import WeightBudget
from tests.markets.scripted import MINUTE, Market, ScriptedRest, clocks, streaming, ticker, until


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ladder_module, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(delayed_module, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(delayed_module, "WANTED_AFTER_S", 0.2)
    monkeypatch.setattr(delayed_module, "POLL_EVERY_S", 0.2)
    monkeypatch.setattr(
        session_module,
        "FailoverOrder",
        lambda: FailoverOrder(take_over_after_s=1.0, hand_back_after_s=0.3),
    )


class PolledRest(ScriptedRest):
    """An exchange without a stream: its prices are asked for."""

    prices = (95.0, 95.5)

    async def tickers(self, native_ids):
        self._refuse()
        bid, ask = self.prices
        nothing = (None,) * 6
        return [
            TickerRow(native, 95.2, bid, ask, *nothing, bid_size=2.0, ask_size=3.0)
            for native in native_ids
        ]


def polled(market):
    rest = PolledRest(market, "ccxt-kraken", 300)

    def stream(native_ids, timeframe, handler):
        del timeframe
        return PolledStream(rest, native_ids, handler, every_s=0.1)

    return Source("ccxt-kraken", rest, 300, stream)


class Gecko:
    """A source of delayed prices."""

    source, is_official = "coingecko", True

    def __init__(self):
        self.ids = CoinIds()
        self.budget = WeightBudget(1000)
        self.asked = []

    def native_id(self, symbol):
        return self.ids.native_id(symbol)

    async def tickers(self, native_ids):
        self.asked.append(native_ids)
        nothing = (None,) * 7
        return [
            TickerRow(
                native, 94.0, *nothing, 1_700_000_000_000, is_delayed=True, is_cross_rate=True
            )
            for native in native_ids
        ]

    async def aclose(self):
        pass


def depth(native, number, bids, asks, *, is_snapshot=False):
    wall, mono = clocks()
    return DepthEvent(native, number, number, bids, asks, wall, wall, mono, is_snapshot=is_snapshot)


@pytest.mark.django_db(transaction=True)
def test_a_book_of_the_source_in_use_can_be_filled_on():
    first, second = Market(["BTC/USDT"]), Market(["BTC/USDT"], separator="-", seed=9)
    for market in (first, second):
        market.grow(5)
    with streaming(first, fallback=second) as streamer:
        until(lambda: first.streams)
        first.stream.connect()
        key = instrument_by_symbol("BTC/USDT").pk
        first.stream.send(depth("BTCUSDT", 101, ((99.0, 2.0),), ()))
        until(streamer.session.books.synced, say="the first book was not fetched")
        first.stream.send(depth("BTCUSDT", 102, ((99.0, 3.0),), ()))
        assert store.book(key).source == "binance"
        first.stream.go(StreamState.DOWN)
        until(lambda: second.streams, say="the second source was not opened")
        second.stream.connect()
        second.stream.send(depth("BTC-USDT", 7, ((98.0, 1.0),), ((98.5, 2.0),), is_snapshot=True))
        book = store.book(key)
        assert (book.source, book.bids, book.asks) == (
            "coinbase",
            ((98.0, 1.0),),
            ((98.5, 2.0),),
        )
        second.stream.send(depth("BTC-USDT", 9, ((98.0, 0.0), (97.9, 4.0)), ()))
        assert store.book(key).bids == ((97.9, 4.0),)
        until(lambda: not streamer.session.books.is_showing)
        first.stream.send(depth("BTCUSDT", 103, ((99.0, 4.0),), ()))
        assert store.book(key).source == "coinbase", "a source that is not in use was shown"
        second.stream.send(depth("BTC-USDT", 10, ((98.6, 1.0),), ()))
        assert store.book(key) is None, "a crossed book was shown"
        second.stream.send(depth("BTC-USDT", 11, ((98.0, 1.0),), ((98.5, 2.0),), is_snapshot=True))
        first.stream.go(StreamState.LIVE)
        until(lambda: not second.stream.is_running, say="the quotes were not handed back")
        until(lambda: store.book(key) is None, say="the book of a source at rest is still there")
        until(lambda: streamer.session.books.is_showing)
        first.stream.send(depth("BTCUSDT", 104, ((99.0, 5.0),), ()))
        assert store.book(key).bids[0] == (99.0, 5.0)


@pytest.mark.django_db(transaction=True)
def test_the_third_source_is_polled_and_its_bars_are_its_own():
    first, second = Market(["BTC/USDT"]), Market(["BTC/USDT"], separator="-", seed=9)
    third = Market(["BTC/USDT"], separator="/", seed=4)
    for market in (first, second, third):
        market.grow(20)
    further = (lambda: second.source("coinbase", 300), lambda: polled(third))
    with streaming(first, further=further):
        until(lambda: first.streams)
        key = instrument_by_symbol("BTC/USDT").pk
        first.stream.go(StreamState.DOWN)
        until(lambda: store.latest(key), say="no source took over")
        quote = store.latest(key)
        assert (quote.source, quote.bid, quote.ask) == ("ccxt-kraken", 95.0, 95.5)
        assert (quote.bid_size, quote.ask_size, quote.last) == (2.0, 3.0, 95.2)
        assert second.stream.is_running, "a better source is kept running, to be seen coming back"
        other = Instrument.objects.get(venue__code="ccxt-kraken")
        until(lambda: Candle.objects.filter(instrument_id=other.pk).count() == 20)
        sources = Candle.objects.filter(instrument_id=key).values_list("source", flat=True)
        assert set(sources) <= {"binance"}
        second.stream.connect()
        second.stream.send(ticker("BTC-USDT", 98.0, 98.5))
        until(lambda: _quoted_by(second, key), say="the better source was not preferred")
        rest = SourceState.objects.filter(source="ccxt-kraken:rest")
        until(lambda: rest.filter(state="standby").exists())


def _quoted_by(market, key):
    market.stream.send(ticker("BTC-USDT", 98.0, 98.5))
    return store.latest(key).source == "coinbase"


@pytest.mark.django_db(transaction=True)
def test_delayed_prices_come_last_fill_nothing_and_go():
    first, gecko = Market(["BTC/USDT", "PEPE/USDT", "ADA/USDT"]), Gecko()
    first.grow(5)
    told = []
    bus.subscribe(DelayedPriceTold, told.append)
    bus.subscribe(QuoteChanged, told.append)
    with streaming(first, delayed=lambda: ("coingecko", gecko)):
        until(lambda: first.streams)
        first.stream.connect()
        key = instrument_by_symbol("BTC/USDT").pk
        assert gecko.asked == []
        first.stream.go(StreamState.DOWN)
        price = until(lambda: store.delayed(key), say="no delayed price was told")
        assert (price.last, price.source, price.is_cross_rate) == (94.0, "coingecko", True)
        # PEPE's id is not known, and it is not guessed.
        assert sorted(gecko.asked[0]) == ["bitcoin/usdt", "cardano/usdt"]
        assert store.latest(key) is None, "a delayed price became a quote"
        assert store.book(key) is None
        assert not any(isinstance(event, QuoteChanged) for event in told)
        shown = delayed_now(key)
        assert (shown.origin.is_delayed, shown.origin.is_live, shown.origin.is_imputed) == (
            True,
            False,
            True,
        )
        assert shown.origin.as_of_ms == 1_700_000_000_000
        (row,) = rows_for([instrument_by_symbol("BTC/USDT")])
        assert (row.last, row.bid, row.kind) == (94.0, None, "delayed price")
        first.stream.go(StreamState.LIVE)
        until(lambda: store.delayed(key) is None, say="the delayed price is still shown")
        assert delayed_now(key) is None
    bus.unsubscribe(DelayedPriceTold, told.append)
    bus.unsubscribe(QuoteChanged, told.append)


@pytest.mark.django_db(transaction=True)
def test_an_alias_tells_the_coin_of_a_ticker():
    first, gecko = Market(["PEPE/USDT"]), Gecko()
    first.grow(3)
    with streaming(first):
        until(lambda: first.streams)
    row = instrument_by_symbol("PEPE/USDT")
    InstrumentAlias.objects.create(instrument=row, source="coingecko", native_id="pepe")
    with streaming(first, delayed=lambda: ("coingecko", gecko)):
        first.stream.go(StreamState.DOWN)
        until(lambda: gecko.asked, say="no delayed price was asked for")
    assert gecko.asked[0] == ["pepe/usdt"]


@pytest.mark.django_db(transaction=True)
def test_a_source_of_delayed_prices_that_fails_is_left_alone_longer():
    first, gecko = Market(["BTC/USDT"]), Gecko()
    first.grow(3)
    asked = []

    async def refuse(native_ids):
        asked.append(native_ids)
        message = "no answer"
        raise Unreachable(message)

    gecko.tickers = refuse
    with streaming(first, delayed=lambda: ("coingecko", gecko)):
        until(lambda: first.streams)
        first.stream.go(StreamState.DOWN)
        until(lambda: asked)
        state = SourceState.objects.filter(source="coingecko:rest", state="down")
        until(state.exists, say="the status page does not know")
        assert store.delayed(instrument_by_symbol("BTC/USDT").pk) is None


LIVE = {
    "BINANCE_REST_URL": "https://data-api.binance.vision",
    "BINANCE_WS_URL": "wss://data-stream.binance.vision",
    "COINBASE_REST_URL": "https://api.coinbase.com/api/v3/brokerage",
    "COINBASE_WS_URL": "wss://advanced-trade-ws.coinbase.com",
    "COINGECKO_BASE_URL": "https://api.coingecko.com/api/v3",
    "CCXT_EXCHANGE": "kraken",
    "CCXT_BASE_URL": "",
}


@pytest.mark.parametrize(
    ("sources", "changes", "codes"),
    [
        ("binance,coinbase,coingecko", {}, ["coinbase", "coingecko"]),
        ("binance,ccxt,coinbase", {}, ["ccxt-kraken", "coinbase"]),
        ("binance,ccxt,coinbase", {"CCXT_EXCHANGE": ""}, ["coinbase"]),
        ("binance,ccxt", {"CCXT_BASE_URL": "http://127.0.0.1:1"}, []),
        ("binance", {}, []),
        ("binance,coinbase", {"COINBASE_WS_URL": "ws://127.0.0.1:1"}, []),
        ("binance,yahoo,nowhere,coingecko", {"COINGECKO_BASE_URL": ""}, []),
    ],
)
def test_the_settings_name_the_sources_and_their_order(settings, sources, changes, codes):
    names = {"MYSTIC_CRYPTO_SOURCES": sources.split(",")}
    settings.ENV = {**settings.ENV, **LIVE, **names, **changes}
    assert list(fallback_codes().values()) == codes


def test_a_price_that_was_old_when_it_came_is_as_old_as_it_says():
    feed = FallbackFeed(
        {"BTC/USDT": 77},
        source="ccxt-kraken",
        is_official=True,
        clock=VenueClock(MINUTE),
        on_state=lambda *_: None,
        on_lost=lambda: None,
    )
    feed.use(is_used=True)

    def tell(late_ms):
        at_ms, mono_ms = now_ms(), monotonic_ms()
        feed.on_book_ticker(
            BookTickerEvent(
                native_id="BTC/USDT",
                bid=95.0,
                bid_size=1.0,
                ask=95.5,
                ask_size=1.0,
                last=95.2,
                update_id=0,
                event_ms=at_ms - late_ms,
                received_at_ms=at_ms,
                received_mono_ms=mono_ms,
            )
        )
        return store.latest(77)

    try:
        young = tell(1_500)
        assert (young.is_delayed, store.age_ms(young) < 60_000) == (False, True)
        old = tell(120_000)
        assert old.is_delayed
        assert store.age_ms(old) >= 120_000, "nothing may be filled on it"
    finally:
        store.clear()


@pytest.mark.django_db(transaction=True)
def test_a_delayed_price_that_cannot_be_read_ends_no_stream():
    first, gecko = Market(["BTC/USDT"]), Gecko()
    first.grow(3)
    asked = []

    async def stumble(native_ids):
        asked.append(native_ids)
        raise KeyError(*native_ids)

    gecko.tickers = stumble
    with streaming(first, delayed=lambda: ("coingecko", gecko)) as streamer:
        until(lambda: first.streams)
        session = streamer.session
        first.stream.go(StreamState.DOWN)
        until(lambda: len(asked) >= 2, say="it was asked no more")
        assert streamer.session is session, "the whole session began again"
