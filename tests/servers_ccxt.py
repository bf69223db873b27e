"""The loopback Binance as ccxt asks it: for the list of all pairs, with their permissions."""

from typing import Any

from tests.servers import BinanceServer


class CcxtBinanceServer(BinanceServer):
    """Binance's REST with what ccxt reads besides."""

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        if path == "/api/v3/exchangeInfo" and not query:
            rows = [
                {
                    **row,
                    "isSpotTradingAllowed": True,
                    "isMarginTradingAllowed": False,
                    "permissions": [],
                    "permissionSets": [["SPOT"]],
                    "orderTypes": ["LIMIT", "MARKET"],
                }
                for row in self.symbols.values()
            ]
            return 200, {"timezone": "UTC", "symbols": rows, "rateLimits": []}, {}
        if path == "/api/v3/ticker/24hr" and "symbol" in query:
            return 200, self.tickers[query["symbol"][0]], {}
        return super().answer(path, query)
