"""Massive on loopback: REST and stream on one port; faults as in `servers.py`."""

import json
from email.utils import formatdate
from typing import Any

from tests.servers import Client, VenueServer

KEY = "massive-key-canary"
SPANS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
NOT_ENTITLED = {
    "status": "NOT_AUTHORIZED",
    "request_id": "1",
    "message": "You are not entitled to this data. Please upgrade your plan.",
}


class MassiveServer(VenueServer):
    """Massive: tables for REST, streams from `publish`; the key is wanted as a bearer."""

    def __init__(self) -> None:
        super().__init__()
        self.time_ms = 1_795_188_600_000  # 2026-11-20 15:30 UTC, a Friday's session
        self.status = "OK"
        self.bars: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.listed: dict[str, dict[str, Any]] = {}
        self.chain: list[dict[str, Any]] = []
        self.contracts: list[dict[str, Any]] = []
        self.news: list[dict[str, Any]] = []
        self.page = 1000
        self.next_base = ""
        self.auth_status = ""
        self.lacking: tuple[str, ...] = ()
        self.wanted: dict[Client, list[str]] = {}

    # The stream.

    async def publish(self, *rows: dict[str, Any]) -> None:
        """Send one frame to every open client."""
        await self.send_all(json.dumps(rows))

    async def until_subscribed(self, client: int = 1, streams: int = 1) -> Client:
        """Wait until the `client`th connection has so many streams and return it."""

        def ask() -> bool:
            return (
                len(self.clients) >= client
                and len(self.wanted.get(self.clients[client - 1], [])) >= streams
            )

        await self.until(ask)
        return self.clients[client - 1]

    async def speak_first(self, client: Client) -> None:
        await self._say(client, "connected", "Connected Successfully")

    async def _say(self, client: Client, status: str, message: str) -> None:
        told = [{"ev": "status", "status": status, "message": message}]
        await client.send(json.dumps(told))

    async def hear(self, client: Client, message: Any) -> None:
        params = message["params"]
        if message["action"] == "auth":
            status = self.auth_status or ("auth_success" if params == KEY else "auth_failed")
            await self._say(client, status, "authenticated")
            return
        wanted = self.wanted.setdefault(client, [])
        for stream in params.split(","):
            if message["action"] == "unsubscribe":
                wanted.remove(stream)
                await self._say(client, "success", f"unsubscribed to: {stream}")
            elif stream.partition(".")[0] in self.lacking:
                await self._say(client, "error", "not authorized")
                return
            else:
                wanted.append(stream)
                await self._say(client, "success", f"subscribed to: {stream}")

    # The REST side.

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        headers = {"Date": formatdate(self.time_ms / 1000, usegmt=True)}
        if self.requests and not self._is_signed():
            return 401, {"status": "ERROR", "error": "Unknown API Key"}, headers
        told = self._answered(path, query)
        if told is None:
            return 404, {"status": "NOT_FOUND", "message": "Ticker not found."}, headers
        return 200, {"status": self.status, "request_id": "1", **told}, headers

    def _is_signed(self) -> bool:
        sent = {name.lower(): value for name, value in self.requests[-1].headers.items()}
        return sent.get("authorization") == f"Bearer {KEY}"

    def _answered(self, path: str, query: dict[str, list[str]]) -> dict[str, Any] | None:
        match path.split("/")[1:]:
            case ["v1", "marketstatus", "now"]:
                return {"market": "open", "serverTime": "2026-11-20T10:30:00-05:00"}
            case ["v2", "aggs", "ticker", ticker, "range", mult, span, first, last]:
                rows = self.bars.get((ticker, mult, span), [])
                rows = [row for row in rows if int(first) <= row["t"] <= int(last)]
                rows.sort(key=lambda row: row["t"], reverse=query["sort"] == ["desc"])
                rows = rows[: int(query["limit"][0])]
                return {"resultsCount": len(rows), **({"results": rows} if rows else {})}
            case ["v2", "snapshot", "locale", "us", "markets", "stocks", "tickers"]:
                names = query["tickers"][0].split(",")
                return {"tickers": [self.snapshots[n] for n in names if n in self.snapshots]}
            case ["v2", "reference", "news"]:
                return {"results": self.news}
            case ["v3", "reference", "tickers"]:
                return self._paged(path, query, self._found(query))
            case ["v3", "reference", "tickers", ticker]:
                return {"results": self.listed[ticker]} if ticker in self.listed else None
            case ["v3", "reference", "options", "contracts"]:
                return self._paged(path, query, self.contracts)
            case ["v3", "snapshot", "options", _]:
                # A real cursor remembers the question; this one remembers its day.
                kept = query.get("cursor", ["."])[0].partition(".")[2]
                day = query.get("expiration_date", [kept])[0]
                rows = [one for one in self.chain if day in one["details"]["expiration_date"]]
                return self._paged(path, query, rows, day)
        raise LookupError(path)

    def _found(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        text = query.get("search", [""])[0].lower()
        return [
            one
            for one in self.listed.values()
            if text in one["ticker"].lower() or text in one["name"].lower()
        ]

    def _paged(
        self, path: str, query: dict[str, list[str]], rows: list[dict[str, Any]], day: str = ""
    ) -> dict[str, Any]:
        first = int(query.get("cursor", ["0"])[0].partition(".")[0])
        last = first + min(self.page, int(query.get("limit", ["10"])[0]))
        told: dict[str, Any] = {"results": rows[first:last]}
        if last < len(rows):
            limit = query.get("limit", ["10"])[0]
            base = self.next_base or self.rest_url
            told["next_url"] = f"{base}{path}?cursor={last}.{day}&limit={limit}"
        return told


def bar(start_ms: int, close: float = 130.1) -> dict[str, Any]:
    prices: dict[str, Any] = {"o": 130.4, "c": close, "h": 133.4, "l": 129.9, "vw": 131.6}
    return {**prices, "v": 70790, "t": start_ms, "n": 5}


def minute(symbol: str, start_ms: int, event: str = "AM", seconds: int = 60) -> dict[str, Any]:
    """Return an aggregate as the stream writes it."""
    prices: dict[str, Any] = {
        "op": 130.1,
        "vw": 131.2,
        "o": 131,
        "c": 131.1,
        "h": 131.3,
        "l": 130.9,
        "a": 130.8,
    }
    times: dict[str, Any] = {"z": 68, "s": start_ms, "e": start_ms + seconds * 1000}
    return {"ev": event, "sym": symbol, "v": 4110, "av": 9470157, **prices, **times}


def quote(symbol: str, bid: float = 114.12, ask: float = 114.14) -> dict[str, Any]:
    sides: dict[str, Any] = {"bx": 4, "bp": bid, "bs": 1, "ax": 7, "ap": ask, "as": 2}
    return {"ev": "Q", "sym": symbol, **sides, "c": 0, "t": 1_795_188_600_101, "q": 50, "z": 3}


def trade(symbol: str, sequence: int = 3681, price: float = 114.13) -> dict[str, Any]:
    more: dict[str, Any] = {
        "x": 4,
        "i": "12345",
        "z": 3,
        "s": 100,
        "c": [0, 12],
        "t": 1_795_188_600_202,
    }
    return {"ev": "T", "sym": symbol, "p": price, "q": sequence, **more}


def contract(strike: float, expiry: str, kind: str = "call", **more: Any) -> dict[str, Any]:
    """Return one item of a chain as documented."""
    name = f"O:AAPL{expiry.replace('-', '')[2:]}{kind[0].upper()}{round(strike * 1000):08d}"
    details: dict[str, Any] = {
        "contract_type": kind,
        "exercise_style": "american",
        "expiration_date": expiry,
    }
    details |= {"shares_per_contract": 100, "strike_price": strike, "ticker": name}
    at = 1_795_188_599_500_000_000
    return {
        "details": details,
        "day": {"volume": 512, "last_updated": at},
        "greeks": {"delta": 0.52, "gamma": 0.011, "theta": -0.08, "vega": 0.41},
        "implied_volatility": 0.31,
        "open_interest": 8133,
        "last_quote": {"bid": 9.1, "ask": 9.3, "last_updated": at, "timeframe": "REAL-TIME"},
        "last_trade": {"price": 9.2, "sip_timestamp": at},
        "underlying_asset": {"ticker": "AAPL", "price": 231.4, "timeframe": "DELAYED"},
        **more,
    }
