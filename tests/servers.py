"""Loopback venues for tests: the real protocols, scripted frames, faults that can be switched on.

`BinanceServer` and `CoinbaseServer` are async context managers on a free port of 127.0.0.1;
`in_thread` runs one beside a test that blocks. A fault is put on a route with `fail`:

    server.fail("/api/v3/klines", status=429, headers={"Retry-After": "2"}, times=1)
    server.fail("/api/v3/time", kind="reset")       # for ever, until `server.mend()`
    server.greeting = "silence"                     # how new WebSocket connections behave
"""

import asyncio
import http
import json
import socket as sockets
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response

FOREVER = 10**9
PATIENCE_S = 20.0  # a busy machine is no fault of what is tested
HTML = b"<!DOCTYPE html><html><body>Attention required</body></html>"


@dataclass
class Fault:
    """What happens instead of the answer; kinds: answer, close, reset, silence, cut, drip, huge."""

    kind: str = "answer"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    delay_s: float = 0.0
    times: int = FOREVER


@dataclass
class Asked:
    """One request that arrived."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    at_s: float

    def value(self, name: str) -> str:
        return self.query[name][0]


@dataclass(eq=False)
class Client:
    """One WebSocket connection: what it sent, how to hurt it."""

    socket: ServerConnection
    path: str
    opened_s: float
    told: list[Any] = field(default_factory=list)
    is_open: bool = True

    async def send(self, text: str | bytes) -> None:
        with suppress(ConnectionClosed):
            await self.socket.send(text, text=True)

    async def close(self, code: int = 1000) -> None:
        await self.socket.close(code)

    def reset(self) -> None:
        reset(self.socket)


def reset(connection: ServerConnection) -> None:
    """Close with RST instead of FIN."""
    raw = connection.transport.get_extra_info("socket")
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    connection.transport.abort()


def response(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    sent = {"Content-Type": "application/json", **(headers or {})}
    sent |= {"Content-Length": str(len(body)), "Connection": "close"}
    return Response(status, http.HTTPStatus(status).phrase, Headers(sent), body)


class VenueServer:
    """What both venues share: routes, faults, the request log, the WebSocket clients."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.clients: list[Client] = []
        self.greeting = "serve"  # or silence, close, reset, mute, 429, 451, 503
        self.port = 0
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._changed = asyncio.Condition()
        self._over = asyncio.Event()

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def open_clients(self) -> list[Client]:
        return [client for client in self.clients if client.is_open]

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._socket,
            "127.0.0.1",
            self.port,
            process_request=self._request,
            compression=None,
            ping_interval=None,
            close_timeout=0.2,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        for client in self.open_clients:
            client.socket.transport.abort()
        self._server.close()
        await self._server.wait_closed()

    def fail(self, path: str, kind: str = "answer", **how: Any) -> None:
        """Switch a fault on for a path; earlier ones of the path are used up first."""
        self._faults[path].append(Fault(kind=kind, **how))

    def mend(self) -> None:
        self._faults.clear()
        self.greeting = "serve"

    def asked(self, path: str) -> list[Asked]:
        return [request for request in self.requests if request.path == path]

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        """Return status, JSON value and headers of a healthy answer."""
        raise LookupError(path)

    async def speak_first(self, client: Client) -> None:
        """Speak first to a new client."""

    async def hear(self, client: Client, message: Any) -> None:
        """React to one message of a client."""

    async def until_clients(self, count: int, timeout_s: float = PATIENCE_S) -> list[Client]:
        """Wait until `count` clients ever connected and return them."""
        await self.until(lambda: len(self.clients) >= count, timeout_s)
        return self.clients

    async def until[T](self, ask: Any, timeout_s: float = PATIENCE_S) -> Any:
        """Wait until `ask` is true after something arrived here."""
        async with asyncio.timeout(timeout_s), self._changed:
            while not (found := ask()):
                await self._changed.wait()
            return found

    async def send_all(self, text: str | bytes) -> None:
        for client in self.open_clients:
            await client.send(text)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _request(self, connection: ServerConnection, request: Any) -> Response | None:
        parts = urlsplit(request.path)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._greet(connection)
        query = parse_qs(parts.query)
        headers = dict(request.headers.raw_items())
        self.requests.append(Asked(parts.path, query, headers, time.monotonic()))
        await self._tell()
        fault = self._next_fault(parts.path)
        if fault is not None:
            return await self._hurt(connection, fault)
        try:
            status, value, more = self.answer(parts.path, query)
        except LookupError:
            status, value, more = 404, {"code": -1000, "msg": "no such path"}, {}
        return response(status, json.dumps(value).encode(), more)

    def _next_fault(self, path: str) -> Fault | None:
        queue = self._faults.get(path) or self._faults.get("*")
        if not queue:
            return None
        queue[0].times -= 1
        return queue.pop(0) if queue[0].times <= 0 else queue[0]

    async def _greet(self, connection: ServerConnection) -> Response | None:
        if self.greeting.isdigit():
            self.clients.append(Client(connection, "", time.monotonic(), is_open=False))
            await self._tell()
            return response(int(self.greeting), b"{}", {"Retry-After": "1"})
        if self.greeting == "mute":
            self.clients.append(Client(connection, "", time.monotonic()))
            await self._tell()
            await self._over.wait()
        return None

    async def _hurt(self, connection: ServerConnection, fault: Fault) -> Response | None:
        await asyncio.sleep(fault.delay_s)
        transport = connection.transport
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50000000\r\n\r\n"
        )
        match fault.kind:
            case "close":
                transport.close()
            case "reset":
                reset(connection)
            case "cut":
                transport.write(head + b'[[1,"2"')
                transport.close()
            case "drip" | "huge":
                transport.write(head)
                await self._pour(transport, fault.kind)
            case "answer":
                body = fault.body if fault.body is not None else b"{}"
                return response(fault.status, body, fault.headers)
            case "silence":
                await self._over.wait()
        return response(500, b"{}")

    async def _pour(self, transport: asyncio.Transport, kind: str) -> None:
        """Send a body that never ends, byte by byte or all at once."""
        while not transport.is_closing():
            transport.write(b" " * (1 if kind == "drip" else 50_000))
            await asyncio.sleep(0.05 if kind == "drip" else 0.001)

    async def _socket(self, socket: ServerConnection) -> None:
        path = socket.request.path if socket.request else ""
        client = Client(socket, path, time.monotonic())
        self.clients.append(client)
        await self._tell()
        if self.greeting == "close":
            client.is_open = False
            return
        if self.greeting == "reset":
            client.reset()
        try:
            if self.greeting == "serve":
                await self.speak_first(client)
            async for message in socket:
                told = json.loads(message)
                client.told.append(told)
                if self.greeting == "serve":
                    await self.hear(client, told)
                await self._tell()
        except ConnectionClosed:
            pass
        finally:
            client.is_open = False
            await self._tell()


class BinanceServer(VenueServer):
    """Binance: REST from the given tables, streams from `publish`."""

    def __init__(self) -> None:
        super().__init__()
        self.time_ms = 1_723_161_600_000
        self.used_weight = 1
        self.symbols: dict[str, dict[str, Any]] = {}
        self.rows: dict[tuple[str, str], list[list[Any]]] = {}
        self.books: dict[str, dict[str, Any]] = {}
        self.tickers: dict[str, dict[str, Any]] = {}
        self.agg_trades: dict[str, list[dict[str, Any]]] = {}
        self.refused: dict[str, Any] | None = None

    def add_symbol(
        self, base: str, quote: str, *, tick: str = "0.01", step: str = "0.00001"
    ) -> None:
        """Let the venue know a pair."""
        self.symbols[base + quote] = {
            "symbol": base + quote,
            "status": "TRADING",
            "baseAsset": base,
            "baseAssetPrecision": 8,
            "quoteAsset": quote,
            "quoteAssetPrecision": 8,
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": tick},
                {"filterType": "LOT_SIZE", "minQty": step, "stepSize": step},
                {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
            ],
        }

    def streams(self, client: Client) -> list[str]:
        """Return what a client is subscribed to."""
        wanted: dict[str, None] = {}
        for told in client.told:
            params = told.get("params", [])
            if told.get("method") == "SUBSCRIBE":
                wanted.update(dict.fromkeys(params))
            for stream in params if told.get("method") == "UNSUBSCRIBE" else ():
                wanted.pop(stream, None)
        return list(wanted)

    async def until_subscribed(self, count: int = 1, timeout_s: float = PATIENCE_S) -> Client:
        """Wait until the `count`th client subscribed and return it."""

        def ask() -> Any:
            return len(self.clients) >= count and self.clients[count - 1].told

        await self.until(ask, timeout_s)
        return self.clients[count - 1]

    async def publish(self, stream: str, data: dict[str, Any]) -> None:
        """Send an event to every open client that subscribed to its stream."""
        frame = json.dumps({"stream": stream, "data": data}, separators=(",", ":"))
        for client in self.open_clients:
            if stream in self.streams(client):
                await client.send(frame)

    async def hear(self, client: Client, message: Any) -> None:
        answer = self.refused or {"result": None}
        await client.send(json.dumps({**answer, "id": message.get("id")}))

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        headers = {"X-MBX-USED-WEIGHT-1M": str(self.used_weight)}
        symbols = query.get("symbol", []) or json.loads(query.get("symbols", ["[]"])[0])
        known = self.symbols | self.books | self.tickers | {key[0]: {} for key in self.rows}
        if any(symbol not in known for symbol in symbols):
            return 400, {"code": -1121, "msg": "Invalid symbol."}, headers
        match path:
            case "/api/v3/ping":
                return 200, {}, headers
            case "/api/v3/time":
                return 200, {"serverTime": self.time_ms}, headers
            case "/api/v3/exchangeInfo":
                return 200, {"symbols": [self.symbols[s] for s in symbols or self.symbols]}, headers
            case "/api/v3/aggTrades":
                return 200, self.agg_trades[symbols[0]], headers
            case "/api/v3/klines":
                return 200, self._klines(query), headers
            case "/api/v3/depth":
                return 200, self.books[symbols[0]], headers
            case "/api/v3/ticker/24hr":
                return 200, [self.tickers[s] for s in symbols], headers
        raise LookupError(path)

    def _klines(self, query: dict[str, list[str]]) -> list[list[Any]]:
        rows = self.rows.get((query["symbol"][0], query["interval"][0]), [])
        start = int(query.get("startTime", ["0"])[0])
        end = int(query.get("endTime", ["9999999999999"])[0])
        limit = int(query.get("limit", ["500"])[0])
        rows = [row for row in rows if start <= row[0] <= end]
        return rows[:limit] if "startTime" in query else rows[-limit:]


def kline_row(
    open_ms: int, prices: tuple[str, str, str, str], interval_ms: int = 60_000
) -> list[Any]:
    """Return a bar as Binance's REST writes it."""
    o, h, low, c = prices
    return [open_ms, o, h, low, c, "1.5", open_ms + interval_ms - 1, "150.0", 3, "1", "100", "0"]


def kline_data(
    symbol: str, open_ms: int, prices: tuple[str, str, str, str], *, is_closed: bool, at_ms: int = 0
) -> dict[str, Any]:
    """Return the data of a one-minute kline frame."""
    o, h, low, c = prices
    bar = {"t": open_ms, "T": open_ms + 59_999, "s": symbol, "i": "1m", "f": 1, "L": 3}
    bar |= {"o": o, "c": c, "h": h, "l": low, "v": "1.5", "n": 3, "x": is_closed}
    bar |= {"q": "150.0", "V": "1", "Q": "100", "B": "0"}
    return {"e": "kline", "E": at_ms or open_ms + 60_000, "s": symbol, "k": bar}


def trade_data(
    symbol: str, trade_id: int, price: str, quantity: str = "0.5", at_ms: int = 1
) -> dict[str, Any]:
    moment = {"E": at_ms, "T": at_ms}
    return {"e": "trade", "s": symbol, "t": trade_id, "p": price, "q": quantity, "m": True} | moment


def quote_data(symbol: str, update_id: int, bid: str, ask: str) -> dict[str, Any]:
    return {"u": update_id, "s": symbol, "b": bid, "B": "2.0", "a": ask, "A": "3.0"}


def depth_data(
    symbol: str, first: int, last: int, bids: Any = (), asks: Any = (), at_ms: int = 1
) -> dict[str, Any]:
    return {
        "e": "depthUpdate",
        "E": at_ms,
        "s": symbol,
        "U": first,
        "u": last,
        "b": list(bids),
        "a": list(asks),
    }


class CoinbaseServer(VenueServer):
    """Coinbase Advanced Trade: public REST, the market feed with its count of frames."""

    def __init__(self) -> None:
        super().__init__()
        self.time_ms = 1_723_161_600_000
        self.products: dict[str, dict[str, Any]] = {}
        self.candles: dict[str, list[dict[str, str]]] = {}
        self.books: dict[str, dict[str, Any]] = {}
        self.tickers: dict[str, dict[str, Any]] = {}
        self._sequences: dict[Client, int] = {}

    async def send_channel(
        self, channel: str, events: list[Any], *, skip: int = 0, name: str = ""
    ) -> None:
        """Send a frame to every client that subscribed; `skip` loses frames on the way.

        `name` is what frames of the channel are called where that is another word.
        """
        for client in self.open_clients:
            if any(told.get("channel") == channel for told in client.told):
                await self._number(client, name or channel, events, skip)

    async def _number(self, client: Client, channel: str, events: list[Any], skip: int = 0) -> None:
        sequence = self._sequences.get(client, -1) + 1 + skip
        self._sequences[client] = sequence
        at = {"timestamp": "2026-04-07T14:30:03.123456Z", "sequence_num": sequence}
        await client.send(json.dumps({"channel": channel, "client_id": "", **at, "events": events}))

    async def hear(self, client: Client, message: Any) -> None:
        told = {message["channel"]: message.get("product_ids", [])}
        await self._number(client, "subscriptions", [{"subscriptions": told}])

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        if path == "/time":
            moment = {"epochSeconds": str(self.time_ms // 1000), "epochMillis": str(self.time_ms)}
            return 200, {"iso": "", **moment}, {}
        if path == "/market/products":
            wanted = query.get("product_ids", [])
            found = [self.products[p] for p in wanted if p in self.products]
            return 200, {"products": found, "num_products": len(found)}, {}
        product, _, what = path.removeprefix("/market/products/").partition("/")
        if path == "/market/product_book":
            return 200, {"pricebook": self.books[query["product_id"][0]]}, {}
        if what == "candles":
            start, end = int(query["start"][0]), int(query["end"][0])
            rows = [c for c in self.candles[product] if start <= int(c["start"]) <= end]
            return 200, {"candles": sorted(rows, key=lambda c: -int(c["start"]))}, {}
        if what == "ticker":
            return 200, self.tickers[product], {}
        raise LookupError(path)


@contextmanager
def in_thread(server: Any) -> Iterator[Any]:
    """Run a server on a loop of its own; `server.call(coroutine)` waits for what it does there."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="test venue", daemon=True)
    thread.start()

    def call(coroutine: Any, timeout_s: float = PATIENCE_S) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout_s)

    server.call = call
    call(server.__aenter__())
    try:
        yield server
    finally:
        call(server.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
