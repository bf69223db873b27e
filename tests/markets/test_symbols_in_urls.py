"""A name of an instrument is judged before it reaches an address: a bad one makes no request."""

from datetime import date

import pytest

from markets.providers.alpaca.rest import AlpacaRest, client_of
from markets.providers.binance.rest import BinanceRest
from markets.providers.ccxt_rest import CcxtRest
from markets.providers.coinbase.rest import CoinbaseRest
from markets.providers.coingecko.rest import CoinGeckoRest
from markets.providers.fred import FredRest
from markets.providers.massive.rest import MassiveRest
from markets.providers.massive.rest import client_of as massive_client_of
from markets.providers.yahoo.rest import YahooRest
from mystic.lib.http import Refused
from tests.servers import BinanceServer

pytestmark = pytest.mark.asyncio
DAY = date(2027, 1, 15)

BAD = {
    "empty": "",
    "traversal": "../../api/v3/order",
    "traversal inside": "BTC/../../x",
    "dots": "..",
    "backslash": "..\\..\\x",
    "absolute": "//example.org/x",
    "query": "BTCUSDT?limit=1",
    "next parameter": "BTCUSDT&limit=1",
    "fragment": "BTCUSDT#x",
    "escaped nul": "BTC%00",
    "escaped slash": "BTC%2f..%2fx",
    "nul": "BTC\x00USDT",
    "crlf": "BTC\r\nHost: example.org",
    "newline at the end": "BTCUSDT\n",
    "blank": "BTC USDT",
    "list": 'BTC","ETH',
    "comma": "BTC,ETH",
    "invisible": "BTC\u200bUSDT",
    "right to left": "\u202eTDSUCTB",
    "full width": "\uff22\uff34\uff23",
    "lone surrogate": "BTC\ud800",
    "picture": "BTC\U0001f680",
    "10 kB": "A" * 10_240,
}


def binance(url):
    return BinanceRest(url)


def coinbase(url):
    return CoinbaseRest(url)


def coingecko(url):
    return CoinGeckoRest(url)


def ccxt(url):
    return CcxtRest("binance", url)


def fred(url):
    return FredRest(url, "key")


def alpaca(url):
    return AlpacaRest(client_of(url, "k", "s"), client_of(url, "k", "s"))


def massive(url):
    return MassiveRest(massive_client_of(url, "k"))


def yahoo(url):
    return YahooRest(url)


def vintages(rest, name):
    return rest.observations(name, known_from=DAY, today=DAY, period_from=DAY)


# In a list the bad name comes last: no request may have gone for those before it.
METHODS = [
    (binance, "klines", lambda rest, name: rest.klines(name, 60)),
    (binance, "exchange_info", lambda rest, name: rest.exchange_info(["BTCUSDT", name])),
    (binance, "tickers", lambda rest, name: rest.tickers(["BTCUSDT", name])),
    (binance, "agg_trades", lambda rest, name: rest.agg_trades(name)),
    (binance, "depth", lambda rest, name: rest.depth(name)),
    (coinbase, "klines", lambda rest, name: rest.klines(name, 60)),
    (coinbase, "exchange_info", lambda rest, name: rest.exchange_info(["BTC-USD", name])),
    (coinbase, "tickers", lambda rest, name: rest.tickers(["BTC-USD", name])),
    (coinbase, "prices", lambda rest, name: rest.prices(["BTC-USD", name])),
    (coinbase, "depth", lambda rest, name: rest.depth(name)),
    (coingecko, "tickers", lambda rest, name: rest.tickers(["bitcoin/usd", f"{name}/usd"])),
    (coingecko, "quote", lambda rest, name: rest.tickers(["bitcoin/usd", f"bitcoin/{name}"])),
    (coingecko, "markets", lambda rest, name: rest.markets(["bitcoin", name])),
    (coingecko, "currency", lambda rest, name: rest.markets(["bitcoin"], name)),
    (coingecko, "ohlc", lambda rest, name: rest.ohlc(name)),
    (coingecko, "ohlc currency", lambda rest, name: rest.ohlc("bitcoin", name)),
    (ccxt, "klines", lambda rest, name: rest.klines(name, 60)),
    (ccxt, "exchange_info", lambda rest, name: rest.exchange_info(["BTC/USDT", name])),
    (ccxt, "tickers", lambda rest, name: rest.tickers(["BTC/USDT", name])),
    (ccxt, "depth", lambda rest, name: rest.depth(name)),
    (fred, "series", lambda rest, name: rest.series(name)),
    (fred, "observations", vintages),
    (alpaca, "klines", lambda rest, name: rest.klines(name, 60)),
    (alpaca, "exchange_info", lambda rest, name: rest.exchange_info(["AAPL", name])),
    (alpaca, "tickers", lambda rest, name: rest.tickers(["AAPL", name])),
    (alpaca, "option_expiries", lambda rest, name: rest.option_expiries(name)),
    (alpaca, "option_chain", lambda rest, name: rest.option_chain(name, DAY)),
    (alpaca, "news", lambda rest, name: rest.news(["AAPL", name])),
    (massive, "klines", lambda rest, name: rest.klines(name, 60)),
    (massive, "exchange_info", lambda rest, name: rest.exchange_info(["AAPL", name])),
    (massive, "tickers", lambda rest, name: rest.tickers(["AAPL", name])),
    (massive, "option_expiries", lambda rest, name: rest.option_expiries(name)),
    (massive, "option_chain", lambda rest, name: rest.option_chain(name, DAY)),
    (massive, "news", lambda rest, name: rest.news(["AAPL", name])),
    (yahoo, "klines", lambda rest, name: rest.klines(name, 60)),
    (yahoo, "exchange_info", lambda rest, name: rest.exchange_info(["AAPL"] * 50 + [name])),
    (yahoo, "tickers", lambda rest, name: rest.tickers(["AAPL"] * 50 + [name])),
    (yahoo, "option_expiries", lambda rest, name: rest.option_expiries(name)),
    (yahoo, "option_chain", lambda rest, name: rest.option_chain(name, DAY)),
]


@pytest.mark.parametrize(
    ("make", "call"),
    [(make, call) for make, _, call in METHODS],
    ids=[f"{make.__name__} {name}" for make, name, _ in METHODS],
)
async def test_a_bad_name_is_refused_without_a_request(make, call):
    async with BinanceServer() as server:
        rest = make(server.rest_url)
        try:
            for kind, name in BAD.items():
                with pytest.raises(Refused) as told:
                    await call(rest, name)
                assert told.value.permanent, kind
                assert len(str(told.value)) < 200, kind
                assert str(told.value).isascii(), kind
            assert server.requests == []
            child = getattr(rest, "child", None)
            assert child is None or child.starts == 0
        finally:
            await rest.aclose()


@pytest.mark.parametrize(
    ("make", "call", "name"),
    [
        (binance, lambda rest, name: rest.depth(name), "币安人生USDT"),
        (binance, lambda rest, name: rest.depth(name), "1000SATSUSDT"),
        (coinbase, lambda rest, name: rest.depth(name), "00-USD"),
        (coingecko, lambda rest, name: rest.ohlc(name), "avalanche-2"),
        (fred, lambda rest, name: rest.series(name), "T10Y2Y"),
        (alpaca, lambda rest, name: rest.exchange_info([name]), "BRK.B"),
    ],
)
async def test_a_name_that_exists_is_asked_for(make, call, name):
    async with BinanceServer() as server:
        server.fail("*", status=400)
        rest = make(server.rest_url)
        try:
            with pytest.raises(Refused):
                await call(rest, name)
            assert len(server.requests) == 1
            asked = server.requests[0]
            assert name in asked.path or [name] in asked.query.values()
        finally:
            await rest.aclose()
