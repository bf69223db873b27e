"""Alpaca's requests among the faults."""

from datetime import date

from markets.providers.alpaca.rest import AlpacaRest, client_of
from markets.providers.keyed import PlanLacks
from mystic.lib.ratelimit import WeightBudget
from tests.markets.providers.conformance import LARGEST_BODY, Case
from tests.servers_alpaca import KEY, SECRET, AlpacaServer, bar

NOW = 1_795_188_600
QUOTE = {"t": "2026-11-20T15:29:00.5Z", "bp": 9.1, "ap": 9.3, "bs": 5, "as": 7}
TRADE = {"t": "2026-11-20T15:29:59Z", "p": 9.2, "s": 1}
CONTRACT = {
    "symbol": "AAPL270115C00230000",
    "expiration_date": "2027-01-15",
    "type": "call",
    "open_interest": "8133",
}


def healthy() -> AlpacaServer:
    server = AlpacaServer()
    server.time_ms = NOW * 1000 + 20_000
    server.bars["AAPL"] = [bar(NOW - 60 * i) for i in range(1, 6)]
    server.snapshots["AAPL"] = {"latestTrade": TRADE, "latestQuote": QUOTE}
    server.assets["AAPL"] = {"symbol": "AAPL", "name": "Apple", "status": "active"}
    greeks = {"delta": 0.5, "gamma": 0.1, "theta": -0.1, "vega": 0.4, "rho": 0.2}
    option = {"latestTrade": TRADE, "latestQuote": QUOTE, "greeks": greeks}
    server.chain["AAPL270115C00230000"] = option | {"impliedVolatility": 0.31}
    server.contracts = [CONTRACT]
    article = {"id": 1, "headline": "Apple", "created_at": "2026-11-20T15:00:00Z"}
    server.news = [article | {"url": "https://example.org/1", "summary": "Up"}]
    return server


def make(url: str, patience_s: float) -> AlpacaRest:
    limits = {"total_s": patience_s, "backoff_base_s": 0.01, "max_bytes": LARGEST_BODY}
    clients = [client_of(url, KEY, SECRET, **limits) for _ in range(2)]
    return AlpacaRest(*clients, budget=WeightBudget(10**6), wall_ms=lambda: NOW * 1000)


def case(name, ask, path, without=()) -> Case:
    # A plan's refusal is a kind of `Blocked`.
    statuses = {403: PlanLacks}
    return Case(f"alpaca {name}", healthy, make, ask, path, statuses, frozenset(without))


EXPIRY = date(2027, 1, 15)
CASES = (
    case("bars", lambda rest: rest.klines("AAPL", 60), "/v2/stocks/bars"),
    case("snapshots", lambda rest: rest.tickers(["AAPL"]), "/v2/stocks/snapshots"),
    case("asset", lambda rest: rest.exchange_info(["AAPL"]), "/v2/assets/AAPL"),
    case("assets", lambda rest: rest.exchange_info([]), "/v2/assets"),
    case("clock", lambda rest: rest.server_time(), "/v2/clock"),
    case(
        "chain",
        lambda rest: rest.option_chain("AAPL", EXPIRY),
        "/v1beta1/options/snapshots/AAPL",
        # A contract of which only the open interest is known is still told.
        without={"every value null"},
    ),
    case("expiries", lambda rest: rest.option_expiries("AAPL"), "/v2/options/contracts"),
    case("news", lambda rest: rest.news(["AAPL"]), "/v1beta1/news"),
)
