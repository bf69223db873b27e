"""An exchange of ccxt among the faults: Binance on loopback, asked in ccxt's way."""

from markets.providers.ccxt_rest import CcxtRest
from tests.markets.providers.cases.binance import OPEN_MS, PRICES, TICKER
from tests.markets.providers.conformance import Case, quick_client
from tests.servers import kline_row
from tests.servers_ccxt import CcxtBinanceServer


def healthy() -> CcxtBinanceServer:
    server = CcxtBinanceServer()
    server.add_symbol("BTC", "USDT")
    server.rows["BTCUSDT", "1m"] = [kline_row(OPEN_MS + i * 60_000, PRICES) for i in range(10)]
    server.time_ms = OPEN_MS + 9 * 60_000
    server.books["BTCUSDT"] = {"lastUpdateId": 9, "bids": [["1.0", "2"]], "asks": [["1.1", "3"]]}
    server.tickers["BTCUSDT"] = TICKER
    return server


def make(url: str, patience_s: float) -> CcxtRest:
    return CcxtRest("binance", url, client=quick_client("", patience_s))


CASES = (
    Case("ccxt depth", healthy, make, lambda rest: rest.depth("BTC/USDT"), "/api/v3/depth"),
    Case(
        "ccxt klines",
        healthy,
        make,
        lambda rest: rest.klines("BTC/USDT", 60, OPEN_MS // 1000),
        "/api/v3/klines",
    ),
    Case(
        "ccxt tickers",
        healthy,
        make,
        lambda rest: rest.tickers(["BTC/USDT"]),
        "/api/v3/ticker/24hr",
    ),
    Case(
        "ccxt exchange_info",
        healthy,
        make,
        lambda rest: rest.exchange_info(["BTC/USDT"]),
        "/api/v3/exchangeInfo",
    ),
)
