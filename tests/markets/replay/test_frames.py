"""Recorded frames: byte for byte in order, with bars and books that agree with them."""

import asyncio
import gzip
import json
from collections import defaultdict
from decimal import Decimal

import pytest
from websockets.asyncio.client import connect

from markets.providers.binance.rest import BinanceRest
from markets.replay.files import ReplayFileError, describe, tape_open
from markets.replay.server import ReplayServer
from mystic.lib.http import Unreachable
from tests.markets.replay.conftest import (
    RECORDING,
    START,
    bare,
    depth,
    frame,
    quote,
    trade,
)

MINUTE = 60_000


def played(path, **how):
    """Return what a tape publishes, without a clock."""
    tape = tape_open(str(path), **how)
    return tape, [sent for step in tape.steps() for sent in tape.apply(step)]


async def listen(server, streams, until):
    """Subscribe, collect raw frames until `until` is true of them."""
    got = []
    async with connect(f"{server.ws_url}/stream", proxy=None, max_queue=None) as socket:
        message = {"method": "SUBSCRIBE", "params": streams, "id": 1}
        await socket.send(json.dumps(message))
        assert json.loads(await socket.recv()) == {"result": None, "id": 1}
        async with asyncio.timeout(60):
            while not until(got):
                got.append(await socket.recv(decode=False))
    return got


@pytest.mark.asyncio
@pytest.mark.skipif(not RECORDING.exists(), reason="the recording is not here")
async def test_a_real_recording_comes_out_byte_for_byte_with_exact_bars_and_book():
    with gzip.open(RECORDING) as file:
        recorded = [line.split(b" ", 1)[1].rstrip() for line in file]
    frames = [raw for raw in recorded if raw.startswith(b'{"stream"')]
    assert len(frames) == 41_248
    streams = ["btcusdt@bookTicker", "btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@kline_1m"]
    async with ReplayServer([tape_open(str(RECORDING))], speed=100_000) as server:
        got = await listen(server, streams, lambda got: got[-1:] == frames[-1:])
        bars = [json.loads(raw)["data"]["k"] for raw in got if b"@kline_1m" in raw[:40]]
        assert [raw for raw in got if b"@kline_1m" not in raw[:40]] == frames
        assert [k["t"] for k in bars if k["x"]] == minutes_of(frames)
        rest = BinanceRest(server.rest_url)
        rows = await rest.klines("BTCUSDT", 60)
        snapshot = await rest.depth("BTCUSDT", 5000)
        await rest.aclose()
    for row, k in zip(rows, [k for k in bars if k["x"]], strict=True):
        assert row.open_time * 1000 == k["t"]
        o, h, low, c, volume, count = reference(frames, k["t"])
        assert (row.open, row.high, row.low, row.close) == (o, h, low, c)
        assert (row.volume, row.trades) == (volume, count)
        assert (float(k["o"]), float(k["h"]), float(k["l"]), float(k["c"])) == (o, h, low, c)
        assert (float(k["v"]), k["n"]) == (volume, count)
    bids, asks = reference_book(recorded)
    assert snapshot.bids == tuple(sorted(bids.items(), reverse=True))[:5000]
    assert snapshot.asks == tuple(sorted(asks.items()))[:5000]


def trades_of(frames):
    return [
        json.loads(raw)["data"] for raw in frames if raw.startswith(b'{"stream":"btcusdt@trade')
    ]


def minutes_of(frames):
    """Return the opens of the whole minutes: after the first frame, before the last trade."""
    trades = trades_of(frames)
    first, last = trades[0]["T"], trades[-1]["T"]
    return list(range(first - first % MINUTE + MINUTE, last - last % MINUTE, MINUTE))


def reference(frames, open_ms):
    """Return a bar counted in the plainest way."""
    own = [t for t in trades_of(frames) if open_ms <= t["T"] < open_ms + MINUTE]
    prices = [float(t["p"]) for t in own]
    volume = float(sum(Decimal(t["q"]) for t in own))
    return prices[0], max(prices), min(prices), prices[-1], volume, len(own)


def reference_book(recorded):
    """Return the book after all changes, from the documented procedure."""
    values = [json.loads(raw) for raw in recorded]
    snapshot = next(v for v in values if "lastUpdateId" in v)
    sides = [{float(p): float(q) for p, q in snapshot[side]} for side in ("bids", "asks")]
    for value in values:
        data = value.get("data", {})
        if data.get("e") != "depthUpdate" or data["u"] <= snapshot["lastUpdateId"]:
            continue
        for side, levels in zip(sides, (data["b"], data["a"]), strict=True):
            for price, quantity in levels:
                side[float(price)] = float(quantity)
    return [{p: q for p, q in side.items() if q} for side in sides]


def test_the_clock_is_the_venues_and_no_frame_is_from_the_future(record):
    lines = [quote(START, 1), trade(1, START + 10), trade(2, START + 20)]
    tape, _ = played(record(lines))
    assert tape.start_ms == START
    for step in tape.steps():
        data = json.loads(step.what)["data"]
        assert data.get("E", 0) <= step.at_ms


def test_bars_close_when_the_venue_is_surely_past_the_minute(record):
    lines = [
        trade(1, START - 5_000, "90"),  # the minute of the first frame is partial
        trade(2, START + 1_000, "100"),
        trade(3, START + 59_999, "101"),
        depth(START + 60_100, 1, 2),  # within the margin: nothing closes yet
        depth(START + 60_600, 3, 4),  # closes the minute without a trade
        depth(START + 180_600, 5, 6),  # two quiet minutes
        trade(4, START + 200_000, "102"),
        trade(5, START + 240_000, "103"),
    ]
    _, sent = played(record(lines))
    order = []
    for stream, raw in sent:
        data = json.loads(raw)["data"]
        if stream == "btcusdt@kline_1m" and data["k"]["x"]:
            k = data["k"]
            order.append(("bar", (k["t"] - START) // 1000, k["o"], k["c"], k["n"]))
        elif "kline" not in stream:
            order.append(data.get("u", data.get("t")))
    assert order == [
        1,
        2,
        3,
        2,
        ("bar", 0, "100", "101", 2),
        4,
        ("bar", 60, "101", "101", 0),
        ("bar", 120, "101", "101", 0),
        6,
        4,
        ("bar", 180, "102", "102", 1),
        5,
    ]


def test_forming_bars_are_told_every_two_seconds_and_never_of_a_partial_minute(record):
    lines = [trade(0, START - 3_000)]
    lines += [trade(n + 1, START + 500 * n) for n in range(12)]
    _, sent = played(record(lines))
    bars = [json.loads(raw)["data"] for stream, raw in sent if stream == "btcusdt@kline_1m"]
    assert [(bar["E"] - START, bar["k"]["n"]) for bar in bars] == [(0, 1), (2000, 5), (4000, 9)]
    assert all(bar["k"]["t"] == START and not bar["k"]["x"] for bar in bars)


def test_recorded_bars_are_played_and_not_counted_again(record):
    k = {"t": START, "T": START + 59_999, "s": "BTCUSDT", "i": "1m", "f": 1, "L": 2, "o": "1"}
    k |= {"c": "3", "h": "4", "l": "1", "v": "9", "n": 7, "x": False, "q": "1", "V": "1", "Q": "1"}
    data = {"e": "kline", "E": START + 1, "s": "BTCUSDT", "k": k}
    closing = {**data, "E": START + 60_001, "k": {**k, "x": True, "c": "2"}}
    lines = [
        (START + 1, frame("btcusdt@kline_1m", data)),
        trade(1, START + 2),
        (START + 60_001, frame("btcusdt@kline_1m", closing)),
        trade(2, START + 61_000),
        trade(3, START + 125_000),
    ]
    tape, sent = played(record(lines))
    assert [raw.decode() for stream, raw in sent if stream == "btcusdt@kline_1m"] == [
        lines[0][1],
        lines[2][1],
    ]
    rows = tape.boards["BTCUSDT"].klines(60, None, None, 10, START + 130_000)
    assert [(row[0], row[4], row[8]) for row in rows] == [(START, "2", 7)]


def test_a_book_is_known_from_the_snapshot_on_and_holds_the_changes_around_it(record):
    lines = [
        depth(START, 8, 9, [["99", "1"]]),
        depth(START + 100, 10, 12, [["98", "5"]], [["101", "0"]]),
        bare(START + 150, {"lastUpdateId": 10, "bids": [["99", "1"]], "asks": [["101", "2"]]}),
        depth(START + 200, 13, 13, [["99", "0"]], [["102", "3"]]),
    ]
    tape, _ = played(record(lines[:2]))
    assert tape.boards["BTCUSDT"].depth(10) is None
    tape, _ = played(record(lines))
    assert tape.boards["BTCUSDT"].depth(10) == {
        "lastUpdateId": 13,
        "bids": [("98", "5")],
        "asks": [("102", "3")],
    }


def test_a_hole_in_the_recorded_ids_makes_the_book_unknown_until_a_snapshot(record):
    snapshot = {"lastUpdateId": 10, "bids": [["99", "1"]], "asks": [["101", "2"]]}
    lines = [quote(START, 1), bare(START, snapshot), depth(START + 1, 12, 13)]
    tape, _ = played(record(lines))
    assert tape.boards["BTCUSDT"].depth(10) is None
    again = bare(START + 2, {**snapshot, "lastUpdateId": 20})
    tape, _ = played(record([*lines, again]))
    assert tape.boards["BTCUSDT"].depth(10)["lastUpdateId"] == 20


def test_rules_are_recorded_or_show_in_the_data(record):
    tape, _ = played(record([quote(START, 1, "99.990", "100.000")]))
    filters = {f["filterType"]: f for f in tape.boards["BTCUSDT"].info()["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.01"
    assert filters["LOT_SIZE"]["stepSize"] == "0.01"
    told = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": []}
    info = {"rest": "/api/v3/exchangeInfo?symbols=x", "data": {"symbols": [told]}}
    tape, _ = played(record([bare(START, info), quote(START, 1)]))
    assert tape.boards["BTCUSDT"].info() == told


def test_recorded_bars_of_before_are_history(record):
    row = [START - MINUTE, "1", "2", "1", "2", "5", START - 1, "1", 3, "1", "1", "0"]
    running = [START, "2", "2", "2", "2", "5", START + 59_999, "1", 3, "1", "1", "0"]
    target = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000"
    asked = bare(START + 3000, {"rest": target, "data": [row, running]})
    tape, _ = played(record([quote(START, 1), trade(1, START + 400), asked]))
    assert tape.boards["BTCUSDT"].series[60].rows == [row]


def test_what_is_in_a_recording_is_described(record):
    path = record([quote(START, 1)])
    told = describe(str(path))
    assert (told.symbols, told.timeframe, told.quote) == (("BTC/USDT",), "1m", "USDT")


def test_a_symbol_that_cannot_be_split_is_asked_for(record):
    line = (START, frame("abcxyz@bookTicker", {"u": 1, "b": "1", "B": "1", "a": "2", "A": "1"}))
    with pytest.raises(ReplayFileError, match="--symbol BASE/QUOTE"):
        tape_open(str(record([line])))
    assert describe(str(record([line])), symbol="ABC/XYZ").symbols == ("ABC/XYZ",)


def test_a_recorder_that_was_killed_leaves_a_good_recording(record, tmp_path):
    lines = [trade(n, START + n) for n in range(1, 2000)]
    raw = record(lines).read_bytes()
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(raw[:-20])
    assert len(played(cut)[1]) >= 1998
    packed = tmp_path / "cut.jsonl.gz"
    packed.write_bytes(gzip.compress(raw)[:-100])
    frames = [sent for stream, sent in played(packed)[1] if stream == "btcusdt@trade"]
    assert frames == [line[1].encode() for line in lines[: len(frames)]]
    assert len(frames) > 1000


def test_an_unreadable_line_is_counted_and_the_rest_plays(record):
    lines = [
        trade(1, START),
        (START + 1, '{"stream":"btcusdt@trade","data":{"t":'),
        trade(2, START + 2),
    ]
    tape, sent = played(record(lines))
    assert [raw.decode() for stream, raw in sent if stream == "btcusdt@trade"] == [
        lines[0][1],
        lines[2][1],
    ]
    assert tape.unreadable == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1700000000000000000 {}\n", "no frames of the combined stream"),
        ('1700000000000000000 {"x":1}\nnonsense\n', "line 2"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, text, message):
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(ReplayFileError, match=message):
        tape_open(str(path))


@pytest.mark.asyncio
async def test_a_book_that_is_not_recorded_is_refused_not_invented(record, monkeypatch):
    monkeypatch.setattr("markets.replay.server.BOOK_WAIT_S", 0.1)
    path = record([quote(START, 1), quote(START + 10, 2)])
    async with ReplayServer([tape_open(str(path))], is_waiting=False) as server:
        await server.finished.wait()
        rest = BinanceRest(server.rest_url)
        with pytest.raises(Unreachable):
            await rest.depth("BTCUSDT")
        await rest.aclose()


@pytest.mark.asyncio
async def test_a_request_for_a_book_waits_for_the_snapshot_that_is_coming(record):
    snapshot = {"lastUpdateId": 10, "bids": [["99", "1"]], "asks": [["101", "2"]]}
    path = record([quote(START, 1), bare(START + 300, snapshot), quote(START + 400, 2)])
    async with ReplayServer([tape_open(str(path))], is_waiting=False) as server:
        rest = BinanceRest(server.rest_url)
        assert (await rest.depth("BTCUSDT")).last_update_id == 10
        await rest.aclose()


def test_intervals_of_a_trade_agree_with_each_other(record):
    lines = [trade(0, START - 1)]
    lines += [trade(n, START + n * 700, f"{100 + n % 7}") for n in range(1, 1200)]
    tape, _ = played(record(lines))
    board = tape.boards["BTCUSDT"]
    minutes = board.klines(60, None, None, 1000, 0)
    seconds = board.klines(1, None, None, 1000, 0)
    by_minute = defaultdict(list)
    for row in board.series[1].rows:
        by_minute[row[0] - row[0] % MINUTE].append(row)
    assert len(seconds) == 840
    for row in minutes[:-1]:
        own = by_minute[row[0]]
        assert len(own) == 60
        traded = [r for r in own if r[8]]
        assert row[1] == traded[0][1]
        assert row[4] == own[-1][4]
        assert Decimal(row[2]) == max(Decimal(r[2]) for r in traded)
        assert Decimal(row[5]) == sum(Decimal(r[5]) for r in own)
        assert row[8] == sum(r[8] for r in own)
