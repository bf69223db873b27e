"""CoinGecko's requests among the faults."""

from markets.providers.coingecko.rest import CoinGeckoRest
from tests.markets.providers.conformance import Case, quick_client
from tests.servers_coingecko import CoinGeckoServer

AT = 1_795_250_400
PRICES = {
    "bitcoin": {"usd": 64210.5, "usd_24h_vol": 3.1e10, "last_updated_at": AT},
    "tether": {"usd": 0.999, "usd_24h_vol": 5e10, "last_updated_at": AT - 30},
}
MARKET = {
    "id": "bitcoin",
    "symbol": "btc",
    "name": "Bitcoin",
    "current_price": 64210.5,
    "total_volume": 3.1e10,
    "high_24h": 65000.0,
    "low_24h": 63000.0,
    "price_change_24h": -789.5,
    "last_updated": "2026-11-21T08:40:00.123Z",
}


def healthy() -> CoinGeckoServer:
    server = CoinGeckoServer()
    server.prices = {coin: dict(row) for coin, row in PRICES.items()}
    server.rows["bitcoin"] = dict(MARKET)
    server.coins = [("bitcoin", "btc"), ("pepe", "pepe")]
    server.bodies["bitcoin"] = [[1_723_161_600_000 + i * 1_800_000, 2, 4, 1, 3] for i in range(3)]
    return server


def make(url: str, patience_s: float) -> CoinGeckoRest:
    return CoinGeckoRest(url, client=quick_client(url, patience_s))


CASES = (
    Case(
        "coingecko price",
        healthy,
        make,
        lambda rest: rest.tickers(["bitcoin/usdt"]),
        "/simple/price",
    ),
    Case(
        "coingecko markets", healthy, make, lambda rest: rest.markets(["bitcoin"]), "/coins/markets"
    ),
    Case("coingecko list", healthy, make, lambda rest: rest.find_ids(["PEPE"]), "/coins/list"),
    Case("coingecko ohlc", healthy, make, lambda rest: rest.ohlc("bitcoin"), "/coins/bitcoin/ohlc"),
)
