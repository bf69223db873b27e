"""The real product under load: a venue's stream on one side, an open page on the other."""

import asyncio
import functools
import json
import os
import re
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.asyncio.server import Server
from websockets.typing import Origin

from benchmarks.children import ROOT
from benchmarks.memory_of import mebibytes
from benchmarks.venue import Venue
from mystic.env import TEN_PAIRS
from tests.product import Person, Product, free_port, until

SYMBOLS = TEN_PAIRS.split(",")
NATIVES = [symbol.replace("/", "") for symbol in SYMBOLS]
PER_SECOND = 200.0
HZ = 30


class LoadError(Exception):
    """Raised where the product did not do what the load needs; the message says what."""


@dataclass
class Seen:
    """What the page got and what the product weighed."""

    latencies_ms: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)
    quotes: int = 0
    messages: int = 0
    seconds: float = 0.0


class Page:
    """One open page: knows a quote by its number and keeps when it came first."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.newest: dict[str, int] = {}
        self.seen = Seen()
        self.is_counting = False

    def take(self, text: str | bytes, now: float) -> None:
        message = json.loads(text)
        messages = message["data"] if message["type"] == "batch" else [message]
        for one in messages:
            if one["type"] == "market_data":
                self._take_quote(one["data"], now)

    def _take_quote(self, data: dict[str, object], now: float) -> None:
        symbol, size = str(data["symbol"]), data["bid_size"]
        number = int(float(str(size)))
        if number <= self.newest.get(symbol, 0):
            return
        self.newest[symbol] = number
        if self.is_counting and number in self.venue.sent:
            self.seen.latencies_ms.append(1000 * (now - self.venue.sent[number]))


@functools.cache
def run(*, is_quick: bool) -> Seen:
    """Run the load once, however many benchmarks ask for what it found."""
    seconds, days = (12.0, 1) if is_quick else (65.0, 30)
    with tempfile.TemporaryDirectory(prefix="mystic-") as folder:
        return asyncio.run(_run(Path(folder) / "data", seconds, days))


def run_peer(python: Path, *, is_quick: bool) -> Seen:
    """Run the same load against plain Channels groups on daphne."""
    return asyncio.run(_run_peer(python, 12.0 if is_quick else 30.0))


async def _run(folder: Path, seconds: float, days: int) -> Seen:
    venue = Venue(NATIVES, minutes=days * 1440)
    async with venue.open_stream() as server:
        product = Product(
            folder,
            BINANCE_REST_URL=f"http://127.0.0.1:{venue.rest_port}",
            BINANCE_WS_URL=f"ws://127.0.0.1:{port_of(server)}",
            MYSTIC_HISTORY_DAYS=str(days),
        )
        try:
            await asyncio.to_thread(product.start, 60)
            await asyncio.to_thread(_switch_strategies_on, product)
            await _fill_in_history(venue, product)
            page = Page(venue)
            weigher = asyncio.ensure_future(_weigh(product, page.seen))
            await _watch(venue, page, product.url, seconds)
            weigher.cancel()
        finally:
            product.kill()
            venue.close()
    if len(page.seen.latencies_ms) < seconds:
        raise LoadError(f"hardly a quote reached the page:\n{product.log.read_text()[-3000:]}")
    return page.seen


async def _run_peer(python: Path, seconds: float) -> Seen:
    venue, port = Venue(NATIVES, minutes=1), free_port()
    async with venue.open_stream() as server:
        peer = await asyncio.create_subprocess_exec(
            *(python, "-m", "daphne", "-v", "0", "-p", str(port)),
            "benchmarks.peers.channels_app:application",
            cwd=ROOT,
            env=os.environ
            | {
                "VENUE_STREAM": f"ws://127.0.0.1:{port_of(server)}/stream",
                "VENUE_SYMBOLS": ",".join(NATIVES),
            },
        )
        try:
            page = Page(venue)
            await asyncio.to_thread(until, "the peer", lambda: _is_listening(port))
            await _watch(venue, page, f"http://127.0.0.1:{port}", seconds)
        finally:
            peer.terminate()
            await peer.wait()
            venue.close()
    return page.seen


def port_of(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _switch_strategies_on(product: Product) -> None:
    """Sign up and switch every strategy on, as a person would."""
    person = Person(product)
    person.sign_up("ann", "ann@example.org")
    shown = person.http.get("/strategies/").text
    numbers = sorted(set(re.findall(r'id="strategy-(\d+)"', shown)))
    if len(numbers) < 2:
        raise LoadError(f"two strategies were expected, not {len(numbers)}")
    for number in numbers:
        path = f"/strategies/{number}/deployment/"
        answer = person.post(path, {"switch": "on"})
        if answer.status_code != 200 or 'value="off"' not in answer.text:
            raise LoadError(f"{path} answered {answer.status_code}: {answer.text[:300]}")


async def _fill_in_history(venue: Venue, product: Product) -> None:
    """Send slowly, as a quiet market would, until nothing is asked about history any more."""
    await asyncio.wait_for(venue.subscribed.wait(), 60)
    while time.monotonic() - venue.asked_at < 3:
        await venue.send_for(1.0, 20.0)
        if product.process is None or product.process.poll() is not None:
            raise LoadError(product.log.read_text()[-3000:])


async def _watch(venue: Venue, page: Page, url: str, seconds: float) -> None:
    """Send at full pace and count what reaches the page, after a few seconds to warm up."""
    reader = asyncio.ensure_future(_read(url, page))
    await asyncio.wait_for(venue.subscribed.wait(), 30)
    await venue.send_for(3.0, PER_SECOND)
    page.is_counting = True
    quotes, messages, began = len(venue.sent), venue.messages, time.monotonic()
    await venue.send_for(seconds, PER_SECOND)
    page.seen.seconds = time.monotonic() - began
    page.seen.quotes = len(venue.sent) - quotes
    page.seen.messages = venue.messages - messages
    await asyncio.sleep(0.3)
    if reader.done():
        reader.result()
    reader.cancel()


async def _read(url: str, page: Page) -> None:
    address = url.replace("http", "ws") + "/ws"
    wanted = {"channel": "market_data", "symbols": SYMBOLS, "hz": HZ}
    async with connect(address, origin=Origin(url), compression=None) as opened:
        await opened.send(json.dumps({"type": "subscribe", "data": wanted}))
        async for text in opened:
            page.take(text, time.monotonic())
            if '"heartbeat"' in str(text):
                await opened.send('{"type": "pong"}')


async def _weigh(product: Product, seen: Seen) -> None:
    assert product.process is not None
    while True:
        seen.memory_mib.append(mebibytes(product.process.pid))
        await asyncio.sleep(0.5)
