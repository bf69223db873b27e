"""A loopback CoinGecko: the documented answers from given tables."""

from typing import Any

from tests.servers import VenueServer


class CoinGeckoServer(VenueServer):
    """CoinGecko's public API; `prices` by coin and currency, `coins` as (id, ticker)."""

    def __init__(self) -> None:
        super().__init__()
        self.prices: dict[str, dict[str, Any]] = {}
        self.coins: list[tuple[str, str]] = []
        self.rows: dict[str, dict[str, Any]] = {}
        self.bodies: dict[str, list[list[Any]]] = {}

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        if path == "/simple/price":
            wanted = query["ids"][0].split(",")
            return 200, {coin: self.prices[coin] for coin in wanted if coin in self.prices}, {}
        if path == "/coins/list":
            return 200, [{"id": c, "symbol": t, "name": c.title()} for c, t in self.coins], {}
        if path == "/coins/markets":
            wanted = query["ids"][0].split(",")
            return 200, [self.rows[coin] for coin in wanted if coin in self.rows], {}
        coin = path.removeprefix("/coins/").removesuffix("/ohlc")
        if path.endswith("/ohlc") and coin in self.bodies:
            return 200, self.bodies[coin], {}
        return 404, {"error": "coin not found"}, {}
