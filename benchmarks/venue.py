"""A server on loopback that speaks Binance's protocol and sends at a set rate."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.inputs import MINUTE
from benchmarks.venue_book import Pair

# Of twenty messages: nine quotes, six trades, three differences of the book, two bars.
MIX = "qtqdqtqkqtqdqtqtqdtk"
STREAMS = {"q": "bookTicker", "t": "trade", "d": "depth@100ms", "k": "kline_1m"}


class Venue:
    """Pairs, their REST side in threads, their stream on the caller's loop.

    Attributes
    ----------
    sent : dict
        Monotonic seconds at which the quote with a number was handed to the socket.
    messages : int
        Frames sent in all.
    asked_at : float
        Monotonic seconds of the newest question about history.
    subscribed : asyncio.Event
        Set once somebody asked for streams.
    """

    def __init__(self, natives: list[str], *, minutes: int) -> None:
        now = int(time.time())
        self.pairs = {
            native: Pair(native, minutes=minutes, now=now, seed=i)
            for i, native in enumerate(natives)
        }
        self.sent: dict[int, float] = {}
        self.messages = 0
        self.asked_at = time.monotonic()
        self.subscribed = asyncio.Event()
        self._sockets: dict[ServerConnection, set[str]] = {}
        self._rest = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.rest_port = int(self._rest.server_address[1])
        threading.Thread(target=self._rest.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._rest.shutdown()
        self._rest.server_close()

    # The stream.

    def open_stream(self) -> Any:
        """Return the stream server, an async context manager."""
        return serve(self._serve, "127.0.0.1", 0, compression=None, ping_interval=None)

    async def _serve(self, socket: ServerConnection) -> None:
        self._sockets[socket] = set()
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                told = json.loads(message)
                change = {"SUBSCRIBE": set.update, "UNSUBSCRIBE": set.difference_update}
                change[told["method"]](self._sockets[socket], told["params"])
                self.subscribed.set()
                await socket.send(json.dumps({"result": None, "id": told["id"]}))
        del self._sockets[socket]

    async def send_for(self, seconds: float, per_second: float) -> None:
        """Send the mix at an even pace, closing each bar when its minute is over."""
        began, number = time.monotonic(), 0
        pairs = list(self.pairs.values())
        while (passed := time.monotonic() - began) < seconds:
            await self._close_bars(pairs)
            pair = pairs[number % len(pairs)]
            await self._send_one(pair, MIX[number // len(pairs) % len(MIX)])
            number += 1
            await asyncio.sleep(max(0.0, number / per_second - passed))

    async def _send_one(self, pair: Pair, kind: str) -> None:
        now_ms = time.time_ns() // 1_000_000
        if kind == "q":
            number = len(self.sent) + 1
            frame = pair.quote(number)
            self.sent[number] = time.monotonic()
        else:
            frame = {"t": pair.trade, "d": pair.depth, "k": pair.kline}[kind](now_ms)
        await self._send(f"{pair.native.lower()}@{STREAMS[kind]}", frame)

    async def _close_bars(self, pairs: list[Pair]) -> None:
        now = time.time()
        for pair in pairs:
            while now >= pair.forming + MINUTE:
                await self._send(f"{pair.native.lower()}@kline_1m", pair.close(int(now * 1000)))

    async def _send(self, stream: str, frame: bytes) -> None:
        self.messages += 1
        for socket, streams in list(self._sockets.items()):
            if stream in streams:
                with contextlib.suppress(ConnectionClosed):
                    await socket.send(frame, text=True)

    # The REST side.

    def answer(self, path: str, asked: dict[str, str]) -> Any:
        if path == "/api/v3/klines":
            self.asked_at = time.monotonic()
        pair = self.pairs.get(asked.get("symbol", ""))
        answers: dict[str, Callable[[], Any]] = {
            "/api/v3/ping": dict,
            "/api/v3/time": lambda: {"serverTime": time.time_ns() // 1_000_000},
            "/api/v3/exchangeInfo": lambda: {"symbols": [rules(name) for name in self.pairs]},
            "/api/v3/ticker/24hr": lambda: [ticker(one) for one in self.pairs.values()],
        }
        if pair is not None:
            answers["/api/v3/depth"] = lambda: pair.snapshot(int(asked.get("limit", 100)))
            answers["/api/v3/klines"] = lambda: pair.klines(
                int(asked["startTime"]) if "startTime" in asked else None,
                int(asked["endTime"]) if "endTime" in asked else None,
                int(asked.get("limit", 500)),
            )
        return answers[path]()


def rules(native: str) -> dict[str, Any]:
    return {
        "symbol": native,
        "status": "TRADING",
        "baseAsset": native.removesuffix("USDT"),
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "quoteAssetPrecision": 8,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001", "stepSize": "0.00001"},
            {"filterType": "NOTIONAL", "minNotional": "5.0"},
        ],
    }


def ticker(pair: Pair) -> dict[str, Any]:
    close = f"{pair.bar['c']:.8f}"
    prices = ("lastPrice", "bidPrice", "askPrice", "openPrice", "highPrice", "lowPrice")
    numbers = dict.fromkeys((*prices, "volume", "quoteVolume"), close)
    return {"symbol": pair.native, **numbers, "closeTime": time.time_ns() // 1_000_000}


def _handler(venue: Venue) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            try:
                status, found = 200, venue.answer(parts.path, asked)
            except KeyError:
                status, found = 400, {"code": -1121, "msg": "Invalid symbol."}
            body = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
