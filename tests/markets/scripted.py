"""A venue that follows a script: it speaks the providers' protocol, and the test is its market."""

import asyncio
import random
import threading
import time
from contextlib import contextmanager

from markets.providers.base import (
    BookTickerEvent,
    CandleRow,
    DepthSnapshot,
    InstrumentSpec,
    KlineEvent,
    Status,
    StreamState,
)
from markets.registry import Source
from markets.streaming import Streamer
from markets.streaming.session import Plan
from mystic.lib.ratelimit import WeightBudget

MINUTE = 60
START = 1_700_000_040


def clocks():
    return time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000


def spec(symbol, native_id):
    base, quote = symbol.split("/")
    return InstrumentSpec(
        symbol,
        native_id,
        base,
        quote,
        8,
        8,
        8,
        1_000_000,
        1_000,
        1_000,
        500_000_000,
        Status.TRADING,
    )


class Market:
    """What is true at the venue: bars by pair, and its clock in epoch seconds."""

    def __init__(self, symbols=("BTC/USDT", "ETH/USDT"), *, now=START, separator="", seed=3):
        self.symbols = list(symbols)
        self.separator = separator
        self.now = now
        self.bars = {self.native(symbol): {} for symbol in symbols}
        self.random = random.Random(seed)  # noqa: S311  reproducible
        self.fault = None
        self.kline_fault = None
        self.asked = []
        self.budget = WeightBudget(1_000_000)
        self.streams = []
        self.lock = threading.Lock()

    def native(self, symbol):
        return symbol.replace("/", self.separator)

    def grow(self, minutes, *, holes=()):
        """Let so many minutes pass; `holes` are minutes, counted from now, without any bar."""
        with self.lock:
            for number in range(minutes):
                for bars in self.bars.values():
                    if number in holes:
                        continue
                    price = 100 + self.random.random() * 10
                    bars[self.now] = CandleRow(
                        self.now, price, price + 1, price - 1, price + 0.5, self.random.random(), 9
                    )
                self.now += MINUTE

    def rows(self, native):
        with self.lock:
            return [self.bars[native][t] for t in sorted(self.bars[native])]

    def kline(self, native, open_time, /, **changes):
        row = self.bars[native][open_time]
        wall, mono = clocks()
        values = {
            "native_id": native,
            "timeframe": MINUTE,
            "open_time": open_time,
            "open": row.open,
            "high": row.high,
            "low": row.low,
            "close": row.close,
            "volume": row.volume,
            "trades": row.trades,
            "is_closed": True,
            "event_ms": (open_time + MINUTE) * 1000,
            "received_at_ms": wall,
            "received_mono_ms": mono,
        }
        return KlineEvent(**{**values, **changes})

    def source(self, code="binance", page=1000):
        """Return this market as a source; made on the streamer's loop."""

        def stream(native_ids, timeframe, handler):
            del native_ids, timeframe
            one = ScriptedStream(code, handler)
            self.streams.append(one)
            return one

        return Source(code, ScriptedRest(self, code, page), page, stream)

    @property
    def stream(self):
        return self.streams[-1]


class ScriptedRest:
    def __init__(self, market, code, page):
        self.market, self.source, self.page = market, code, page
        self.is_official = not code.startswith("replay:")
        self.budget = market.budget

    async def aclose(self):
        pass

    def native_id(self, symbol):
        return self.market.native(symbol)

    def _refuse(self):
        if self.market.fault is not None:
            raise self.market.fault

    async def server_time(self):
        self._refuse()
        return self.market.now * 1000

    async def exchange_info(self, native_ids):
        self._refuse()
        natives = {self.market.native(symbol): symbol for symbol in self.market.symbols}
        wanted = native_ids or list(natives)
        return [spec(natives[native], native) for native in wanted if native in natives]

    async def klines(self, native_id, timeframe, start=None, end=None, limit=1000, *, priority):
        del timeframe
        self._refuse()
        await asyncio.sleep(0)
        if self.market.kline_fault is not None:
            raise self.market.kline_fault
        self.market.asked.append((native_id, start, end, str(priority)))
        end = self.market.now if end is None else end
        low = 0 if start is None else start
        rows = [
            row
            for row in self.market.rows(native_id)
            if low <= row.open_time < end and row.open_time + MINUTE <= self.market.now
        ]
        limit = min(limit, self.page)
        return rows[:limit] if start is not None else rows[-limit:]

    async def depth(self, native_id, limit=1000):
        del limit
        self._refuse()
        return DepthSnapshot(native_id, 100, ((99.0, 1.0),), ((101.0, 1.0),))


class ScriptedStream:
    def __init__(self, code, handler):
        self.source, self.handler = code, handler
        self.is_official = not code.startswith("replay:")
        self.state = StreamState.CONNECTING
        self.counters = {"frames": 0}
        self.last_message_mono_ms = None
        self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.is_running = False
        self.names = []

    async def run(self):
        self.is_running = True
        try:
            await self._over.wait()
        finally:
            self.is_running = False

    async def stop(self):
        self._over.set()

    async def set_streams(self, streams):
        self.names = list(streams)

    def call(self, function, *args, **kwargs):
        """Run on the streamer's loop, and wait for it."""
        done = threading.Event()

        def work():
            try:
                function(*args, **kwargs)
            finally:
                done.set()

        self._loop.call_soon_threadsafe(work)
        assert done.wait(5)

    def go(self, state, reason="scripted"):
        def change():
            self.state = state
            self.handler.on_state(state, reason)

        self.call(change)

    def connect(self, *, is_overlap=False):
        self.go(StreamState.LIVE)
        self.call(self.handler.on_connected, is_overlap=is_overlap)

    def send(self, event):
        kinds = {"KlineEvent": "on_kline", "BookTickerEvent": "on_book_ticker"}
        kinds |= {"TradeEvent": "on_trade", "DepthEvent": "on_depth"}
        self.last_message_mono_ms = event.received_mono_ms
        self.counters["frames"] += 1
        self.call(getattr(self.handler, kinds[type(event).__name__]), event)


def ticker(native, bid, ask, *, event_ms=None, last=None):
    wall, mono = clocks()
    return BookTickerEvent(native, bid, 1.0, ask, 2.0, last, 1, event_ms, wall, mono)


def until(condition, *, within=30.0, say="it did not happen"):
    """Wait for a condition; fail with the sentence when it does not come.

    It waits for half a minute at least: a busy machine is no fault of what is tested.
    """
    end = time.monotonic() + max(within, 30.0)
    pause = threading.Event()
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        pause.wait(0.02)
    raise AssertionError(say)


@contextmanager
def streaming(
    market,
    *,
    days=1,
    fallback=None,
    further=(),
    delayed=None,
    code="binance",
    symbols=None,
    page=1000,
    told=None,
):
    """Run a streamer on a market; yields it once its stream exists.

    `further` are functions that make the sources after the first, `delayed` returns a code and a
    request side.
    """
    if fallback is not None:
        further = (lambda: fallback.source("coinbase", 300),)
    plan = Plan(tuple(symbols or market.symbols), MINUTE, days)
    before = len(market.streams)
    one = Streamer(
        told.append if told is not None else None,
        plan=plan,
        make_first=lambda: market.source(code, page),
        make_fallbacks=lambda: [make() for make in further],
        make_delayed=delayed or (lambda: None),
    )
    one.start()
    try:
        if fallback is None:
            until(lambda: len(market.streams) > before, say="the stream was not opened")
        yield one
    finally:
        one.stop()
