"""What a socket may not send: a clear error, the third in ten seconds ends it."""

import json

import pytest

from mystic.lib import live_rooms, live_socket
from mystic.lib.live import hub

pytestmark = pytest.mark.django_db(transaction=True)


def sub(**data):
    return json.dumps({"type": "subscribe", "data": {"channel": "market_data", **data}})


LIST = [
    ("not JSON", "subscribe please", "json_invalid"),
    ("blank", " ", "json_invalid"),
    ("cut", '{"type": "subscribe", "da', "json_invalid"),
    ("list", "[]", "object_expected"),
    ("null", "null", "object_expected"),
    ("number", "5", "object_expected"),
    ("deep", '{"data":' * 9 + "1" + "}" * 9, "too_deep"),
    ("very deep", "[" * 8000, "too_deep"),
    ("twice", '{"type":"ping","type":"ping"}', "duplicate_key"),
    ("NaN", '{"type":"ping","data":{"a":NaN}}', "not_finite"),
    ("5,000 digits", '{"type":"ping","data":{"a":%s}}' % ("9" * 5000), "number_format"),
    ("NUL", '{"type":"ping","data":{"a":"\\u0000"}}', "control_character"),
    ("lone surrogate", '{"type":"ping","data":{"a":"\\ud800"}}', "control_character"),
    ("no type", "{}", "unknown_type"),
    ("unknown type", '{"type":"order"}', "unknown_type"),
    ("type is a list", '{"type":["ping"]}', "unknown_type"),
    ("data is a list", '{"type":"ping","data":[]}', "invalid"),
    ("unknown member", '{"type":"ping","user":5}', "unknown_field"),
    ("ref is an object", '{"type":"ping","ref":{}}', "unknown_field"),
    ("no channel", '{"type":"subscribe","data":{}}', "unknown_channel"),
    ("unknown channel", '{"type":"subscribe","data":{"channel":"all"}}', "unknown_channel"),
    ("channel is a list", '{"type":"subscribe","data":{"channel":[]}}', "unknown_channel"),
    ("unknown data", sub(symbol="BTCUSDT", user_id=2), "unknown_field"),
    ("no symbol", sub(), "symbol_missing"),
    ("symbol is a number", sub(symbol=5), "invalid"),
    ("symbol is null", sub(symbol=None), "invalid"),
    ("unknown symbol", sub(symbol="NOPE/USDT"), "unknown_symbol"),
    ("symbol with quotes", sub(symbol="'; DROP TABLE x; --"), "unknown_symbol"),
    ("symbol of 10 kB", sub(symbol="B" * 10_000), "unknown_symbol"),
    ("10,000 symbols", sub(symbols=["B"] * 3000), "too_many_symbols"),
    ("51 symbols", sub(symbols=[f"S{n}" for n in range(51)]), "too_many_symbols"),
    ("symbols is text", sub(symbols="BTC"), "invalid"),
    ("hz 0", sub(symbol="BTCUSDT", hz=0), "invalid"),
    ("hz 51", sub(symbol="BTCUSDT", hz=51), "invalid"),
    ("hz is text", sub(symbol="BTCUSDT", hz="10"), "invalid"),
    ("hz is true", sub(symbol="BTCUSDT", hz=True), "invalid"),
    ("batch is 1", sub(symbol="BTCUSDT", batch=1), "invalid"),
]


def test_a_wrong_message_is_answered_and_changes_nothing(open_socket, pairs):
    async def scenario(open_one):
        for name, text, code in LIST:
            socket = await open_one()
            await socket.send_to(text_data=text)
            message = await socket.hear()
            assert (name, message["type"], message["code"]) == (name, "error", code)
            assert message["detail"]
            assert message["data"]["code"] == code
            (client,) = hub.clients
            assert client.subjects == set()
            await socket.say("ping")
            assert (name, (await socket.hear())["type"]) == (name, "pong")
            await socket.disconnect()

    open_socket(scenario)


def test_the_third_error_in_ten_seconds_closes(open_socket, pairs):
    async def scenario(open_one):
        socket = await open_one()
        for _ in range(3):
            await socket.send_to(text_data="{")
            assert (await socket.hear())["code"] == "json_invalid"
        assert await socket.closed() == 4400
        assert hub.clients == set()
        assert live_rooms.sockets == set()

    open_socket(scenario)


def test_errors_far_apart_do_not_close(open_socket, pairs, time_machine_free_clock):
    async def scenario(open_one):
        socket = await open_one()
        for _ in range(6):
            await socket.send_to(text_data="{")
            assert (await socket.hear())["code"] == "json_invalid"
            time_machine_free_clock(6.0)
        await socket.say("ping")
        assert (await socket.hear())["type"] == "pong"

    open_socket(scenario)


@pytest.fixture
def time_machine_free_clock(monkeypatch):
    """Let the limits' own clock be moved on; the event loop's stays."""
    import time as real

    from mystic.lib import live_limits

    class Clock:
        ahead = 0.0

        @classmethod
        def monotonic(cls):
            return real.monotonic() + cls.ahead

    def on(seconds):
        Clock.ahead += seconds

    monkeypatch.setattr(live_limits, "time", Clock)
    return on


def test_binary_closes_4400(open_socket, pairs):
    async def scenario(open_one):
        socket = await open_one()
        await socket.send_to(bytes_data=b'{"type":"ping"}')
        assert (await socket.hear())["code"] == "text_expected"
        assert await socket.closed() == 4400

    open_socket(scenario)


def test_a_message_over_16_kb_closes_4413(open_socket, pairs):
    async def scenario(open_one):
        socket = await open_one()
        fits = json.dumps({"type": "ping", "data": {"a": "x" * 16_000}})
        await socket.send_to(text_data=fits)
        assert (await socket.hear())["type"] == "pong"
        await socket.send_to(text_data=json.dumps({"type": "ping", "data": {"a": "x" * 16_400}}))
        assert (await socket.hear())["code"] == "too_large"
        assert await socket.closed() == 4413

    open_socket(scenario)


def test_a_storm_of_messages_closes_4429(open_socket, pairs):
    async def scenario(open_one):
        socket = await open_one()
        for n in range(130):
            kind = "unsubscribe" if n % 2 else "subscribe"
            await socket.say(kind, channel="market_data", symbol="BTC/USDT")
        assert await socket.closed(within_s=5) == 4429

    open_socket(scenario)


def test_fifty_symbols_over_many_messages_are_the_most(open_socket, pairs, monkeypatch):
    monkeypatch.setattr(live_socket, "MAX_SYMBOLS", 1)

    async def scenario(open_one):
        socket = await open_one()
        await socket.say("subscribe", channel="market_data", symbol="BTC/USDT")
        assert (await socket.hear())["type"] == "subscribed"
        await socket.say("subscribe", channel="bar", symbol="BTC/USDT")
        assert (await socket.hear())["type"] == "subscribed"
        await socket.say("subscribe", channel="market_data", symbol="ETH/USDT")
        assert (await socket.hear())["code"] == "too_many_symbols"

    open_socket(scenario)


def test_the_21st_socket_of_one_person_closes_4429(open_socket, ann, token_of):
    key = token_of(ann)

    async def scenario(open_one):
        for _ in range(20):
            socket = await open_one(headers={"authorization": f"Token {key}"})
            await socket.say("ping")
            assert (await socket.hear())["type"] == "pong"
        more = await open_one(headers={"authorization": f"Token {key}"})
        assert await more.closed() == 4429
        stranger = await open_one()
        await stranger.say("ping")
        assert (await stranger.hear())["type"] == "pong"
        await socket.disconnect()
        again = await open_one(headers={"authorization": f"Token {key}"})
        await again.say("ping")
        assert (await again.hear())["type"] == "pong"

    open_socket(scenario)


def test_a_silent_socket_is_asked_and_then_closed_4408(open_socket, pairs, monkeypatch):
    monkeypatch.setattr(live_rooms, "HEARTBEAT_EVERY_S", 0.5)
    monkeypatch.setattr(live_rooms, "SILENT_FOR_S", 2.5)

    async def scenario(open_one):
        silent, alive = await open_one(), await open_one()
        assert (await silent.hear())["type"] == "heartbeat"
        for _ in range(3):
            assert (await alive.hear_kind("heartbeat"))["data"] == {}
            await alive.say("pong")
        assert await silent.closed(within_s=4) == 4408
        await alive.say("ping")
        assert (await alive.hear_kind("pong"))["type"] == "pong"
        assert len(hub.clients) == 1

    open_socket(scenario)
