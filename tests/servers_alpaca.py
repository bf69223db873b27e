"""Alpaca on loopback: data, account and stream side on one port; faults as in `servers.py`."""

import json
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from tests.servers import Client, VenueServer

KEY, SECRET = "PKTESTKEYCANARY", "secret-canary-alpaca"
CHANNELS = ("bars", "quotes", "trades", "updatedBars")
SECONDS = {"1Min": 60, "5Min": 300, "15Min": 900, "30Min": 1800, "1Hour": 3600, "1Day": 86400}


def at(epoch_s: float) -> str:
    """Return a time as Alpaca writes it, with nanoseconds."""
    moment = datetime.fromtimestamp(epoch_s, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}123Z"


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


class AlpacaServer(VenueServer):
    """Alpaca: tables for REST, streams from `publish`; both keys are wanted everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.time_ms = 1_795_188_600_000  # 2026-11-20 15:30 UTC, a Friday's session
        self.bars: dict[str, list[dict[str, Any]]] = {}
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.assets: dict[str, dict[str, Any]] = {}
        self.chain: dict[str, dict[str, Any]] = {}
        self.contracts: list[dict[str, Any]] = []
        self.news: list[dict[str, Any]] = []
        self.chain_page = 1000
        self.contract_page = 10_000
        self.most = 30
        self.is_mute = False  # no answer to what comes after signing in
        self.auth_error: dict[str, Any] | None = None
        self._wanted: dict[Client, list[tuple[str, str]]] = {}

    # The stream.

    def subscribed(self, client: Client) -> dict[str, list[str]]:
        """Return what a client is subscribed to, as the venue counts it."""
        wanted = self._wanted.get(client, [])
        return {c: [s for channel, s in wanted if channel == c] for c in CHANNELS}

    async def publish(self, *rows: dict[str, Any]) -> None:
        """Send one frame to every open client."""
        await self.send_all(json.dumps(rows))

    async def until_subscribed(self, client: int = 1, streams: int = 1) -> Client:
        """Wait until the `client`th connection has so many streams and return it."""

        def ask() -> bool:
            return (
                len(self.clients) >= client
                and len(self._wanted.get(self.clients[client - 1], [])) >= streams
            )

        await self.until(ask)
        return self.clients[client - 1]

    async def speak_first(self, client: Client) -> None:
        await client.send(json.dumps([{"T": "success", "msg": "connected"}]))

    async def hear(self, client: Client, message: Any) -> None:
        if self.is_mute and message.get("action") != "auth":
            return
        await client.send(json.dumps([self._reply(client, message)]))

    def _reply(self, client: Client, message: Any) -> dict[str, Any]:
        if message.get("action") == "auth":
            is_ours = (message.get("key"), message.get("secret")) == (KEY, SECRET)
            wrong = {"T": "error", "code": 402, "msg": "auth failed"}
            right = {"T": "success", "msg": "authenticated"}
            return self.auth_error or (right if is_ours else wrong)
        wanted = self._wanted.setdefault(client, [])
        named = [(channel, stock) for channel in CHANNELS for stock in message.get(channel, [])]
        if message["action"] == "unsubscribe":
            self._wanted[client] = [one for one in wanted if one not in named]
        elif len({*wanted, *named}) > self.most:
            return {"T": "error", "code": 405, "msg": "symbol limit exceeded"}
        else:
            wanted += [one for one in named if one not in wanted]
        return {"T": "subscription", **self.subscribed(client)}

    # The REST side.

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        headers = {"Date": formatdate(self.time_ms / 1000, usegmt=True)}
        if self.requests and not self._is_signed():
            return 401, {"message": "request is not authorized"}, headers
        value = self._answered(path, query)
        if value is None:
            return 404, {"code": 40410000, "message": "asset not found"}, headers
        return 200, value, headers

    def _is_signed(self) -> bool:
        sent = {name.lower(): value for name, value in self.requests[-1].headers.items()}
        return (sent.get("apca-api-key-id"), sent.get("apca-api-secret-key")) == (KEY, SECRET)

    def _answered(self, path: str, query: dict[str, list[str]]) -> Any:
        match path:
            case "/v2/clock":
                return {"timestamp": at(self.time_ms / 1000), "is_open": True}
            case "/v2/assets":
                return list(self.assets.values())
            case "/v2/stocks/bars":
                return self._bars(query)
            case "/v2/stocks/snapshots":
                names = query["symbols"][0].split(",")
                return {name: self.snapshots[name] for name in names if name in self.snapshots}
            case "/v2/options/contracts":
                return self._contracts(query)
            case "/v1beta1/news":
                return {"news": self.news, "next_page_token": None}
        if path.startswith("/v2/assets/"):
            return self.assets.get(path.removeprefix("/v2/assets/"))
        if path.startswith("/v1beta1/options/snapshots/"):
            return self._chain(query)
        raise LookupError(path)

    def _bars(self, query: dict[str, list[str]]) -> dict[str, Any]:
        symbol, limit = query["symbols"][0], int(query["limit"][0])
        first, last = seconds(query["start"][0]), seconds(query["end"][0])
        rows = [row for row in self.bars.get(symbol, []) if first <= seconds(row["t"]) <= last]
        rows.sort(key=lambda row: row["t"], reverse=query["sort"] == ["desc"])
        token = "more" if len(rows) > limit else None
        return {"bars": {symbol: rows[:limit]} if rows else {}, "next_page_token": token}

    def _chain(self, query: dict[str, list[str]]) -> dict[str, Any]:
        day = query.get("expiration_date", [""])[0].replace("-", "")[2:]
        names = sorted(name for name in self.chain if day in name)
        first = int(query.get("page_token", ["0"])[0])
        most = min(self.chain_page, int(query["limit"][0]))
        rows = {name: self.chain[name] for name in names[first : first + most]}
        token = str(first + most) if first + most < len(names) else None
        return {"snapshots": rows, "next_page_token": token}

    def _contracts(self, query: dict[str, list[str]]) -> dict[str, Any]:
        low, high = query["expiration_date_gte"][0], query["expiration_date_lte"][0]
        kind = query.get("type", [None])[0]
        rows = [
            row
            for row in self.contracts
            if low <= row["expiration_date"] <= high and kind in {None, row["type"]}
        ]
        first = int(query.get("page_token", ["0"])[0])
        token = str(first + self.contract_page)
        page = rows[first : first + self.contract_page]
        is_last = first + self.contract_page >= len(rows)
        return {"option_contracts": page, "next_page_token": None if is_last else token}


def bar(epoch_s: int, close: float = 231.4) -> dict[str, Any]:
    """Return a bar as REST and stream write it."""
    moment = datetime.fromtimestamp(epoch_s, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    prices = {"o": 231, "h": 231.5, "l": 230.9, "c": close}
    return {"t": moment, **prices, "v": 1200, "n": 40, "vw": 231.2}


def quote(symbol: str, bid: float = 231.39, ask: float = 231.41) -> dict[str, Any]:
    sides = {"ax": "V", "ap": ask, "as": 3, "bx": "V", "bp": bid, "bs": 2, "c": ["R"], "z": "C"}
    return {"T": "q", "S": symbol, **sides, "t": "2026-11-20T15:30:01.123456789Z"}


def trade(symbol: str, number: int = 7, price: float = 231.4) -> dict[str, Any]:
    more = {"x": "V", "s": 100, "c": ["@"], "z": "C", "t": "2026-11-20T15:30:02.5Z"}
    return {"T": "t", "S": symbol, "i": number, "p": price, **more}
