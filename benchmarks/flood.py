"""A server on loopback that sends frames of one kind as fast as its reader takes them.

It speaks what the clients need of Binance: `exchangeInfo`, a combined stream named in the path or
by SUBSCRIBE, and the raw stream (`/ws`), which has no envelope.
"""

import asyncio
import json
import struct
import threading
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from benchmarks.children import answer
from benchmarks.inputs import frames

PIECE = 64 * 1024
INFO = {
    "timezone": "UTC",
    "serverTime": 1,
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "status": "TRADING",
            "baseAsset": "BTC",
            "baseAssetPrecision": 8,
            "quoteAsset": "USDT",
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "permissions": ["SPOT"],
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": "0.01",
                    "maxPrice": "1000000",
                    "tickSize": "0.01",
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": "0.00001",
                    "maxQty": "9000",
                    "stepSize": "0.00001",
                },
            ],
        }
    ],
}


def shaped(raw: bytes, *, is_raw: bool, is_aggregate: bool) -> bytes:
    """Return a frame as this client's stream carries it."""
    if not (is_raw or is_aggregate):
        return raw
    told = json.loads(raw)
    if is_aggregate:
        told["stream"] = told["stream"].replace("@trade", "@aggTrade")
        trade = told["data"]
        trade |= {"e": "aggTrade", "a": trade.pop("t"), "f": 1, "l": 1}
    return json.dumps(told["data"] if is_raw else told, separators=(",", ":")).encode()


def framed(payload: bytes) -> bytes:
    """Return an unmasked text frame (RFC 6455, section 5.2)."""
    size = len(payload)
    head = bytes([0x81, size]) if size < 126 else struct.pack("!BBH", 0x81, 126, size)
    return head + payload


class Flood:
    """The server in a thread; `kind` and `count` say what the next reader gets."""

    def __init__(self) -> None:
        self.kind, self.count, self.port = "trade", 0, 0
        self._is_up = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True).start()
        self._is_up.wait(10)

    async def _main(self) -> None:
        async with serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._request,
            compression=None,
            ping_interval=None,
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._is_up.set()
            await asyncio.get_running_loop().create_future()

    def _request(self, _: ServerConnection, request: Request) -> Response | None:
        if "upgrade" in {value.lower() for value in request.headers.get_all("Connection")}:
            return None
        body = json.dumps(INFO if "exchangeInfo" in request.path else {}).encode()
        headers = Headers({"Content-Type": "application/json", "Connection": "close"})
        headers["Content-Length"] = str(len(body))
        return Response(HTTPStatus.OK, "OK", headers, body)

    async def _serve(self, socket: ServerConnection) -> None:
        path = socket.request.path if socket.request else ""
        is_begun = False
        with suppress(ConnectionClosed):
            if "streams=" in path:
                await self._pour(socket, path)
                is_begun = True
            async for message in socket:
                told = json.loads(message)
                await socket.send(json.dumps({"result": None, "id": told.get("id")}))
                if not is_begun:
                    is_begun = True
                    await self._pour(socket, path)

    async def _pour(self, socket: ServerConnection, path: str) -> None:
        is_raw = path.startswith("/ws")
        pieces = self._pieces(is_raw=is_raw, is_aggregate="aggTrade" in path)
        for piece in pieces:
            socket.transport.write(piece)
            while socket.transport.get_write_buffer_size() > PIECE:  # noqa: ASYNC110  no event of it
                await asyncio.sleep(0.0005)

    def _pieces(self, *, is_raw: bool, is_aggregate: bool) -> list[bytes]:
        made, piece = [], bytearray()
        for raw in frames(self.kind, self.count):
            piece += framed(shaped(raw, is_raw=is_raw, is_aggregate=is_aggregate))
            if len(piece) >= PIECE:
                made.append(bytes(piece))
                piece.clear()
        return [*made, bytes(piece)]


flood: list[Flood] = []


def work(kind: str, count: int) -> dict[str, Any]:
    """Begin to serve this kind; answer the port."""
    if not flood:
        flood.append(Flood())
    flood[0].kind, flood[0].count = kind, count
    frames(kind, count)
    return {"port": flood[0].port}


if __name__ == "__main__":
    answer(work)
