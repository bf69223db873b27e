"""Massive's stream: signing in, what the plan lacks, one connection, bars, quotes and trades."""

import asyncio
import json
import logging
from dataclasses import replace

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.providers.massive.decode import decode
from markets.providers.massive.stream import MassiveStream, streams_for
from markets.providers.stock_frames import FrameError
from tests.markets.providers.conftest import QUICK
from tests.markets.providers.mutation import mutated
from tests.servers_massive import KEY, MassiveServer, minute, quote, trade

MS = 1_795_188_600_000  # 2026-11-20 15:30:00 UTC
PATIENT = replace(QUICK, silence_s=20.0, greet_s=12.0)
HASTY = replace(QUICK, silence_s=0.6, greet_s=0.6)
BAR = minute("AAPL", MS - 60_000)


@pytest_asyncio.fixture
async def server():
    async with MassiveServer() as it:
        yield it


@pytest.fixture
def feed(server, heard, start):
    def make(limits=PATIENT, streams=None, key=KEY, **more):
        wanted = streams_for(["AAPL"]) if streams is None else streams
        return start(MassiveStream(server.ws_url, wanted, heard, limits=limits, key=key, **more))

    return make


@pytest.mark.asyncio
async def test_it_signs_in_subscribes_and_gives_bars_quotes_and_trades(server, heard, feed):
    it = feed(streams=["AM.AAPL", "A.AAPL", "Q.AAPL", "T.AAPL"])
    client = await server.until_subscribed(streams=4)
    assert client.path == "/stocks"
    assert client.told[:2] == [
        {"action": "auth", "params": KEY},
        {"action": "subscribe", "params": "AM.AAPL"},
    ]
    second = minute("AAPL", MS + 1000, event="A", seconds=1)
    await server.publish(BAR, quote("AAPL"), trade("AAPL"), second)
    await heard.until(lambda: len(heard.klines) == 2 and heard.trades and heard.quotes)
    first, second = heard.klines
    assert (first.native_id, first.timeframe, first.open_time) == ("AAPL", 60, MS // 1000 - 60)
    assert (first.open, first.high, first.low, first.close) == (131.0, 131.3, 130.9, 131.1)
    assert (first.volume, first.trades, first.is_closed, first.event_ms) == (4110.0, -1, True, MS)
    assert (second.timeframe, second.open_time) == (1, MS // 1000 + 1)
    told = heard.quotes[0]
    assert (told.bid, told.bid_size, told.ask, told.ask_size) == (114.12, 1.0, 114.14, 2.0)
    assert told.event_ms == MS + 101
    (seen,) = heard.trades
    assert (seen.trade_id, seen.price, seen.quantity) == (3681, 114.13, 100.0)
    assert seen.is_sell is None
    assert seen.event_ms == MS + 202
    assert it.subscribed == set(it.streams)
    assert (it.source, it.is_official, it.is_delayed) == ("replay:massive", False, False)


@pytest.mark.asyncio
async def test_a_channel_that_the_plan_lacks_leaves_the_others(server, heard, feed):
    server.lacking = ("Q",)
    it = feed()
    await server.until_subscribed(streams=2)
    told = "subscribed to 2 of 3 streams; Massive refused Q: not authorized"
    await heard.until(lambda: any(told in reason for _, reason in heard.states))
    assert it.refused == {"Q.AAPL": "Massive refused Q: not authorized"}
    await server.publish(trade("AAPL"))
    await heard.until(lambda: heard.trades)
    assert len(server.clients) == 1


@pytest.mark.asyncio
async def test_streams_change_without_a_new_connection(server, heard, feed):
    it = feed(streams=["AM.AAPL"])
    client = await server.until_subscribed()
    await heard.until(lambda: any("1 of 1" in reason for _, reason in heard.states))
    await it.set_streams(["Q.MSFT", "AM.MSFT"])
    assert set(server.wanted[client]) == it.subscribed == {"Q.MSFT", "AM.MSFT"}
    await server.publish(BAR, quote("MSFT"))
    await heard.until(lambda: heard.quotes)
    assert heard.klines == []
    assert it.counters["unknown_frames"] == 1
    assert len(server.clients) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "words", "state", "wait_s"),
    [
        ("auth_failed", "check MASSIVE_API_KEY", "blocked", 3600),
        ("max_connections", "another connection uses this key", "connecting", 30),
        ("error", "it lets this key have no stream", "blocked", 6 * 3600),
        ("slow_consumer", "we read too slowly", "connecting", 0),
        ("force_disconnect", "it wants us to leave", "connecting", 5),
    ],
)
async def test_a_status_ends_the_connection_and_says_for_how_long(
    server, heard, feed, status, words, state, wait_s
):
    server.auth_status = status
    feed()
    await heard.until(lambda: any(words in reason for _, reason in heard.states))
    found, reason = next((s, r) for s, r in heard.states if words in r)
    assert found == state
    waited = float(reason.rpartition("again in ")[2].removesuffix(" s"))
    assert wait_s <= waited < wait_s + 5


@pytest.mark.asyncio
async def test_silence_is_a_fault_while_the_market_is_open(server, heard, feed):
    feed(HASTY)
    await server.until_clients(2)
    assert any("no data for" in reason for _, reason in heard.states)


@pytest.mark.asyncio
async def test_a_closed_market_is_said(server, heard, feed):
    feed(is_open=lambda: False)
    await server.until_subscribed(streams=3)
    await heard.until(lambda: any("the market is closed" in r for _, r in heard.states))


@pytest.mark.asyncio
async def test_one_sided_and_crossed_quotes_are_counted_not_told(server, heard, feed):
    it = feed()
    await server.until_subscribed(streams=3)
    await server.publish(quote("AAPL", bid=0), quote("AAPL", bid=232), quote("AAPL", bid=-1))
    await server.publish({"ev": "LULD", "T": "AAPL"}, quote("AAPL"))
    await heard.until(lambda: heard.quotes)
    assert len(heard.quotes) == 1
    assert it.counters["one_sided_quotes"] == 2
    assert it.counters["bad_rows"] == 1
    assert it.counters["unknown_frames"] == 1


@pytest.mark.asyncio
async def test_after_a_reset_everything_is_subscribed_again(server, heard, feed):
    feed()
    client = await server.until_subscribed(streams=3)
    await server.publish(BAR)
    await heard.until(lambda: heard.klines)
    client.reset()
    await server.until_subscribed(client=2, streams=3)
    await server.publish(minute("AAPL", MS))
    await heard.until(lambda: len(heard.klines) == 2)
    assert heard.connected == [False, False]


@pytest.mark.asyncio
async def test_the_key_is_never_shown(server, heard, feed, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="websockets")
    it = feed(key="wrong-canary")
    await heard.until(lambda: any("MASSIVE_API_KEY" in reason for _, reason in heard.states))
    # The loopback server, in this same process, may log what it receives.
    ours = [one.getMessage() for one in caplog.records if one.name != "websockets.server"]
    assert "canary" not in (repr(ours) + repr(heard.states) + repr(it)).lower()


def test_the_delayed_cluster_is_delayed(heard):
    async def made():
        return MassiveStream("wss://delayed.massive.com", ["AM.AAPL"], heard, key="k")

    it = asyncio.run(made())
    assert (it.is_delayed, it.is_official, it.source) == (True, True, "massive")
    assert it.limits.silence_s > 15 * 60


@pytest.mark.parametrize(
    "row",
    [
        BAR | {"h": 1},
        BAR | {"s": MS - 30_000},
        BAR | {"e": MS + 60_000},
        BAR | {"v": -1},
        BAR | {"sym": 5},
        BAR | {"s": -60_000, "e": 0},
        quote("AAPL") | {"bs": -1},
        quote("AAPL") | {"ap": 1e300},
        quote("AAPL") | {"t": 10**18},
        trade("AAPL") | {"p": 0},
        trade("AAPL") | {"q": -1},
        trade("AAPL") | {"t": None},
        {"sym": "AAPL"},
        7,
        None,
    ],
)
def test_an_impossible_row_is_left_out(row):
    good = decode(json.dumps([row, BAR]).encode())
    assert good.bad == 1
    assert len(good.bars) == 1
    with pytest.raises(FrameError):
        decode(json.dumps([row]).encode())


FRAMES = [
    json.dumps(rows).encode()
    for rows in (
        [BAR, quote("AAPL"), trade("AAPL"), minute("AAPL", MS, event="A", seconds=1)],
        [{"ev": "status", "status": "auth_success", "message": "authenticated"}],
    )
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FRAMES).flatmap(mutated))
def test_a_mutated_frame_is_read_or_refused_and_never_tells_the_impossible(raw):
    try:
        frame = decode(raw)
    except FrameError:
        return
    for _, kline in frame.bars:
        assert 0 < kline.low <= kline.open <= kline.high
        assert kline.low <= kline.close <= kline.high
        assert kline.open_time % kline.timeframe == 0
    assert all(0 < one.bid <= one.ask and one.bid_size > 0 for one in frame.quotes)
    assert all(one.price > 0 and one.quantity > 0 for one in frame.trades)
