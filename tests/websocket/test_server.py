"""The WebSocket door behind the real server: origins, sizes, slow readers, latency."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests import prepared
from tests.closed import FIRST_VENUE

ROOT = Path(__file__).resolve().parents[2]


class Server:
    def __init__(self, folder, silent_for_s):
        environ = {
            **os.environ,
            "MYSTIC_DATA_DIR": str(folder),
            "SILENT_FOR_S": str(silent_for_s),
        }
        # Its rows are of the official venue, which it never asks.
        for name in FIRST_VENUE:
            environ.pop(name)
        environ.pop("DATABASE_URL", None)
        environ.pop("REDIS_URL", None)
        prepared.put(folder)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.websocket.serving"],
            cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.told = json.loads(self._first_line(within_s=120))
        self.host = f"127.0.0.1:{self.told['port']}"

    def _first_line(self, within_s):
        timer = threading.Timer(within_s, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        assert line, "the server did not start"
        return line

    def address(self, path="/ws"):
        return f"ws://{self.host}{path}"

    def resident_mb(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self):
        self.process.terminate()
        assert self.process.wait(20) == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("served"), silent_for_s=4)
    yield running
    running.stop()


async def close_code(ws):
    async with asyncio.timeout(15):
        try:
            while True:
                await ws.recv()
        except ConnectionClosed:
            return ws.close_code


def run(scenario):
    """Run a scenario; a server that does not answer fails it, never hangs it."""

    async def bounded():
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(bounded())


def subscribe(symbol, **data):
    return json.dumps(
        {"type": "subscribe", "data": {"channel": "market_data", "symbol": symbol} | data}
    )


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [
        ("http://{host}", True),
        ("http://127.0.0.1:9999", False),
        ("https://{host}", False),
        ("http://evil.example", False),
        ("null", False),
    ],
)
def test_origins_at_the_handshake(server, origin, is_let_in):
    cookie = {"Cookie": f"sessionid={server.told['session']}"}

    async def scenario():
        where = server.address("/ws/trading")
        given = origin.format(host=server.host)
        if not is_let_in:
            with pytest.raises(InvalidStatus) as refused:
                await connect(where, origin=given, additional_headers=cookie, proxy=None)
            assert refused.value.response.status_code == 403
            return
        async with connect(where, origin=given, additional_headers=cookie, proxy=None) as ws:
            assert json.loads(await ws.recv())["data"] == {"channel": "portfolio"}

    run(scenario)


def test_a_token_by_subprotocol(server):
    async def scenario():
        offered = ["mystic", f"token.{server.told['token']}"]
        async with connect(server.address("/ws/trading"), subprotocols=offered, proxy=None) as ws:
            assert ws.subprotocol == "mystic"
            assert json.loads(await ws.recv())["type"] == "subscribed"

    run(scenario)


def test_large_messages_and_compression(server):
    async def scenario():
        async with connect(server.address(), proxy=None) as ws:
            assert ws.protocol.extensions == []
            await ws.send(json.dumps({"type": "ping", "data": {"a": "x" * 20_000}}))
            assert await close_code(ws) == 4413
        async with connect(server.address(), proxy=None) as ws:
            await ws.send("x" * 100_000)
            assert await close_code(ws) in {1006, 1009}  # the server hangs up without reading on

    run(scenario)


def test_a_message_that_never_ends_is_closed(server):
    async def endless():
        yield '{"type":'
        await asyncio.sleep(30)
        yield '"ping"}'

    async def scenario():
        async with connect(server.address(), proxy=None) as ws:
            sending = asyncio.ensure_future(ws.send(endless()))
            assert await close_code(ws) == 4408
            sending.cancel()

    run(scenario)


def test_a_header_of_64_kb_is_refused(server):
    raw = f"GET /api/health HTTP/1.1\r\nHost: {server.host}\r\nX-Big: {'x' * 65536}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.told["port"]), timeout=5) as plain:
        plain.sendall(raw.encode())
        try:
            answer = plain.recv(4096)
        except ConnectionError:
            answer = b""
    assert answer == b"" or answer.split(b" ")[1] in {b"400", b"431"}


def _silent_reader(server):
    """Open a raw socket that subscribes to 1 MB a second and then never reads."""
    plain = socket.create_connection(("127.0.0.1", server.told["port"]), timeout=5)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    handshake = (
        f"GET /ws HTTP/1.1\r\nHost: {server.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    plain.sendall(handshake.encode())
    assert b"101" in plain.recv(4096)
    text = subscribe("BIG/USDT", hz=50).encode()
    mask = b"\x00\x00\x00\x00"
    plain.sendall(bytes([0x81, 0x80 | len(text)]) + mask + text)
    return plain


def test_a_reader_that_never_reads_costs_little_and_delays_nobody(server):
    delays = []

    async def scenario():
        async with connect(server.address(), proxy=None) as ws:
            await ws.send(subscribe("BTC/USDT", hz=50))
            while len(delays) < 200:
                message = json.loads(await ws.recv())
                if message["type"] == "heartbeat":
                    await ws.send('{"type": "pong"}')
                elif message["type"] == "market_data":
                    delays.append(time.monotonic_ns() - message["data"]["sent_ns"])

    before = server.resident_mb()
    stuck = [_silent_reader(server) for _ in range(3)]
    run(scenario)
    delays.sort()
    grown = server.resident_mb() - before
    for plain in stuck:
        plain.close()
    # 4 s at 1 MB/s and three sockets would be 12 MB; 4 MB each may wait before the silence ends it.
    assert grown < 20
    # The rate alone allows 20 ms; the rest is for a machine that does other work beside the test.
    p99_ms = delays[int(len(delays) * 0.99)] / 1e6
    assert p99_ms < 1_000, f"p99 {p99_ms:.1f} ms"
