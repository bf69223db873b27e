"""Every decoder of every adapter on hurt answers: a value that can be, or an error of ours.

The examples are the same in every run; `FUZZ_EXAMPLES` makes them more. Answers go through the
whole request side, but for the socket; faults of the socket are those of `test_conformance.py`.
"""

import asyncio
import importlib
import json
import math
import os
import pkgutil
from pathlib import Path
from random import Random
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from markets.providers import stock_frames
from markets.providers.alpaca import decode as alpaca
from markets.providers.binance import decode as binance
from markets.providers.coinbase import decode as coinbase
from markets.providers.fred import SeriesInfo
from markets.providers.massive import decode as massive
from markets.providers.news import rows_of
from markets.providers.yahoo.child import Child, Reply
from mystic.lib.http import Answer, HttpClient, RateLimited, SourceError
from mystic.lib.ratelimit import WeightBudget
from tests.markets.providers.mutation import hurt
from tests.markets.providers.possible import check
from tests.markets.providers.test_yahoo import READERS
from tests.servers import depth_data, kline_data, quote_data, trade_data
from tests.servers_feeds import item, rss

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2400"))
MINUTE_MS = 1_723_161_600_000
FOLDER = Path(__file__).parent / "cases"
JOINED = {
    found.name: importlib.import_module(f"tests.markets.providers.cases.{found.name}").CASES
    for found in pkgutil.iter_modules([str(FOLDER)])
}


def hurts(texts, count=EXAMPLES, seed=7):
    """Yield `count` hurt copies of these texts."""
    rng = Random(seed)  # noqa: S311  reproducible
    values = [json.loads(text) for text in texts if text[:1] in b"[{"]
    for number in range(count):
        at = number % len(texts)
        yield hurt(rng, texts[at], values[at : at + 1])


def dumped(*values):
    return [json.dumps(value, separators=(",", ":")).encode() for value in values]


# Binance


def stream(name, data):
    return {"stream": f"btcusdt@{name}", "data": data}


MINI = {"e": "24hrMiniTicker", "E": 5, "s": "BTCUSDT", "c": "4", "o": "2", "h": "5", "l": "1"}
BINANCE_FRAMES = dumped(
    stream("kline_1m", kline_data("BTCUSDT", MINUTE_MS, ("1", "3", "1", "2"), is_closed=True)),
    stream("bookTicker", quote_data("BTCUSDT", 4, "1.5", "1.6")),
    stream("trade", trade_data("BTCUSDT", 9, "1.5")),
    stream("depth@100ms", depth_data("BTCUSDT", 1, 2, [["1.0", "2"]], [["1.1", "0"]])),
    stream("miniTicker", MINI | {"v": "1", "q": "9"}),
    {"result": None, "id": 3},
    {"error": {"code": 2, "msg": "Invalid request"}, "id": 4},
    {"stream": "", "data": {"e": "serverShutdown", "E": 1}},
)


def binance_values(raw):
    value = binance.decode(raw)
    return [] if value is None or isinstance(value, binance.Control) else [value]


# Coinbase


def channel(name, *events):
    at = {"timestamp": "2026-04-07T14:30:03.123456Z", "sequence_num": 3}
    return {"channel": name, "client_id": "", **at, "events": list(events)}


TICKER = {
    "product_id": "BTC-USDT",
    "price": "100.5",
    "best_bid": "99",
    "best_bid_quantity": "1.5",
    "best_ask": "101",
    "best_ask_quantity": "2.5",
}
TRADE = {"trade_id": "12", "product_id": "BTC-USDT", "price": "1.5", "size": "2", "side": "BUY"}
LEVEL = {"side": "bid", "price_level": "99.0", "new_quantity": "1"}
LEVELS = [LEVEL, LEVEL | {"side": "offer", "price_level": "101"}]
WHOLE = {"type": "snapshot", "product_id": "BTC-USDT", "updates": LEVELS}
COINBASE_FRAMES = dumped(
    channel("ticker", {"type": "update", "tickers": [TICKER]}),
    channel(
        "market_trades", {"type": "update", "trades": [TRADE | {"time": "2026-04-07T14:30:03Z"}]}
    ),
    channel("l2_data", WHOLE),
    channel("heartbeats", {"heartbeat_counter": 3}),
    channel("subscriptions", {"subscriptions": {"ticker": ["BTC-USDT"]}}),
    {"type": "error", "message": "no such channel"},
)


def coinbase_values(raw):
    frame = coinbase.decode(raw)
    return [*frame.quotes, *frame.trades, *frame.depths]


# Stocks


STOCK_AT = "2026-11-20T15:30:00Z"
STOCK_BAR = {"T": "b", "S": "AAPL", "o": 1.5, "h": 3, "l": 1, "c": 2, "v": 9, "n": 3, "vw": 1.6}
ALPACA_FRAMES = dumped(
    [STOCK_BAR | {"t": STOCK_AT}, STOCK_BAR | {"T": "u", "t": STOCK_AT}],
    [{"T": "q", "S": "AAPL", "t": STOCK_AT, "bp": 1.5, "bs": 2, "ap": 1.6, "as": 3, "c": ["R"]}],
    [{"T": "t", "S": "AAPL", "t": STOCK_AT, "i": 5, "p": 1.5, "s": 2, "x": "V"}],
    [{"T": "success", "msg": "connected"}],
    [{"T": "error", "code": 405, "msg": "symbol limit exceeded"}],
    [{"T": "subscription", "trades": ["AAPL"], "quotes": [], "bars": ["*"]}],
)


def alpaca_values(raw):
    frame = alpaca.decode(raw)
    return [*frame.quotes, *frame.trades, *(bar for _, bar in frame.bars)]


STOCK_MS = 1_795_188_600_000
MASSIVE_BAR = {"ev": "AM", "sym": "AAPL", "v": 9, "o": 1.5, "h": 3, "l": 1, "c": 2, "z": 3}
MASSIVE_BAR |= {"s": STOCK_MS, "e": STOCK_MS + 60_000}
MASSIVE_FRAMES = dumped(
    [MASSIVE_BAR, MASSIVE_BAR | {"ev": "A", "e": STOCK_MS + 1000}],
    [{"ev": "Q", "sym": "AAPL", "t": STOCK_MS, "bp": 1.5, "bs": 2, "ap": 1.6, "as": 3}],
    [{"ev": "T", "sym": "AAPL", "t": STOCK_MS, "p": 1.5, "s": 2, "q": 7, "i": "5"}],
    [{"ev": "status", "status": "auth_success", "message": "authenticated"}],
)


def massive_values(raw):
    frame = massive.decode(raw)
    return [*frame.quotes, *frame.trades, *(bar for _, bar in frame.bars)]


STREAMS = {
    "binance": (BINANCE_FRAMES, binance_values, binance.FrameError),
    "coinbase": (COINBASE_FRAMES, coinbase_values, coinbase.FrameError),
    "alpaca": (ALPACA_FRAMES, alpaca_values, stock_frames.FrameError),
    "massive": (MASSIVE_FRAMES, massive_values, stock_frames.FrameError),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_hurt_frame_is_read_or_refused(name):
    frames, read, refusal = STREAMS[name]
    assert sum(len(read(frame)) for frame in frames) >= 3, "the healthy frames tell something"
    told = refused = 0
    for raw in hurts(frames):
        try:
            values = read(raw)
        except refusal:
            refused += 1
            continue
        check(values)
        told += len(values)
    assert refused > EXAMPLES // 10
    assert told > EXAMPLES // 20


# Requests


class Wire:
    """Answers for the clients of an adapter: one path's body is hurt, the others are healthy."""

    def __init__(self, case):
        self.server = case.server()
        self.path, self.body = case.path, None
        self.healthy = b""

    async def fetch(self, address, params):
        path = urlsplit(address).path
        query = {}
        for name, value in params:
            query.setdefault(name, []).append(str(value))
        try:
            status, value, headers = self.server.answer(path, query)
        except (ValueError, LookupError):
            status, value, headers = 400, {}, {}
        body = json.dumps(value).encode()
        if path == self.path:
            self.healthy = body
            body = body if self.body is None else self.body
        return Answer(status, {name.lower(): text for name, text in headers.items()}, body)

    def take(self, rest):
        """Stand between an adapter and the network, and let it ask as often as it likes."""
        rest.budget = WeightBudget(10**9)
        for client in (one for one in vars(rest).values() if isinstance(one, HttpClient)):
            prefix = urlsplit(client.base_url).path
            client._fetch = lambda path, params, prefix=prefix: self.fetch(
                path if path.startswith("http") else prefix + path, params
            )
        made = getattr(rest, "_made", None)
        if made is not None:
            made.budget, made.enableRateLimit = rest.budget, False


async def attempts(case, count):
    """Ask with hurt bodies; return how many were told and how many refused."""
    wire = Wire(case)
    rest = case.make("http://127.0.0.1:9", 10.0)
    wire.take(rest)
    if hasattr(rest, "_exchange"):
        await rest._exchange()
        wire.take(rest)
    assert await case.ask(rest), "the healthy answer tells something"
    told = refused = 0
    for body in hurts([wire.healthy], count):
        wire.body = body
        if hasattr(rest, "_listed_at"):
            rest._listed_at = -math.inf
        try:
            value = await case.ask(rest)
        except SourceError as fault:
            refused += 1
            if isinstance(fault, RateLimited):
                wire.take(rest)
            continue
        told += 1
        check([] if isinstance(value, (SeriesInfo, dict)) else value)
    await rest.aclose()
    return told, refused


@pytest.mark.parametrize("adapter", JOINED)
def test_a_hurt_answer_is_read_or_refused(adapter):
    cases = JOINED[adapter]
    each = -(-EXAMPLES // len(cases))
    with asyncio.Runner() as runner:
        for case in cases:
            told, refused = runner.run(attempts(case, each))
            assert told + refused == each
            assert refused > each // 20, case.name
            assert told > 0, case.name


# Feeds and Yahoo


ATOM = (
    b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><entry>'
    b'<id>urn:1</id><title type="html">Bitcoin &amp; co</title><link href="https://example.org/1"/>'
    b"<updated>2026-11-20T10:00:00Z</updated><summary>Up</summary></entry></feed>"
)
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;">]><rss version="2.0"><channel><item><title>&c;</title>'
    b"</item></channel></rss>"
)
STORY = item(
    "Bitcoin rises", link="https://example.org/2", guid="2", date="Fri, 20 Nov 2026 10:00:00 GMT"
)
FEEDS = [rss(STORY, item("Ether falls", summary="<b>Down</b>")), ATOM, BOMB]


def test_a_hurt_feed_is_read_or_refused():
    assert len(rows_of(FEEDS[0])) == 2
    assert len(rows_of(ATOM)) == 1
    told = refused = 0
    for raw in hurts(FEEDS):
        try:
            rows = rows_of(raw)
        except SourceError:
            refused += 1
            continue
        check(rows)
        assert all(row.title.count("ha") < 8 for row in rows), "an entity was expanded"
        told += len(rows)
    assert refused > EXAMPLES // 10
    assert told > EXAMPLES // 20


def is_bar(one):
    assert one.open_time % 60 == 0
    is_price = 0 < one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high
    return is_price and one.high < 1e15 and 0 <= one.volume < 1e15


def test_a_hurt_answer_of_yahoo_is_read_or_refused():
    told = refused = 0
    for name, (healthy, read) in sorted(READERS.items()):
        for raw in hurts([healthy().encode()], -(-EXAMPLES // len(READERS))):
            try:
                values = read(raw.decode(errors="surrogateescape"))
            except SourceError:
                refused += 1
                continue
            # Bars of Yahoo that cannot be are kept out, and on record, where bars are kept.
            check([one for one in values if name != "chart" or is_bar(one)])
            told += len(values)
    assert refused > EXAMPLES // 10
    assert told > EXAMPLES // 20


def test_a_hurt_line_of_yahoos_worker_is_read_or_refused():
    lines = dumped(
        {"id": 4, "status": 200, "text": '{"chart": {}}'},
        {"id": 5, "fault": "unreachable", "message": "no route"},
        {"id": 0},
    )

    async def read(raw):
        out = asyncio.StreamReader()
        out.feed_data(raw.replace(b"\n", b" ") + b"\n")
        out.feed_eof()
        return await Child("")._line(SimpleNamespace(stdout=out))

    with asyncio.Runner() as runner:
        for raw in hurts(lines):
            try:
                assert isinstance(runner.run(read(raw)), Reply)
            except SourceError:
                continue
