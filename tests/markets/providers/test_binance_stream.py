"""The Binance stream over a real socket, through every fault of the catalogue."""

import asyncio
import itertools
import json
from dataclasses import replace

import pytest

from markets.providers.binance.stream import BinanceStream, streams_for
from tests.markets.providers.conftest import QUICK
from tests.servers import depth_data, kline_data, quote_data, trade_data

pytestmark = pytest.mark.asyncio
PRICES = ("100.1", "100.5", "100.0", "100.4")
MINUTE = 60_000


async def first_trade(binance, heard, trade_id=1, client=1):
    """Bring the stream to life with one trade."""
    await binance.until_subscribed(client)
    await binance.publish("btcusdt@trade", trade_data("BTCUSDT", trade_id, "100.0"))
    await heard.until(lambda: any(t.trade_id == trade_id for t in heard.trades))


async def test_every_kind_of_event_arrives_with_its_values(binance, heard, stream):
    it = stream(streams=streams_for(["BTCUSDT"], 60))
    client = await binance.until_subscribed()
    assert client.path == "/stream"
    assert client.told == [
        {
            "method": "SUBSCRIBE",
            "params": [
                "btcusdt@kline_1m",
                "btcusdt@bookTicker",
                "btcusdt@trade",
                "btcusdt@depth@100ms",
            ],
            "id": 1,
        }
    ]
    bar = kline_data("BTCUSDT", 600_000, PRICES, is_closed=True)
    await binance.publish("btcusdt@kline_1m", bar)
    await binance.publish("btcusdt@bookTicker", quote_data("BTCUSDT", 7, "99.9", "100.0"))
    await binance.publish("btcusdt@trade", trade_data("BTCUSDT", 3, "100.0", "0.5", 42))
    await binance.publish(
        "btcusdt@depth@100ms", depth_data("BTCUSDT", 8, 9, [["99.9", "0"]], [["100.0", "2"]])
    )
    await heard.until(lambda: heard.depths)
    kline, quote, trade, depth = heard.klines[0], heard.quotes[0], heard.trades[0], heard.depths[0]
    assert (kline.native_id, kline.timeframe, kline.open_time) == ("BTCUSDT", 60, 600)
    assert (kline.open, kline.high, kline.low, kline.close) == (100.1, 100.5, 100.0, 100.4)
    assert (kline.volume, kline.trades, kline.is_closed) == (1.5, 3, True)
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (99.9, 2.0, 100.0, 3.0)
    assert (quote.update_id, quote.event_ms, quote.last) == (7, None, None)
    assert (trade.trade_id, trade.price, trade.quantity, trade.is_sell) == (3, 100.0, 0.5, True)
    assert trade.event_ms == 42
    assert (depth.first_update_id, depth.last_update_id) == (8, 9)
    assert (depth.bids, depth.asks) == (((99.9, 0.0),), ((100.0, 2.0),))
    assert heard.connected == [False]
    assert [state for state, _ in heard.states] == ["connecting", "live"]
    assert it.counters["frames"] == 4
    assert not it.is_official
    assert it.source == "replay:binance"


async def test_many_streams_are_asked_for_in_few_paced_messages(binance, heard, stream):
    names = [f"s{number}@trade" for number in range(450)]
    stream(streams=names)
    client = await binance.until_subscribed()
    await binance.until(lambda: len(client.told) == 3)
    assert [len(told["params"]) for told in client.told] == [200, 200, 50]
    assert [name for told in client.told for name in told["params"]] == names


async def test_more_streams_than_a_connection_carries_are_refused(heard):
    with pytest.raises(ValueError, match="1024"):
        BinanceStream("ws://127.0.0.1:1", [f"s{n}@trade" for n in range(1025)], heard)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_cut_is_healed_within_two_seconds_and_told(binance, heard, stream, how):
    it = stream()
    await first_trade(binance, heard)
    if how == "close":
        await binance.clients[0].close()
    else:
        binance.clients[0].reset()
    again = await binance.until_subscribed(2, timeout_s=2.0)
    assert again.told[0]["params"] == ["btcusdt@trade", "btcusdt@kline_1m"]
    await first_trade(binance, heard, trade_id=2, client=2)
    assert heard.connected == [False, False]
    assert [state for state, _ in heard.states] == [
        "connecting",
        "live",
        "stale",
        "connecting",
        "live",
    ]
    assert it.counters["reconnects"] == 1


async def test_a_black_hole_is_noticed_by_the_watchdog(binance, heard, stream):
    stream()
    await first_trade(binance, heard)
    await binance.until_clients(2, timeout_s=2.0)
    stale = next(reason for state, reason in heard.states if state == "stale")
    assert stale.startswith("no data for 0.4 s")


@pytest.mark.parametrize("greeting", ["silence", "mute"])
async def test_silence_from_the_start_is_noticed_too(binance, heard, stream, greeting):
    binance.greeting = greeting
    stream()
    await binance.until_clients(2, timeout_s=2.0)
    binance.mend()
    client = await binance.until_subscribed(3, timeout_s=3.0)
    await binance.publish("btcusdt@trade", trade_data("BTCUSDT", 1, "100.0"))
    await heard.until(lambda: heard.trades)
    assert client.told
    assert heard.connected == [False]


async def test_acknowledged_but_without_data_is_silence(binance, heard, stream):
    it = stream()
    await binance.until_subscribed(2, timeout_s=2.0)
    assert heard.connected == []
    assert it.counters["frames"] == 0


async def test_accept_then_close_is_left_alone_longer_and_longer(binance, heard, stream):
    binance.greeting = "close"
    limits = replace(QUICK, backoff_base_s=0.1, backoff_cap_s=0.8)
    it = stream(limits)
    await binance.until_clients(5, timeout_s=5.0)
    at = [client.opened_s for client in binance.clients[:5]]
    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    for gap, least in zip(gaps, (0.05, 0.1, 0.2, 0.4), strict=True):
        assert gap >= least
    assert it.counters["frames"] == 0
    assert str(it.state) == "down"


async def test_data_and_health_reset_the_back_off(binance, heard, stream):
    binance.greeting = "close"
    it = stream(replace(QUICK, backoff_base_s=0.5, backoff_cap_s=30.0))
    await binance.until_clients(3)
    binance.mend()
    await binance.until_subscribed(4)
    for trade_id in range(1, 7):
        await first_trade(binance, heard, trade_id, client=4)
        await asyncio.sleep(0.05)
    assert str(it.state) == "live"
    cut_at = asyncio.get_running_loop().time()
    await binance.clients[3].close()
    await binance.until_clients(5)
    assert asyncio.get_running_loop().time() - cut_at < 2.5


@pytest.mark.parametrize(("greeting", "state"), [("503", "down"), ("451", "blocked")])
async def test_a_refused_handshake_waits_as_told(binance, heard, stream, greeting, state):
    binance.greeting = greeting
    it = stream(replace(QUICK, down_after=1))
    await heard.until(lambda: heard.states and heard.states[-1][0] == state)
    assert f"HTTP {greeting}" in heard.states[-1][1]
    await asyncio.sleep(0.6)
    assert it.counters["connects"] == 1  # the server said Retry-After: 1


async def test_nobody_listening_is_down_and_comes_back(binance, heard, start, unused_tcp_port):
    it = start(BinanceStream(f"ws://127.0.0.1:{unused_tcp_port}", ["x@trade"], heard, limits=QUICK))
    await heard.until(lambda: heard.states and heard.states[-1][0] == "down")
    assert "cannot connect: ConnectionRefusedError" in heard.states[-1][1]
    assert it.counters["connects"] >= 3


GARBAGE = (
    b"not json",
    b'{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTC',
    b'{"stream":"btcusdt@trade","data":{}}',
    b'{"stream":"btcusdt@trade","data":{"s":"BTCUSDT","t":2,"p":"NaN","q":"1","T":1,"m":true}}',
    b'{"stream":"btcusdt@trade","data":{"s":"BTCUSDT","t":2,"p":"-5","q":"1","T":1,"m":true}}',
)


async def test_a_few_garbage_frames_are_dropped_and_counted(binance, heard, stream):
    it = stream()
    await first_trade(binance, heard)
    for frame in GARBAGE[:4]:
        await binance.send_all(frame)
    await first_trade(binance, heard, trade_id=2)
    assert it.counters["bad_frames"] == 4
    assert [trade.trade_id for trade in heard.trades] == [1, 2]
    assert len(binance.clients) == 1


async def test_five_garbage_frames_in_ten_seconds_are_a_reason_to_reconnect(binance, heard, stream):
    stream()
    await first_trade(binance, heard)
    for frame in GARBAGE:
        await binance.send_all(frame)
    await binance.until_subscribed(2)
    assert any("5 unusable frames" in reason for _, reason in heard.states)
    assert [trade.trade_id for trade in heard.trades] == [1]


async def test_an_unknown_event_is_counted_and_harmless(binance, heard, stream):
    it = stream()
    await first_trade(binance, heard)
    for _ in range(10):
        await binance.send_all(b'{"stream":"btcusdt@newThing","data":{"e":"newThing","x":1}}')
    await first_trade(binance, heard, trade_id=2)
    assert (it.counters["unknown_frames"], it.counters["bad_frames"]) == (10, 0)
    assert len(binance.clients) == 1


async def test_a_refused_subscription_is_told_and_tried_again(binance, heard, stream):
    binance.refused = {"code": 2, "msg": "Invalid request: unknown stream"}
    it = stream()
    await binance.until_clients(2)
    assert it.counters["control_errors"] >= 1
    assert any("Invalid request: unknown stream (2)" in reason for _, reason in heard.states)


async def both(binance, trade_id):
    await binance.publish("btcusdt@trade", trade_data("BTCUSDT", trade_id, "100.0"))


async def keep_trading(binance, ids):
    """Publish trades on and on, as a market does."""
    for trade_id in ids:
        await both(binance, trade_id)
        await asyncio.sleep(0.01)


async def overlapped(binance, heard, it, announce):
    """Run trades and bars through a take-over and return when the first connection is closed."""
    await binance.until_subscribed()
    trading = asyncio.create_task(keep_trading(binance, range(1, 120)))
    await heard.until(lambda: heard.trades)
    await announce()
    await binance.until_subscribed(2)
    bar = kline_data("BTCUSDT", MINUTE, PRICES, is_closed=True, at_ms=2 * MINUTE)
    await binance.publish("btcusdt@kline_1m", bar)
    await binance.until(lambda: not binance.clients[0].is_open)
    await trading
    await heard.until(lambda: heard.trades[-1].trade_id == 119)
    assert [trade.trade_id for trade in heard.trades] == list(range(1, 120))
    assert [kline.open_time for kline in heard.klines] == [60]
    assert heard.connected[:2] == [False, True]
    assert it.counters["duplicates"] > 0
    assert it.counters["reconnects"] == 0
    assert [state for state, _ in heard.states] == ["connecting", "live"]


async def test_an_old_connection_is_replaced_before_its_end(binance, heard, stream):
    async def nothing() -> None:
        await asyncio.sleep(0)

    it = stream(replace(QUICK, refresh_s=0.4, silence_s=2.0))
    await overlapped(binance, heard, it, nothing)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"e":"serverShutdown","E":1770123456789}',
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
    ],
)
async def test_an_announced_shutdown_opens_a_second_connection_first(binance, heard, stream, frame):
    it = stream(replace(QUICK, silence_s=2.0))

    async def announce() -> None:
        await binance.clients[0].send(frame)

    await overlapped(binance, heard, it, announce)
    assert len(binance.clients) == 2


async def test_the_old_connection_may_die_during_the_overlap(binance, heard, stream):
    stream(replace(QUICK, silence_s=2.0, linger_s=30.0))
    await first_trade(binance, heard)
    await binance.clients[0].send(b'{"e":"serverShutdown","E":1}')
    await binance.until_subscribed(2)
    await first_trade(binance, heard, trade_id=2, client=2)
    await heard.until(lambda: len(heard.connected) == 2)
    binance.clients[0].reset()
    await asyncio.sleep(0.1)
    await first_trade(binance, heard, trade_id=3, client=2)
    assert heard.connected == [False, True]
    assert len(binance.clients) == 2
    assert [state for state, _ in heard.states] == ["connecting", "live"]


async def test_a_venue_that_starts_again_from_lower_ids_is_heard(binance, heard, stream):
    stream()
    await first_trade(binance, heard, trade_id=1000)
    await binance.clients[0].close()
    await first_trade(binance, heard, trade_id=5, client=2)
    assert [trade.trade_id for trade in heard.trades] == [1000, 5]


async def test_a_late_close_is_not_taken_for_a_repeat(binance, heard, stream):
    it = stream()
    await binance.until_subscribed()
    new = kline_data("BTCUSDT", 2 * MINUTE, PRICES, is_closed=False, at_ms=2 * MINUTE + 5)
    late = kline_data("BTCUSDT", MINUTE, PRICES, is_closed=True, at_ms=2 * MINUTE + 9)
    for data in (new, late, late, new):
        await binance.publish("btcusdt@kline_1m", data)
    await first_trade(binance, heard)
    assert [(k.open_time, k.is_closed) for k in heard.klines] == [(120, False), (60, True)]
    assert it.counters["duplicates"] == 2


async def test_streams_change_without_a_reconnect(binance, heard, stream):
    it = stream(replace(QUICK, silence_s=3.0))
    await first_trade(binance, heard)
    await it.set_streams(["btcusdt@trade", "ethusdt@trade"])
    client = binance.clients[0]
    await binance.until(lambda: len(client.told) == 3)
    assert binance.streams(client) == ["btcusdt@trade", "ethusdt@trade"]
    await binance.publish("ethusdt@trade", trade_data("ETHUSDT", 9, "5.0"))
    await heard.until(lambda: heard.trades[-1].native_id == "ETHUSDT")
    await client.close()
    again = await binance.until_subscribed(2)
    assert again.told[0]["params"] == ["btcusdt@trade", "ethusdt@trade"]


async def test_stop_ends_run_and_closes_the_socket(binance, heard):
    it = BinanceStream(binance.ws_url, ["btcusdt@trade"], heard, limits=QUICK)
    task = asyncio.create_task(it.run())
    await binance.until_subscribed()
    await it.stop()
    assert task.done()
    await binance.until(lambda: not binance.open_clients)
    await it.stop()


async def test_a_fault_of_the_handler_is_logged_and_does_not_end_the_stream(
    binance, heard, stream, caplog
):
    stream()
    await binance.until_subscribed()
    kept, heard.trades = heard.trades, None
    await both(binance, 1)
    await binance.until_clients(2)
    heard.trades = kept
    await first_trade(binance, heard, trade_id=2, client=2)
    assert "a stream handler failed" in caplog.text
    assert any("a fault of our own" in reason for _, reason in heard.states)


async def test_pings_of_the_venue_are_answered(binance, heard, stream):
    stream()
    await first_trade(binance, heard)
    answered = await binance.clients[0].socket.ping(b"1700000000000")
    await asyncio.wait_for(answered, 2)
    assert json.dumps(binance.clients[0].told)  # still open and in its right mind


async def test_the_rolling_day_goes_to_who_asked_for_it(binance, heard, start):
    days = []
    name = "btcusdt@miniTicker"
    start(BinanceStream(binance.ws_url, [name], heard, limits=QUICK, on_day=days.append))
    await binance.until_subscribed()
    day = {"e": "24hrMiniTicker", "E": 5, "s": "BTCUSDT", "c": "100.4", "o": "100.1"}
    day |= {"h": "100.5", "l": "100.0", "v": "3.2", "q": "320.9"}
    await binance.publish(name, day)
    await binance.publish(name, day)
    await binance.publish(name, {**day, "E": 6, "c": "100.2"})
    await heard.until(lambda: heard.connected)
    async with asyncio.timeout(5):
        while len(days) < 2:  # noqa: ASYNC110  there is no event for it
            await asyncio.sleep(0.01)
    assert [(one.last, one.event_ms) for one in days] == [(100.4, 5), (100.2, 6)]
