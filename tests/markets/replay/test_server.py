"""The replayed venue's protocol: streams, control messages, REST, the clock, the end."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from markets.replay.clock import VirtualClock
from markets.replay.files import ReplayFileError, tape_open
from markets.replay.server import ReplayServer, ReplayThread
from tests.markets.replay.conftest import START, bare, depth, quote, trade

SNAPSHOT = {"lastUpdateId": 3, "bids": [["99.99", "1.5"]], "asks": [["100.00", "2.25"]]}
LINES = [
    quote(START, 1),
    bare(START, SNAPSHOT),
    trade(1, START + 5),
    depth(START + 10, 4, 4, [["99.98", "1"]]),
    trade(2, START + 400),
]


@pytest.fixture
def path(record):
    return record(LINES)


@asynccontextmanager
async def playing(path, **how):
    async with ReplayServer([tape_open(str(path))], **how) as server:
        yield server


@asynccontextmanager
async def socket_of(server, target="/stream"):
    async with connect(f"{server.ws_url}{target}", proxy=None) as socket:
        yield socket


async def ask(socket, message):
    await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
    while True:
        told = json.loads(await asyncio.wait_for(socket.recv(), 5))
        if "stream" not in told and "e" not in told:
            return told


async def drain(socket):
    while True:
        await socket.recv()


async def get(server, target):
    async with httpx.AsyncClient(base_url=server.rest_url, trust_env=False) as client:
        return await client.get(target)


@pytest.mark.asyncio
async def test_the_clock_stands_until_somebody_subscribes(path):
    async with playing(path, speed=1000) as server:
        await asyncio.sleep(0.05)
        assert (await get(server, "/api/v3/time")).json() == {"serverTime": START}
        async with socket_of(server) as socket:
            await asyncio.sleep(0.05)
            assert not server.finished.is_set()
            await ask(socket, {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1})
            got = [await asyncio.wait_for(socket.recv(), 5) for _ in range(2)]
            assert got == [LINES[2][1], LINES[4][1]]
        await server.finished.wait()
        assert (await get(server, "/api/v3/time")).json() == {"serverTime": START + 400}


@pytest.mark.asyncio
async def test_without_waiting_it_plays_at_once_and_keeps_answering_after_the_end(path):
    said = []
    async with playing(path, speed=1000, is_waiting=False, say=said.append) as server:
        await asyncio.wait_for(server.finished.wait(), 5)
        assert "the data are over" in said[-1]
        answer = await get(server, "/api/v3/depth?symbol=BTCUSDT&limit=5")
        assert answer.json() == {
            "lastUpdateId": 4,
            "bids": [["99.99", "1.5"], ["99.98", "1"]],
            "asks": [["100.00", "2.25"]],
        }


@pytest.mark.asyncio
async def test_speed_is_virtual_time_over_ours(record):
    path = record([quote(START, 1), quote(START + 2_000, 2)])
    loop = asyncio.get_running_loop()
    for speed, least, most in ((10, 0.19, 0.6), (2, 0.95, 1.5)):
        async with playing(path, speed=speed, is_waiting=False) as server:
            began = loop.time()
            await asyncio.wait_for(server.finished.wait(), 5)
            assert least <= loop.time() - began <= most


@pytest.mark.asyncio
async def test_a_long_silence_in_the_recording_is_jumped_over(record):
    path = record([trade(1, START), trade(2, START + 86_400_000)])
    async with playing(path, is_waiting=False) as server:
        await asyncio.wait_for(server.finished.wait(), 3)
        assert server.clock.now_ms() == START + 86_400_000


@pytest.mark.asyncio
async def test_control_messages_are_answered_in_the_venues_words(path):
    async with playing(path) as server, socket_of(server) as socket:
        list_them = {"method": "LIST_SUBSCRIPTIONS", "id": "b"}
        for message, answer in (
            ({"method": "SUBSCRIBE", "params": ["a@trade", "b@trade"], "id": 1}, {"result": None}),
            (list_them, {"result": ["a@trade", "b@trade"]}),
            ({"method": "UNSUBSCRIBE", "params": ["a@trade"], "id": 3}, {"result": None}),
            (list_them, {"result": ["b@trade"]}),
        ):
            assert await ask(socket, message) == {**answer, "id": message["id"]}
        await asyncio.sleep(1.0)
        for message, code in (
            ("no json", 3),
            ({"method": "DANCE", "id": 1}, 2),
            ("[]", 2),
            ({"method": "SUBSCRIBE", "params": "btcusdt@trade", "id": 1}, 2),
        ):
            assert (await ask(socket, message))["code"] == code
        await asyncio.sleep(1.0)
        for params, code in ((["combined", 5], 1), (["other", True], 0)):
            message = {"method": "SET_PROPERTY", "params": params, "id": 1}
            assert (await ask(socket, message))["code"] == code


@pytest.mark.asyncio
async def test_more_than_five_messages_a_second_end_the_connection(path):
    async with playing(path) as server, socket_of(server) as socket:
        for number in range(7):
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        with pytest.raises(ConnectionClosed) as told:
            await asyncio.wait_for(drain(socket), 5)
        assert told.value.rcvd.code == 1008


@pytest.mark.asyncio
async def test_streams_may_stand_in_the_address(path):
    async with playing(path, speed=1000) as server:
        wrapped = socket_of(server, "/stream?streams=btcusdt@trade/btcusdt@bookTicker")
        async with wrapped as socket:
            got = [await asyncio.wait_for(socket.recv(), 5) for _ in range(3)]
            assert got == [LINES[0][1], LINES[2][1], LINES[4][1]]


@pytest.mark.asyncio
async def test_bare_frames_are_the_same_bytes_inside(path):
    async with playing(path, speed=100) as server, socket_of(server, "/ws/btcusdt@trade") as socket:
        raw = await asyncio.wait_for(socket.recv(), 5)
        assert LINES[2][1] == '{"stream":"btcusdt@trade","data":' + raw + "}"


@pytest.mark.asyncio
async def test_an_unknown_path_is_not_found(path):
    async with playing(path) as server:
        with pytest.raises(InvalidStatus):
            async with socket_of(server, "/nowhere"):
                pass
        answer = await get(server, "/api/v3/account")
        assert answer.status_code == 404


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/api/v3/klines?symbol=NOPE&interval=1m", -1121),
        ("/api/v3/klines?interval=1m", -1102),
        ("/api/v3/klines?symbol=BTCUSDT&interval=7m", -1120),
        ("/api/v3/klines?symbol=BTCUSDT", -1120),
        ("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=-5", -1100),
        ("/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=soon", -1100),
        ("/api/v3/depth?symbol=BTCUSDT&limit=many", -1100),
        ("/api/v3/exchangeInfo?symbols=%5B%22NOPE%22%5D", -1121),
        ("/api/v3/exchangeInfo?symbols=BTCUSDT", -1100),
    ],
)
async def test_bad_requests_get_the_venues_codes(path, target, code):
    async with playing(path) as server:
        answer = await get(server, target)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.asyncio
async def test_tickers_say_what_the_recording_knows(path):
    async with playing(path, speed=1000, is_waiting=False) as server:
        await asyncio.wait_for(server.finished.wait(), 5)
        price = (await get(server, "/api/v3/ticker/price?symbol=BTCUSDT")).json()
        assert price == {"symbol": "BTCUSDT", "price": "100.00"}
        best = (await get(server, "/api/v3/ticker/bookTicker")).json()
        assert best == [
            {
                "symbol": "BTCUSDT",
                "bidPrice": "99.99",
                "bidQty": "1.500",
                "askPrice": "100.00",
                "askQty": "2.250",
            }
        ]
        day = (await get(server, "/api/v3/ticker/24hr?symbol=BTCUSDT")).json()
        assert (day["lastPrice"], day["closeTime"]) == ("100.00", START + 400)


@pytest.mark.asyncio
async def test_before_any_price_a_ticker_is_refused(path):
    async with playing(path) as server:
        for kind in ("24hr", "price", "bookTicker"):
            answer = await get(server, f"/api/v3/ticker/{kind}?symbol=BTCUSDT")
            assert answer.status_code == 503


@pytest.mark.asyncio
async def test_weight_is_counted_and_limited(path, monkeypatch):
    monkeypatch.setattr("markets.replay.rest.WEIGHT_LIMIT", 25)
    monkeypatch.setattr("markets.replay.rest.time.time", lambda: 90.0)
    async with playing(path) as server:
        used = [
            (await get(server, target)).headers["X-MBX-USED-WEIGHT-1M"]
            for target in ("/api/v3/ping", "/api/v3/exchangeInfo", "/api/v3/time")
        ]
        assert used == ["1", "21", "22"]
        answer = await get(server, "/api/v3/exchangeInfo")
        assert (answer.status_code, answer.json()["code"]) == (429, -1003)
        assert answer.headers["Retry-After"] == "30"


@pytest.mark.asyncio
async def test_files_play_one_after_another_and_the_clock_jumps(record):
    first = record([trade(1, START), trade(2, START + 10)], "one.jsonl")
    second = record([trade(3, START + 3_600_000), trade(4, START + 3_600_010)], "two.jsonl")
    tapes = [tape_open(str(p)) for p in (first, second)]
    async with ReplayServer(tapes) as server, socket_of(server) as socket:
        await ask(socket, {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1})
        got = [json.loads(await asyncio.wait_for(socket.recv(), 5)) for _ in range(4)]
        assert [frame["data"]["t"] for frame in got] == [1, 2, 3, 4]
        await server.finished.wait()
        assert server.clock.now_ms() == START + 3_600_010


@pytest.mark.asyncio
async def test_a_file_that_lies_before_the_last_one_is_left_out_and_said(record):
    late = record([trade(3, START + 3_600_000)], "late.jsonl")
    early = record([trade(1, START)], "early.jsonl")
    said = []
    tapes = [tape_open(str(p)) for p in (late, early)]
    async with ReplayServer(tapes, is_waiting=False, say=said.append) as server:
        await asyncio.wait_for(server.finished.wait(), 5)
    assert any("early.jsonl begins before" in sentence for sentence in said)


def test_nothing_to_replay():
    with pytest.raises(ReplayFileError):
        ReplayServer([])


@pytest.mark.asyncio
async def test_a_client_that_never_reads_does_not_stop_the_others(record, monkeypatch):
    monkeypatch.setattr("markets.replay.client.MOST_WAITING", 50)
    monkeypatch.setattr("markets.replay.server.STUCK_S", 0.2)
    lines = [trade(n, START + n, quantity="1." + "0" * 30_000) for n in range(1, 600)]
    async with playing(record(lines), speed=100_000) as server:
        target = f"{server.ws_url}/ws/btcusdt@trade"
        async with (
            connect(target, proxy=None, max_queue=1, close_timeout=0.1) as lazy,
            connect(target, proxy=None, max_queue=None) as good,
        ):
            last = None
            async with asyncio.timeout(20):
                while last != 599:
                    last = json.loads(await good.recv())["t"]
            assert lazy is not None


def test_in_a_thread(path):
    with ReplayThread(lambda: ReplayServer([tape_open(str(path))])) as server:
        answer = httpx.get(f"{server.rest_url}/api/v3/time", trust_env=False)
        assert answer.json() == {"serverTime": START}


def test_the_clock_never_passes_what_was_sent():
    mono = [10.0]
    clock = VirtualClock(lambda: mono[0])
    clock.set(1000)
    clock.run(2.0)
    mono[0] += 1.0
    assert clock.now_ms() == 1000
    clock.allow(2500)
    assert clock.now_ms() == 2500
    clock.allow(9000)
    assert clock.now_ms() == 3000
    clock.jump(8000)
    assert clock.now_ms() == 8000
    clock.jump(5000)
    assert clock.now_ms() == 8000
    clock.set(8000)
    mono[0] += 60
    assert clock.now_ms() == 8000
