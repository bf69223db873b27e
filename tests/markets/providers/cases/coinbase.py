"""Coinbase's requests among the faults."""

from markets.providers.coinbase.rest import CoinbaseRest
from tests.markets.providers.conformance import Case, quick_client
from tests.servers import CoinbaseServer

NOW = 1_723_161_600
PRODUCT = {
    "product_id": "BTC-USDT",
    "base_increment": "0.00000001",
    "quote_increment": "0.01",
    "quote_min_size": "1",
    "base_min_size": "0.0001",
    "price_increment": "0.01",
    "status": "online",
    "base_currency_id": "BTC",
    "quote_currency_id": "USDT",
}


def candle(start: int) -> dict[str, str]:
    prices = {"low": "1", "high": "4", "open": "2", "close": "3", "volume": "7.5"}
    return {"start": str(start), **prices}


def healthy() -> CoinbaseServer:
    server = CoinbaseServer()
    server.time_ms = NOW * 1000
    server.products["BTC-USDT"] = PRODUCT
    server.candles["BTC-USDT"] = [candle(NOW - 60 * i) for i in range(1, 6)]
    server.tickers["BTC-USDT"] = {
        "trades": [{"price": "68923.67"}],
        "best_bid": "68923.66",
        "best_ask": "68923.68",
    }
    return server


def make(url: str, patience_s: float) -> CoinbaseRest:
    return CoinbaseRest(url, client=quick_client(url, patience_s))


CASES = (
    Case(
        "coinbase candles",
        healthy,
        make,
        lambda rest: rest.klines("BTC-USDT", 60),
        "/market/products/BTC-USDT/candles",
    ),
    Case(
        "coinbase products",
        healthy,
        make,
        lambda rest: rest.exchange_info(["BTC-USDT"]),
        "/market/products",
    ),
    Case(
        "coinbase ticker",
        healthy,
        make,
        lambda rest: rest.tickers(["BTC-USDT"]),
        "/market/products/BTC-USDT/ticker",
    ),
)
