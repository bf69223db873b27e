"""Massive's requests among the faults."""

from markets.providers.keyed import PlanLacks
from markets.providers.massive.rest import SNAPSHOTS, MassiveRest, client_of
from mystic.lib.ratelimit import WeightBudget
from tests.markets.providers.conformance import LARGEST_BODY, Case
from tests.servers_massive import KEY, MassiveServer, bar, contract

NOW = 1_795_188_600
MS = NOW * 1000


def healthy() -> MassiveServer:
    server = MassiveServer()
    server.time_ms = MS + 20_000
    server.bars["AAPL", "1", "minute"] = [bar(MS - 60_000 * i) for i in range(1, 6)]
    trade = {"p": 120.47, "s": 236, "t": (MS - 100) * 1_000_000, "x": 10, "i": "4046"}
    quote = {"P": 120.48, "S": 8, "p": 120.46, "s": 4, "t": (MS - 200) * 1_000_000}
    server.snapshots["AAPL"] = {"ticker": "AAPL", "lastTrade": trade, "lastQuote": quote}
    apple = {"ticker": "AAPL", "name": "Apple Inc.", "market": "stocks", "active": True}
    server.listed["AAPL"] = apple | {"currency_name": "usd"}
    server.chain = [contract(230, "2027-01-15")]
    server.contracts = [{"ticker": "O:x", "expiration_date": "2027-01-15"}]
    article = {"id": "1", "title": "Apple", "published_utc": "2026-11-20T15:00:00Z"}
    server.news = [article | {"article_url": "https://example.org/1", "description": "Up"}]
    return server


def make(url: str, patience_s: float) -> MassiveRest:
    limits = {"total_s": patience_s, "backoff_base_s": 0.01, "max_bytes": LARGEST_BODY}
    client = client_of(url, KEY, **limits)
    return MassiveRest(client, budget=WeightBudget(10**6), wall_ms=lambda: MS)


def case(name, ask, path, without=()) -> Case:
    # A plan's refusal is a kind of `Blocked`.
    statuses = {403: PlanLacks}
    return Case(f"massive {name}", healthy, make, ask, path, statuses, frozenset(without))


BARS = f"/v2/aggs/ticker/AAPL/range/1/minute/{MS - 600_000}/{MS - 1}"
CASES = (
    case("bars", lambda rest: rest.klines("AAPL", 60, NOW - 600, NOW), BARS),
    case("snapshots", lambda rest: rest.tickers(["AAPL"]), SNAPSHOTS),
    case("ticker", lambda rest: rest.exchange_info(["AAPL"]), "/v3/reference/tickers/AAPL"),
    case("tickers", lambda rest: rest.exchange_info([]), "/v3/reference/tickers"),
    case("search", lambda rest: rest.search("apple"), "/v3/reference/tickers"),
    case("status", lambda rest: rest.server_time(), "/v1/marketstatus/now"),
    case("chain", lambda rest: rest.option_chain("AAPL"), "/v3/snapshot/options/AAPL"),
    case("expiries", lambda rest: rest.option_expiries("AAPL"), "/v3/reference/options/contracts"),
    case("news", lambda rest: rest.news(["AAPL"]), "/v2/reference/news"),
)
