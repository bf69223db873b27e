"""One WebSocket client of the replayed venue: what it asked for, and what waits to be sent."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from markets.replay import wire

MOST_WAITING = 20_000
MOST_STREAMS = 1024
MESSAGES_A_SECOND = 5
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")


class Client:
    """Sends frames in order from a queue; the player waits while the queue is full."""

    def __init__(self, socket: ServerConnection, streams: list[str], *, is_combined: bool) -> None:
        self.streams = dict.fromkeys(streams)
        self.has_room = asyncio.Event()
        self.has_room.set()
        self._socket = socket
        self._is_combined = is_combined
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._told_at: deque[float] = deque(maxlen=MESSAGES_A_SECOND + 1)

    def offer(self, stream: str, frame: bytes) -> None:
        if stream in self.streams:
            self._waiting.put_nowait(frame if self._is_combined else wire.inner(frame))
            if self._waiting.qsize() >= MOST_WAITING:
                self.has_room.clear()

    async def drained(self) -> None:
        """Wait until all that it subscribed to was sent."""
        await self._waiting.join()

    async def serve(self, subscribed: Callable[[], None]) -> None:
        """Answer its requests and send what it subscribed to until it leaves."""
        sending = asyncio.create_task(self._send())
        try:
            async for message in self._socket:
                now = asyncio.get_running_loop().time()
                self._told_at.append(now)
                if len(self._told_at) > MESSAGES_A_SECOND and now - self._told_at[0] < 1:
                    await self._socket.close(1008, "Too many requests")
                    return
                self._waiting.put_nowait(msgspec.json.encode(self._hear(message)))
                if self.streams:
                    subscribed()
        except ConnectionClosed:
            pass
        finally:
            sending.cancel()

    def drop(self) -> None:
        """Cut a client that reads nothing; a polite close would wait for it."""
        self._socket.transport.abort()

    async def _send(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                frame = await self._waiting.get()
                await self._socket.send(frame, text=True)
                self._waiting.task_done()
                if self._waiting.qsize() < MOST_WAITING // 2:
                    self.has_room.set()

    def _hear(self, message: str | bytes) -> dict[str, Any]:
        """Return the answer to one control message, in the venue's words."""
        try:
            told = msgspec.json.decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            return {"code": 3, "msg": f"Invalid JSON: {fault}"}
        if not isinstance(told, dict) or told.get("method") not in METHODS:
            return {"code": 2, "msg": "Invalid request: unknown method"}
        if not isinstance(told.get("id"), int | str | None):
            return {"code": 2, "msg": "Invalid request: request ID must be a number or a text"}
        return {**self._do(told["method"], told.get("params", [])), "id": told.get("id")}

    def _do(self, method: str, params: Any) -> dict[str, Any]:
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self.streams)}
        if method == "GET_PROPERTY":
            return {"result": self._is_combined}
        if method == "SET_PROPERTY":
            return self._set_property(params)
        if not isinstance(params, list) or not all(isinstance(p, str) for p in params):
            return {"code": 2, "msg": "Invalid request: params must be a list of stream names"}
        if method == "SUBSCRIBE":
            if len({*self.streams, *params}) > MOST_STREAMS:
                return {"code": 2, "msg": "Invalid request: more than 1024 streams"}
            self.streams.update(dict.fromkeys(params))
        else:
            for stream in params:
                self.streams.pop(stream, None)
        return {"result": None}

    def _set_property(self, params: Any) -> dict[str, Any]:
        match params:
            case ["combined", bool() as is_combined]:
                self._is_combined = is_combined
                return {"result": None}
            case ["combined", _]:
                return {"code": 1, "msg": "Invalid value type: expected Boolean"}
            case _:
                return {"code": 0, "msg": "Unknown property"}
