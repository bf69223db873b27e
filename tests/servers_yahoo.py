"""Yahoo Finance on loopback: cookie, crumb, charts, quotes and option chains, with faults.

A crumb is wanted where Yahoo wants one; the answers have the shapes of the documented payloads.
"""

import time
from typing import Any

from tests.servers import VenueServer

CRUMB = "Gx1.crumb"
INTERVALS = {"1m": 60, "2m": 120, "5m": 300, "15m": 900, "1d": 86_400}


class YahooServer(VenueServer):
    """Every Yahoo host in one; `bars[symbol, interval]` are (time, o, h, l, c, volume) rows."""

    def __init__(self) -> None:
        super().__init__()
        self.bars: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        self.quotes: dict[str, dict[str, Any]] = {}
        self.chains: dict[str, dict[int, dict[str, Any]]] = {}
        self.offset = -18_000
        self.trade_s: int | None = None

    def add_stock(self, symbol: str, last: float = 231.4, **more: Any) -> None:
        """List a stock that traded just now."""
        self.quotes[symbol] = {
            "symbol": symbol,
            "quoteType": "EQUITY",
            "currency": "USD",
            "longName": f"{symbol} Incorporated",
            "shortName": symbol,
            "regularMarketPrice": last,
            "regularMarketTime": int(time.time()),
            "bid": round(last - 0.02, 4),
            "ask": round(last + 0.02, 4),
            "bidSize": 3,
            "askSize": 4,
            "exchangeDataDelayedBy": 0,
            "marketState": "REGULAR",
            **more,
        }

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        if path == "/":
            return 404, {}, {"Set-Cookie": "A3=cookie; Max-Age=31536000; Path=/"}
        if path == "/v1/test/getcrumb":
            return 200, CRUMB, {}
        if path.startswith("/v8/finance/chart/"):
            return self._chart(path.rpartition("/")[2], query)
        if path == "/v1/finance/search":
            return 200, {"count": 0, "quotes": self._hits(query["q"][0]), "news": []}, {}
        # The stand-in writes the crumb as JSON, so it comes back in quotation marks.
        if query.get("crumb", [""])[0].strip('"') != CRUMB:
            error = {"code": "Unauthorized", "description": "Invalid Crumb"}
            return 401, {"finance": {"result": None, "error": error}}, {}
        if path == "/v7/finance/quote":
            found = [self.quotes[s] for s in query["symbols"][0].split(",") if s in self.quotes]
            return 200, {"quoteResponse": {"result": found, "error": None}}, {}
        if path.startswith("/v7/finance/options/"):
            return self._options(path.rpartition("/")[2], query)
        raise LookupError(path)

    def _hits(self, text: str) -> list[dict[str, Any]]:
        """Return what a search finds: names that hold the words."""
        names = ("symbol", "quoteType", "longname", "shortname", "exchange")
        rows = [
            {**row, "longname": row["longName"], "shortname": row["shortName"], "exchange": "NMS"}
            for row in self.quotes.values()
            if text.casefold() in row["longName"].casefold()
        ]
        return [{name: row[name] for name in names} for row in rows]

    def _chart(self, symbol: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        if symbol not in self.quotes:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return 404, {"chart": {"result": None, "error": error}}, {}
        interval = query["interval"][0]
        first, last = int(query["period1"][0]), int(query["period2"][0])
        rows = [r for r in self.bars.get((symbol, interval), []) if first <= r[0] <= last]
        names = ("open", "high", "low", "close", "volume")
        columns = {name: [row[n + 1] for row in rows] for n, name in enumerate(names)}
        quote = self.quotes[symbol]
        meta = {
            "currency": quote["currency"],
            "symbol": symbol,
            "exchangeName": "NMS",
            "instrumentType": quote["quoteType"],
            "regularMarketTime": self.trade_s or quote["regularMarketTime"],
            "gmtoffset": self.offset,
            "timezone": "EST",
            "exchangeTimezoneName": "America/New_York",
            "regularMarketPrice": quote["regularMarketPrice"],
            "priceHint": 2,
            "dataGranularity": interval,
            "range": "",
        }
        closes = [{"adjclose": columns["close"]}]
        result: dict[str, Any] = {
            "meta": meta,
            "indicators": {"quote": [columns], "adjclose": closes},
        }
        if rows:
            result["timestamp"] = [row[0] for row in rows]
        return 200, {"chart": {"result": [result], "error": None}}, {}

    def _options(self, symbol: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        chains = self.chains.get(symbol)
        if chains is None:
            return 200, {"optionChain": {"result": [], "error": None}}, {}
        stamp = int(query["date"][0]) if "date" in query else min(chains)
        result = {
            "underlyingSymbol": symbol,
            "expirationDates": sorted(chains),
            "strikes": [],
            "hasMiniOptions": False,
            "quote": self.quotes[symbol],
            "options": [{"expirationDate": stamp, **chains[stamp]}] if stamp in chains else [],
        }
        return 200, {"optionChain": {"result": [result], "error": None}}, {}


def contract(symbol: str, strike: float, **more: Any) -> dict[str, Any]:
    """Return one contract of a chain as Yahoo writes it."""
    return {
        "contractSymbol": symbol,
        "strike": strike,
        "currency": "USD",
        "lastPrice": 12.5,
        "change": 0.0,
        "percentChange": 0.0,
        "volume": 120,
        "openInterest": 4_321,
        "bid": 12.4,
        "ask": 12.6,
        "contractSize": "REGULAR",
        "expiration": 1_800_000_000,
        "lastTradeDate": 1_795_208_000,
        "impliedVolatility": 0.2875,
        "inTheMoney": True,
        **more,
    }
