"""A handler that keeps what it hears, and both venues on loopback."""

import asyncio

import pytest
import pytest_asyncio

from markets.providers.binance.stream import BinanceStream
from markets.providers.connection import Limits
from tests.servers import PATIENCE_S, BinanceServer, CoinbaseServer


class Heard:
    """Keeps every event in order and lets a test wait for what it wants to see."""

    def __init__(self) -> None:
        self.klines, self.quotes, self.trades, self.depths = [], [], [], []
        self.states: list[tuple[str, str]] = []
        self.connected: list[bool] = []
        self._news = asyncio.Event()

    def on_kline(self, event) -> None:
        self._add(self.klines, event)

    def on_book_ticker(self, event) -> None:
        self._add(self.quotes, event)

    def on_trade(self, event) -> None:
        self._add(self.trades, event)

    def on_depth(self, event) -> None:
        self._add(self.depths, event)

    def on_connected(self, *, is_overlap: bool) -> None:
        self._add(self.connected, is_overlap)

    def on_state(self, state, reason) -> None:
        self._add(self.states, (str(state), reason))

    def _add(self, kept, value) -> None:
        kept.append(value)
        self._news.set()

    async def until(self, ask, timeout_s: float = PATIENCE_S):
        """Wait until `ask` is true; something must be heard for it to be asked again."""
        async with asyncio.timeout(timeout_s):
            while not (found := ask()):
                self._news.clear()
                await self._news.wait()
            return found


QUICK = Limits(
    silence_s=0.4,
    linger_s=0.1,
    healthy_s=0.2,
    control_gap_s=0.02,
    connect_gap_s=0.0,
    backoff_base_s=0.05,
    backoff_cap_s=0.4,
)


@pytest.fixture
def heard():
    return Heard()


@pytest_asyncio.fixture
async def binance():
    async with BinanceServer() as server:
        server.add_symbol("BTC", "USDT")
        server.add_symbol("ETH", "USDT")
        yield server


@pytest_asyncio.fixture
async def coinbase():
    async with CoinbaseServer() as server:
        yield server


@pytest_asyncio.fixture
async def start():
    """Run streams for the length of a test."""
    running = []

    def begin(stream):
        running.append((stream, asyncio.create_task(stream.run())))
        return stream

    yield begin
    for stream, task in running:
        await stream.stop()
        await task


@pytest.fixture
def stream(binance, heard, start):
    """A started Binance stream of trades and bars."""

    def make(limits: Limits = QUICK, streams=("btcusdt@trade", "btcusdt@kline_1m")):
        return start(BinanceStream(binance.ws_url, streams, heard, limits=limits))

    return make
