"""Binance's requests among the faults."""

from markets.providers.binance.rest import BinanceRest
from tests.markets.providers.conformance import Case, quick_client
from tests.servers import BinanceServer, kline_row

OPEN_MS = 1_723_161_600_000
PRICES = ("100.1", "100.5", "100.0", "100.4")
TICKER = {
    "symbol": "BTCUSDT",
    "lastPrice": "4",
    "bidPrice": "3.9",
    "askPrice": "4.1",
    "openPrice": "2",
    "highPrice": "5",
    "lowPrice": "1",
    "volume": "7",
    "quoteVolume": "28",
    "closeTime": OPEN_MS,
}


def healthy() -> BinanceServer:
    server = BinanceServer()
    server.add_symbol("BTC", "USDT")
    server.rows["BTCUSDT", "1m"] = [kline_row(OPEN_MS + i * 60_000, PRICES) for i in range(10)]
    server.time_ms = OPEN_MS + 9 * 60_000
    server.books["BTCUSDT"] = {"lastUpdateId": 9, "bids": [["1.0", "2"]], "asks": [["1.1", "3"]]}
    server.tickers["BTCUSDT"] = TICKER
    return server


def make(url: str, patience_s: float) -> BinanceRest:
    return BinanceRest(url, client=quick_client(url, patience_s))


CASES = (
    Case(
        "binance klines",
        healthy,
        make,
        lambda rest: rest.klines("BTCUSDT", 60, OPEN_MS // 1000),
        "/api/v3/klines",
    ),
    Case(
        "binance exchange_info",
        healthy,
        make,
        lambda rest: rest.exchange_info(["BTCUSDT"]),
        "/api/v3/exchangeInfo",
    ),
    Case(
        "binance tickers",
        healthy,
        make,
        lambda rest: rest.tickers(["BTCUSDT"]),
        "/api/v3/ticker/24hr",
    ),
    Case("binance depth", healthy, make, lambda rest: rest.depth("BTCUSDT"), "/api/v3/depth"),
)
