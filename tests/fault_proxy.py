"""A TCP proxy on loopback that hurts what passes: slow, cut, silent, garbled, or away.

    async with FaultProxy(server.port) as proxy:
        stream = BinanceStream(f"ws://127.0.0.1:{proxy.port}", ...)
        proxy.hole()            # nothing passes any more, the connections stay open
        proxy.mend()            # new bytes pass again

What passes from the server to the client is hurt; requests pass as they are, but for `hole`.
"""

import asyncio
import socket as sockets
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

CHUNK = 65_536


@dataclass
class Toll:
    """What happens to bytes on their way to the client.

    `latency_s` delays each piece, `slice_bytes` cuts it into smaller ones that are sent one by
    one, `rate` is how many bytes pass in a second, `limit_data` how many before the connection
    ends, `garbage` is sent instead of the next piece.
    """

    latency_s: float = 0.0
    slice_bytes: int = CHUNK
    rate: float = 0.0
    limit_data: int | None = None
    garbage: bytes = b""


class FaultProxy:
    """Stands before one port of 127.0.0.1; belongs to one event loop."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.toll = Toll()
        self.accepted = 0
        self._target_port = target_port
        self._is_down = False
        self._open = asyncio.Event()
        self._open.set()
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def mend(self) -> None:
        self.toll = Toll()
        self._is_down = False
        self._open.set()

    def hole(self) -> None:
        """Let nothing pass while the connections stay open."""
        self._open.clear()

    def down(self) -> None:
        """End what is open and refuse what comes, until `mend`."""
        self._is_down = True
        self.reset_peer()

    def cut(self) -> None:
        """End every connection with FIN."""
        for client, server in list(self._pairs):
            client.close()
            server.close()

    def reset_peer(self) -> None:
        """End every connection with RST."""
        for client, server in list(self._pairs):
            _reset(client)
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._is_down:
            _reset(writer)
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            _reset(writer)
            return
        pair = (writer, there[1])
        self._pairs.add(pair)
        ways = [self._pass(reader, there[1], is_hurt=False), self._pass(there[0], writer)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        self._tasks.update(tasks)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pairs.discard(pair)
            for task in tasks:
                task.cancel()
            for end in pair:
                end.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_hurt: bool = True
    ) -> None:
        passed = 0
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._open.wait()
                if is_hurt:
                    passed += await self._hurt(data, writer, passed)
                else:
                    await _send(data, writer)
                if self.toll.limit_data is not None and passed >= self.toll.limit_data:
                    return

    async def _hurt(self, data: bytes, writer: asyncio.StreamWriter, passed: int) -> int:
        toll = self.toll
        await asyncio.sleep(toll.latency_s)
        if toll.garbage:
            data, toll.garbage = toll.garbage, b""
        if toll.limit_data is not None:
            data = data[: max(0, toll.limit_data - passed)]
        for at in range(0, len(data), toll.slice_bytes):
            piece = data[at : at + toll.slice_bytes]
            await _send(piece, writer)
            if toll.rate:
                await asyncio.sleep(len(piece) / toll.rate)
        return len(data)


async def _send(data: bytes, writer: asyncio.StreamWriter) -> int:
    writer.write(data)
    await writer.drain()
    return len(data)


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
