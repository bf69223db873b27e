"""The replayed venue: one port for REST and streams, one clock, tapes played one after another."""

import asyncio
import http
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from markets.replay.client import Client
from markets.replay.clock import VirtualClock
from markets.replay.market import Board, Published, ReplayFileError, Tape
from markets.replay.rest import Rest

logger = logging.getLogger(__name__)

BOOK_WAIT_S = 8.0
PAUSE_S = 5.0
STUCK_S = 10.0
PING_S = 20.0
PONG_S = 60.0


class ReplayServer:
    """Plays tapes to whoever connects; an async context manager.

    Parameters
    ----------
    tapes : sequence of Tape
        Played one after the other; each begins no earlier than the last one ends.
    speed : float
        Times as fast as it happened; a file of bars plays so many bars a second.
    is_waiting : bool
        The clock stands still until the first WebSocket client, so that nothing is missed.
    say : callable
        Hears sentences for the terminal.
    """

    def __init__(
        self,
        tapes: Sequence[Tape],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        speed: float = 1.0,
        is_waiting: bool = True,
        say: Callable[[str], None] = logger.info,
    ) -> None:
        if not tapes:
            message = "nothing to replay"
            raise ReplayFileError(message)
        self.clock = VirtualClock()
        self.clock.set(tapes[0].start_ms)
        self.finished = asyncio.Event()
        self.port = port
        self.frames = 0
        self._host = host
        self._tapes = tapes
        self._speed = speed
        self._say = say
        self._boards: dict[str, Board] = dict(tapes[0].boards)
        self._clients: set[Client] = set()
        self._begin = asyncio.Event()
        self._moved = asyncio.Condition()
        self._rest = Rest(lambda: self._boards, self.clock.now_ms)
        self._server: Server | None = None
        self._playing: asyncio.Task[None] | None = None
        if not is_waiting:
            self._begin.set()

    @property
    def rest_url(self) -> str:
        return f"http://{self._host}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{self._host}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve_socket,
            self._host,
            self.port,
            process_request=self._serve_http,
            compression=None,
            ping_interval=PING_S,
            ping_timeout=PONG_S,
            max_size=64 * 1024,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        self._playing = asyncio.create_task(self._play(), name="replay")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._playing is not None:
            self._playing.cancel()
            await asyncio.gather(self._playing, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def begin(self) -> None:
        """Let the clock run."""
        self._begin.set()

    async def drained(self) -> None:
        """Wait until every client was sent all that it subscribed to."""
        for client in list(self._clients):
            await client.drained()

    async def _play(self) -> None:
        await self._begin.wait()
        last_ms = 0
        for tape in self._tapes:
            if tape.start_ms < last_ms:
                self._say(f"{tape.name} begins before the end of the file before it: left out")
                continue
            last_ms = await self._play_tape(tape)
        self._say(f"the data are over after {self.frames} frames; the venue keeps answering")
        self.finished.set()

    async def _play_tape(self, tape: Tape) -> int:
        """Play one tape and return the venue's time at its end."""
        clock, rate = self.clock, self._speed * tape.pace
        self._boards.update(tape.boards)
        self._say(f"playing {tape.name}: {', '.join(tape.boards)}")
        clock.set(max(clock.now_ms(), tape.start_ms))
        clock.run(rate)
        at_ms = tape.start_ms
        for step in tape.steps():
            clock.allow(step.at_ms - 1)
            if step.at_ms - at_ms > PAUSE_S * 1000 * rate:
                clock.jump(step.at_ms)
            at_ms = max(at_ms, step.at_ms)
            await clock.reach(step.at_ms)
            clock.allow(step.at_ms)
            await self._publish(list(tape.apply(step)))
            self._boards.update(tape.boards)
        clock.set(at_ms)
        return at_ms

    async def _publish(self, sent: list[Published]) -> None:
        self.frames += len(sent)
        for stream, frame in sent:
            for client in self._clients:
                client.offer(stream, frame)
        async with self._moved:
            self._moved.notify_all()
        for client in [c for c in self._clients if not c.has_room.is_set()]:
            await self._wait_for(client)

    async def _wait_for(self, client: Client) -> None:
        """Hold the clock back for a client that is behind; let it go when it reads nothing."""
        try:
            async with asyncio.timeout(STUCK_S):
                await client.has_room.wait()
        except TimeoutError:
            self._clients.discard(client)
            client.drop()

    async def _serve_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer REST; return None for a WebSocket handshake on a known path."""
        path = urlsplit(request.path).path
        if request.headers.get("Upgrade", "").lower() == "websocket":
            if path == "/stream" or path == "/ws" or path.startswith("/ws/"):
                return None
            return _response(404, {}, b"{}")
        answer = self._rest.answer(request.path)
        if path == "/api/v3/depth" and answer[0] == http.HTTPStatus.SERVICE_UNAVAILABLE:
            await self._book_known(request.path)
            answer = self._rest.answer(request.path)
        return _response(*answer)

    async def _book_known(self, target: str) -> None:
        """Wait for a recorded book that may be about to come."""
        board = self._boards[parse_qs(urlsplit(target).query)["symbol"][0]]
        if self.finished.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(BOOK_WAIT_S), self._moved:
                await self._moved.wait_for(lambda: board.depth(1) is not None)

    async def _serve_socket(self, socket: ServerConnection) -> None:
        target = urlsplit(socket.request.path if socket.request else "/ws")
        if target.path == "/stream":
            asked = parse_qs(target.query).get("streams", [""])[0]
            client = Client(socket, _names(asked), is_combined=True)
        else:
            asked = target.path.removeprefix("/ws").strip("/")
            client = Client(socket, _names(asked), is_combined=False)
        self._clients.add(client)
        if client.streams:
            self.begin()
        try:
            await client.serve(self.begin)
        finally:
            self._clients.discard(client)


def _names(text: str) -> list[str]:
    return [name for name in text.split("/") if name]


def _response(status: int, headers: dict[str, str], body: bytes) -> Response:
    sent = {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}
    reason = http.HTTPStatus(status).phrase
    return Response(status, reason, Headers({**sent, "Connection": "close"}), body)


class ReplayThread:
    """A replay server in a thread with a loop of its own, for tests that block."""

    def __init__(self, make: Callable[[], ReplayServer]) -> None:
        self._make = make
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="replay server", daemon=True)
        self.server: ReplayServer

    def __enter__(self) -> ReplayServer:
        self._thread.start()
        self._ready.wait(10)
        return self.server

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._live())
        self._loop.close()

    async def _live(self) -> None:
        async with self._make() as self.server:
            self._ready.set()
            await self._stopping.wait()
