"""What a socket may ask for, what it is told, and who may ask."""

import asyncio

import pytest

from mystic.lib.live import hub
from tests.memory import say

pytestmark = pytest.mark.django_db(transaction=True)


def quote(symbol, price):
    return {
        "type": "market_data",
        "data": {"symbol": symbol, "bid": price, "ask": price + 1},
        "timestamp": "2026-01-02T03:04:05.678Z",
        "source": "replay:binance",
        "is_live": False,
        "as_of": None,
    }


def test_anonymous_gets_the_newest_quote_at_once_and_then_each_change(open_socket, pairs):
    btc, eth = pairs

    async def scenario(open_one):
        await say(f"quote:{btc.pk}", "quote", quote("BTC/USDT", 60000.0))
        await say(f"quote:{eth.pk}", "quote", quote("ETH/USDT", 3000.0))
        socket = await open_one()
        await socket.say("subscribe", ref="a1", channel="market_data", symbol="btc-usdt", hz=50)
        answer = await socket.hear()
        assert answer["type"] == "subscribed"
        assert answer["data"] == {"channel": "market_data", "symbol": "btc-usdt"}
        assert answer["ref"] == "a1"
        assert set(answer) == {"type", "data", "timestamp", "source", "is_live", "ref"}
        assert await socket.hear() == quote("BTC/USDT", 60000.0)
        hub.publish_latest(f"quote:{btc.pk}", "quote", quote("BTC/USDT", 60001.0))
        assert await socket.hear() == quote("BTC/USDT", 60001.0)
        await socket.say("unsubscribe", channel="market_data", symbol="btc-usdt")
        assert (await socket.hear())["type"] == "unsubscribed"
        hub.publish_latest(f"quote:{btc.pk}", "quote", quote("BTC/USDT", 60002.0))
        assert await socket.receive_nothing(timeout=0.2)

    open_socket(scenario)


def test_the_market_address_opens_with_quote_bar_and_closes(open_socket, pairs):
    btc, _ = pairs

    async def scenario(open_one):
        await say(f"quote:{btc.pk}", "quote", quote("BTC/USDT", 60000.0))
        for path in ("/ws/market/BTCUSDT", "/ws/market/BTC/USDT", "/ws/market/btc-usdt/"):
            socket = await open_one(path)
            assert (await socket.hear())["data"]["channel"] == "market_data"
            assert await socket.hear() == quote("BTC/USDT", 60000.0)
            assert (await socket.hear())["data"]["channel"] == "bar"
            hub.publish_event(f"closed:{btc.pk}", {"type": "bar_closed", "data": {"close": 1}})
            assert (await socket.hear_kind("bar_closed"))["data"] == {"close": 1}
            hub.publish_latest(f"bar:{btc.pk}", "bar", {"type": "bar", "data": {"close": 2}})
            assert (await socket.hear_kind("bar"))["data"] == {"close": 2}

    open_socket(scenario)


def test_an_unknown_market_is_said_and_closed(open_socket, pairs):
    async def scenario(open_one):
        socket = await open_one("/ws/market/NOPE")
        message = await socket.hear()
        assert (message["type"], message["code"]) == ("error", "unknown_symbol")
        assert await socket.closed() == 4404

    open_socket(scenario)


def test_an_unknown_address_closes_4404(open_socket, transactional_db):
    async def scenario(open_one):
        for path in ("/ws/none", "/", "/wsx", "/ws/market/a/b/c"):
            assert await (await open_one(path)).closed() == 4404

    open_socket(scenario)


@pytest.mark.parametrize("path", ["/ws/trading", "/ws/signals", "/ws/ai"])
def test_addresses_of_people_refuse_strangers(open_socket, transactional_db, path):
    async def scenario(open_one):
        assert await (await open_one(path)).closed() == 4401

    open_socket(scenario)


@pytest.mark.parametrize("channel", ["signals", "portfolio", "notifications"])
def test_channels_of_people_refuse_strangers(open_socket, transactional_db, channel):
    async def scenario(open_one):
        socket = await open_one()
        await socket.say("subscribe", channel=channel, ref=7)
        message = await socket.hear()
        assert (message["type"], message["code"], message["ref"]) == (
            "error",
            "not_authenticated",
            7,
        )
        hub.publish_event("signals", {"type": "signal", "data": {}})
        assert await socket.receive_nothing(timeout=0.1)

    open_socket(scenario)


def test_each_person_hears_only_of_themselves(open_socket, ann, ben, cid, token_of):
    people = {user.pk: token_of(user) for user in (ann, ben, cid)}

    async def scenario(open_one):
        sockets = {}
        for pk, key in people.items():
            sockets[pk] = await open_one(headers={"authorization": f"Token {key}"})
            for channel in ("portfolio", "notifications"):
                await sockets[pk].say("subscribe", channel=channel)
                assert (await sockets[pk].hear())["type"] == "subscribed"
        for pk in people:
            hub.publish_event(f"user:{pk}", {"type": "order", "data": {"owner": pk}})
            hub.publish_latest(
                f"positions:{pk}", "1", {"type": "position_pnl", "data": {"owner": pk}}
            )
            hub.publish_latest(f"equity:{pk}", "1", {"type": "equity", "data": {"owner": pk}})
        for pk, socket in sockets.items():
            heard = [await socket.hear() for _ in range(3)]
            assert {message["type"] for message in heard} == {"order", "position_pnl", "equity"}
            assert {message["data"]["owner"] for message in heard} == {pk}
            assert await socket.receive_nothing(timeout=0.1)

    open_socket(scenario)


def test_unsubscribing_one_of_two_channels_keeps_what_both_need(open_socket, ann, token_of):
    key = token_of(ann)

    async def scenario(open_one):
        socket = await open_one(headers={"authorization": f"Token {key}"})
        for kind, channel in (
            ("subscribe", "portfolio"),
            ("subscribe", "notifications"),
            ("unsubscribe", "portfolio"),
        ):
            await socket.say(kind, channel=channel)
            assert (await socket.hear())["type"] == f"{kind}d"
        hub.publish_latest(f"equity:{ann.pk}", "1", {"type": "equity", "data": {}})
        hub.publish_event(f"user:{ann.pk}", {"type": "alert", "data": {}})
        assert (await socket.hear())["type"] == "alert"
        assert await socket.receive_nothing(timeout=0.1)

    open_socket(scenario)


@pytest.mark.parametrize("other", ["user:2", "positions:2", "equity:2", "quote:1", "user:../2"])
def test_naming_a_subject_closes_4403(open_socket, ann, token_of, other):
    key = token_of(ann)

    async def scenario(open_one):
        socket = await open_one(headers={"authorization": f"Token {key}"})
        await socket.say("subscribe", channel=other)
        assert (await socket.hear())["code"] == "forbidden"
        assert await socket.closed() == 4403

    open_socket(scenario)


def test_a_request_answers_once_without_subscribing(open_socket, pairs):
    btc, _ = pairs

    async def scenario(open_one):
        await say(f"quote:{btc.pk}", "quote", quote("BTC/USDT", 60000.0))
        socket = await open_one()
        await socket.say("request", channel="market_data", symbol="BTCUSDT", ref="r")
        message = await socket.hear()
        assert (message["type"], message["ref"]) == ("snapshot", "r")
        assert message["data"]["items"] == [quote("BTC/USDT", 60000.0)]
        hub.publish_latest(f"quote:{btc.pk}", "quote", quote("BTC/USDT", 60001.0))
        assert await socket.receive_nothing(timeout=0.15)

    open_socket(scenario)


def test_ping_is_answered_and_a_list_of_symbols_is_taken(open_socket, pairs):
    async def scenario(open_one):
        socket = await open_one()
        await socket.say("ping", ref=3, sent=1)
        message = await socket.hear()
        assert (message["type"], message["ref"], message["data"]) == ("pong", 3, {"sent": 1})
        await socket.say("subscribe", channel="market_data", symbols=["BTC/USDT", "ETH/USDT"])
        heard = [(await socket.hear())["data"]["symbol"] for _ in range(2)]
        assert heard == ["BTC/USDT", "ETH/USDT"]

    open_socket(scenario)


def test_batch_puts_many_values_in_one_frame(open_socket, pairs):
    async def scenario(open_one):
        for pair in pairs:
            await say(f"quote:{pair.pk}", "quote", quote(pair.symbol, 1.0))
        socket = await open_one()
        await socket.say(
            "subscribe", channel="market_data", symbols=["BTC/USDT", "ETH/USDT"], batch=True, hz=5
        )
        await asyncio.sleep(0.3)
        for pair in pairs:
            hub.publish_latest(f"quote:{pair.pk}", "quote", quote(pair.symbol, 2.0))
        await asyncio.sleep(0.3)
        message = await socket.hear_kind("batch")
        assert message["data"][-1]["type"] == "market_data"
        assert len(message["data"]) == 2

    open_socket(scenario)
