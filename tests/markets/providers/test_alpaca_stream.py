"""Alpaca's stream: signing in, what it refuses, market hours, bars, quotes and trades."""

import asyncio
import json
import logging
from dataclasses import replace

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.providers.alpaca.decode import decode
from markets.providers.alpaca.stream import AlpacaStream, streams_for
from markets.providers.stock_frames import FrameError
from tests.markets.providers.conftest import QUICK
from tests.markets.providers.mutation import mutated
from tests.servers_alpaca import KEY, SECRET, AlpacaServer, bar, quote, trade

NOW = 1_795_188_600  # 2026-11-20 15:30:00 UTC
PATIENT = replace(QUICK, silence_s=20.0, greet_s=12.0)
HASTY = replace(QUICK, silence_s=0.6, greet_s=0.6)
BAR = {"T": "b", "S": "AAPL", **bar(NOW - 60)}


@pytest_asyncio.fixture
async def server():
    async with AlpacaServer() as it:
        yield it


@pytest.fixture
def feed(server, heard, start):
    def make(limits=PATIENT, streams=None, **more):
        keys = {"key": KEY, "secret": SECRET} | more
        wanted = streams_for(["AAPL"]) if streams is None else streams
        return start(AlpacaStream(server.ws_url, wanted, heard, limits=limits, **keys))

    return make


@pytest.mark.asyncio
async def test_it_signs_in_subscribes_and_gives_bars_quotes_and_trades(server, heard, feed):
    it = feed(streams=["bars:AAPL", "quotes:AAPL", "trades:AAPL", "updatedBars:AAPL"])
    client = await server.until_subscribed(streams=4)
    assert client.path == "/v2/iex"
    assert client.told[0] == {"action": "auth", "key": KEY, "secret": SECRET}
    assert client.told[1] == {"action": "subscribe", "bars": ["AAPL"]}
    late = BAR | {"T": "u", "c": 231.2}
    await server.publish(BAR, quote("AAPL"), trade("AAPL"))
    await server.publish(late, quote("AAPL"))
    await heard.until(lambda: len(heard.klines) == 2 and len(heard.quotes) == 2)
    first, second = heard.klines
    assert (first.native_id, first.timeframe, first.open_time) == ("AAPL", 60, NOW - 60)
    assert (first.open, first.high, first.low, first.close) == (231.0, 231.5, 230.9, 231.4)
    assert (first.volume, first.trades, first.is_closed) == (1200.0, 40, True)
    assert second.close == 231.2
    told = heard.quotes[0]
    assert (told.bid, told.bid_size, told.ask, told.ask_size) == (231.39, 2.0, 231.41, 3.0)
    assert told.event_ms == (NOW + 1) * 1000 + 123
    (seen,) = heard.trades
    assert (seen.trade_id, seen.price, seen.quantity) == (7, 231.4, 100.0)
    assert seen.is_sell is None  # Alpaca does not say who was the aggressor
    assert seen.event_ms == (NOW + 2) * 1000 + 500
    assert it.subscribed == set(it.streams)
    assert (it.source, it.is_official) == ("replay:alpaca", False)
    assert heard.connected == [False]


@pytest.mark.asyncio
async def test_a_message_over_the_symbol_limit_leaves_the_other_channels(server, heard, feed):
    server.most = 5
    stocks = ["AAPL", "MSFT"]
    it = feed(streams=streams_for(stocks))
    await server.until_subscribed(streams=4)
    told = "subscribed to 4 of 6 streams; Alpaca refused 2 streams of trades"
    await heard.until(lambda: any(told in reason for _, reason in heard.states))
    assert it.refused.keys() == {"trades:AAPL", "trades:MSFT"}
    assert "symbol limit exceeded" in it.refused["trades:AAPL"]
    assert it.counters["refused_streams"] == 2
    await server.publish(quote("MSFT"))
    await heard.until(lambda: heard.quotes)
    assert len(server.clients) == 1


@pytest.mark.asyncio
async def test_no_more_is_asked_than_the_plan_allows(server, heard, feed):
    stocks = [f"S{i}" for i in range(20)]
    it = feed(streams=streams_for(stocks))
    client = await server.until_subscribed(streams=30)
    await heard.until(lambda: any("30 of 60 streams" in reason for _, reason in heard.states))
    assert {channel: len(s) for channel, s in server.subscribed(client).items()} == {
        "bars": 20,
        "quotes": 10,
        "trades": 0,
        "updatedBars": 0,
    }
    assert set(it.refused.values()) == {"the plan allows 30 streams"}
    assert it.counters["control_errors"] == 0


@pytest.mark.asyncio
async def test_a_stock_more_takes_the_room_of_what_is_needed_less(server, heard, feed):
    stocks = [f"S{n}" for n in range(10)]
    it = feed(streams=streams_for(stocks))
    await server.until_subscribed(streams=30)
    await heard.until(lambda: len(it.subscribed) == 30)
    wanted = streams_for([*stocks, "AAPL"])
    await it.set_streams(wanted)
    assert it.subscribed == set(wanted[:30])
    assert "bars:AAPL" in it.subscribed
    assert it.refused.keys() == set(wanted[30:])
    await it.set_streams(streams_for(stocks))
    assert it.subscribed == set(streams_for(stocks))
    assert not it.refused


@pytest.mark.asyncio
async def test_streams_change_without_a_new_connection(server, heard, feed):
    it = feed(streams=["bars:AAPL"])
    client = await server.until_subscribed()
    await heard.until(lambda: any("1 of 1" in reason for _, reason in heard.states))
    await it.set_streams(["quotes:MSFT", "bars:MSFT"])
    wanted = {"bars": ["MSFT"], "quotes": ["MSFT"], "trades": [], "updatedBars": []}
    assert server.subscribed(client) == wanted
    assert it.subscribed == {"bars:MSFT", "quotes:MSFT"}
    await server.publish(BAR, quote("MSFT"))
    await heard.until(lambda: heard.quotes)
    assert heard.klines == []
    assert it.counters["unknown_frames"] == 1
    assert len(server.clients) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "words", "state", "wait_s"),
    [
        (402, "check ALPACA_API_KEY", "blocked", 3600),
        (406, "another connection uses this key", "connecting", 30),
        (407, "we read too slowly", "connecting", 0),
        (409, "the plan has no such feed", "blocked", 6 * 3600),
        (500, "refused", "connecting", 0),
    ],
)
async def test_an_error_ends_the_connection_and_says_for_how_long(
    server, heard, feed, code, words, state, wait_s
):
    server.auth_error = {"T": "error", "code": code, "msg": "told"}
    feed()
    await heard.until(lambda: any(words in reason for _, reason in heard.states))
    found, reason = next((s, r) for s, r in heard.states if words in r)
    assert found == state
    waited = float(reason.rpartition("again in ")[2].removesuffix(" s"))
    assert waited >= wait_s
    assert waited < wait_s + 5
    assert f"error {code}" in reason


@pytest.mark.asyncio
async def test_a_server_that_never_greets_is_left(server, heard, feed):
    server.greeting = "silence"
    feed(replace(PATIENT, greet_s=0.5), is_open=lambda: False)
    await server.until_clients(2)
    assert heard.connected == []
    assert any("not signed in within 0.5 s" in reason for _, reason in heard.states)


@pytest.mark.asyncio
async def test_a_request_without_an_answer_is_said(server, heard, feed):
    server.is_mute = True
    it = feed(replace(PATIENT, greet_s=3.0), streams=["bars:AAPL"])
    told = "subscribed to 0 of 1 streams; Alpaca refused 1 streams of bars: no answer"
    await heard.until(lambda: any(told in reason for _, reason in heard.states))
    assert it.refused.keys() == {"bars:AAPL"}


@pytest.mark.asyncio
async def test_silence_is_a_fault_while_the_market_is_open(server, heard, feed):
    feed(HASTY)
    await server.until_clients(2)
    assert any("no data for" in reason for _, reason in heard.states)


@pytest.mark.asyncio
async def test_silence_is_normal_while_the_market_is_closed_until_it_opens(server, heard, feed):
    is_open = [False]
    feed(replace(PATIENT, silence_s=1.2), is_open=lambda: is_open[0])
    await server.until_subscribed(streams=3)
    await heard.until(lambda: any("the market is closed" in r for _, r in heard.states))
    await asyncio.sleep(2.6)  # twice the patience
    assert len(server.clients) == 1
    is_open[0] = True
    await server.until_clients(2)


@pytest.mark.asyncio
async def test_a_connection_that_is_dead_is_noticed_while_the_market_is_closed(server, heard, feed):
    # A half-open connection: the other side's kernel answers no more than its process does.
    feed(replace(PATIENT, ping_s=0.3), is_open=lambda: False)
    client = await server.until_subscribed(streams=3)
    client.socket.transport.pause_reading()
    await server.until_clients(2, timeout_s=20)
    assert any("closed by" in reason for _, reason in heard.states)


@pytest.mark.asyncio
async def test_one_sided_and_crossed_quotes_are_counted_not_told(server, heard, feed):
    it = feed()
    await server.until_subscribed(streams=3)
    await server.publish(quote("AAPL", bid=0), quote("AAPL", bid=232), quote("AAPL", bid=-1))
    await server.publish({"T": "s", "S": "AAPL"}, quote("AAPL"))
    await heard.until(lambda: heard.quotes)
    assert len(heard.quotes) == 1
    assert it.counters["one_sided_quotes"] == 2
    assert it.counters["bad_rows"] == 1
    assert it.counters["unknown_frames"] == 1


@pytest.mark.asyncio
async def test_garbage_ends_the_connection_and_everything_is_subscribed_again(server, heard, feed):
    it = feed()
    await server.until_subscribed(streams=3)
    for _ in range(5):
        await server.send_all("{oops")
    await server.until_subscribed(client=2, streams=3)
    assert it.counters["bad_frames"] == 5
    await server.publish(BAR)
    await heard.until(lambda: heard.klines)


@pytest.mark.asyncio
async def test_the_key_is_never_shown(server, heard, feed, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="websockets")
    it = feed(key="PK-canary", secret="canary-secret")
    await heard.until(lambda: any("ALPACA_API_KEY" in reason for _, reason in heard.states))
    # The loopback server, in this same process, may log what it receives.
    ours = [one.getMessage() for one in caplog.records if one.name != "websockets.server"]
    shown = repr(ours) + repr(heard.states) + repr(it) + repr(it.refused)
    assert "canary" not in shown.lower()


def test_streams_are_named_by_need():
    assert streams_for(["A", "B"])[:3] == ["bars:A", "bars:B", "quotes:A"]


@pytest.mark.parametrize(
    "row",
    [
        BAR | {"h": 1},
        BAR | {"t": "2026-11-20T15:29:30Z"},
        BAR | {"v": -1},
        BAR | {"S": 5},
        quote("AAPL") | {"bs": -1},
        quote("AAPL") | {"ap": 1e300},
        trade("AAPL") | {"p": 0},
        trade("AAPL") | {"i": -1},
        trade("AAPL") | {"t": "1"},
        {"S": "AAPL"},
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
        [BAR, quote("AAPL"), trade("AAPL")],
        [{"T": "success", "msg": "connected"}],
        [{"T": "error", "code": 405, "msg": "symbol limit exceeded"}],
        [{"T": "subscription", "trades": ["AAPL"], "quotes": [], "bars": ["*"]}],
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
        assert kline.open_time % 60 == 0
    assert all(0 < one.bid <= one.ask and one.bid_size > 0 for one in frame.quotes)
    assert all(one.price > 0 and one.quantity > 0 for one in frame.trades)
