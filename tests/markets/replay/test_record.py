"""Recording: what a venue sent is in the file byte for byte, and plays again by itself."""

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from django.core.management import CommandError, call_command

from markets.replay.files import tape_open
from markets.replay.recorder import Recorder, Recording
from markets.replay.server import ReplayServer, ReplayThread
from tests.markets.replay.conftest import ROOT, START, bare, depth, quote, trade
from tests.product import until
from tests.servers import BinanceServer, kline_row, trade_data


async def recorded(recording, frames):
    async with asyncio.timeout(20):
        while recording.frames < frames:  # noqa: ASYNC110  a recording has no event for it
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["day.jsonl", "day.jsonl.gz"])
async def test_frames_and_answers_are_written_and_play_again(tmp_path, name):
    path = tmp_path / name
    async with BinanceServer() as venue:
        venue.add_symbol("BTC", "USDT")
        venue.books["BTCUSDT"] = {"lastUpdateId": 5, "bids": [["99", "1"]], "asks": [["100", "2"]]}
        venue.rows["BTCUSDT", "1m"] = [kline_row(START - 120_000, ("1", "2", "1", "2"))]
        recording = Recording(path)
        recorder = Recorder(
            recording, rest_url=venue.rest_url, ws_url=venue.ws_url, native_ids=["BTCUSDT"]
        )
        task = asyncio.create_task(recorder.run())
        await venue.until_subscribed()
        await venue.until(lambda: len(venue.requests) == 3)
        await asyncio.sleep(0.05)
        for number in range(1, 6):
            await venue.publish("btcusdt@trade", trade_data("BTCUSDT", number, "99.5", "1", START))
        await recorded(recording, 8)  # three answers, five trades
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    raw = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
    lines = [line.split(b" ", 1) for line in raw.splitlines()]
    stamps = [int(stamp) for stamp, _ in lines]
    assert stamps == sorted(stamps)
    frames = [json.loads(frame) for _, frame in lines]
    assert [frame["rest"].split("?")[0] for frame in frames if "rest" in frame] == [
        "/api/v3/exchangeInfo",
        "/api/v3/klines",
        "/api/v3/depth",
    ]
    assert [frame["data"]["t"] for frame in frames if "stream" in frame] == [1, 2, 3, 4, 5]
    tape = tape_open(str(path))
    for step in tape.steps():
        list(tape.apply(step))
    board = tape.boards["BTCUSDT"]
    assert board.depth(5)["lastUpdateId"] == 5
    assert board.info()["filters"][0]["tickSize"] == "0.01"
    assert [row[0] for row in board.klines(60, None, None, 5, 0)][:1] == [START - 120_000]


@pytest.mark.asyncio
async def test_a_cut_is_survived_and_the_books_are_asked_for_again(tmp_path):
    path = tmp_path / "day.jsonl"
    async with BinanceServer() as venue:
        venue.add_symbol("BTC", "USDT")
        venue.books["BTCUSDT"] = {"lastUpdateId": 5, "bids": [], "asks": []}
        said, recording = [], Recording(path)
        recorder = Recorder(
            recording,
            rest_url=venue.rest_url,
            ws_url=venue.ws_url,
            native_ids=["BTCUSDT"],
            say=said.append,
        )
        task = asyncio.create_task(recorder.run())
        for client in (1, 2):
            await venue.until_subscribed(client)
            await venue.until(lambda wanted=client: len(venue.asked("/api/v3/depth")) == wanted)
            await venue.publish("btcusdt@trade", trade_data("BTCUSDT", client, "99.5"))
            await recorded(recording, 2 + 2 * client)  # rules and bars, then a book and a trade
            await venue.clients[client - 1].close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(venue.asked("/api/v3/exchangeInfo")) == 1
    assert any("the connection ended" in sentence for sentence in said)
    trades = [line for line in path.read_text().splitlines() if "@trade" in line]
    assert len(trades) == 2


@pytest.mark.asyncio
async def test_a_replay_can_be_recorded_and_the_copy_is_the_same(record, tmp_path):
    snapshot = {"lastUpdateId": 1, "bids": [["99.99", "1.5"]], "asks": [["100.00", "2"]]}
    lines = [quote(START, 1), bare(START, snapshot)]
    lines += [trade(n, START + n * 10) for n in range(1, 30)]
    lines += [depth(START + 400, 2, 2, [["99", "1"]])]
    copy = tmp_path / "copy.jsonl"
    async with ReplayServer([tape_open(str(record(lines)))]) as server:
        recorder = Recorder(
            Recording(copy), rest_url=server.rest_url, ws_url=server.ws_url, native_ids=["BTCUSDT"]
        )
        assert recorder.source == "replay:binance"
        task = asyncio.create_task(recorder.run())
        await asyncio.wait_for(server.finished.wait(), 10)
        await server.drained()
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    kept = [line.split(" ", 1)[1] for line in copy.read_text().splitlines()]
    original = [raw for _, raw in lines if raw.startswith('{"stream"')]
    assert [frame for frame in kept if frame.startswith('{"stream"') and "kline" not in frame] == (
        original
    )


def environment(folder: Path, **settings: str) -> dict[str, str]:
    outer = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    return {**outer, "MYSTIC_DATA_DIR": str(folder), **settings}


def manage(folder: Path, *words: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment(folder, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_commands_record_and_replay_and_end_cleanly(record, tmp_path):
    lines = [quote(START, 1)] + [trade(n, START + n * 10) for n in range(1, 400)]
    source = record(lines)
    copy = tmp_path / "copy.jsonl.gz"
    tape = tape_open(str(source))
    with ReplayThread(lambda: ReplayServer([tape])) as server:
        recording = manage(
            tmp_path,
            "record",
            str(copy),
            "--symbols",
            "BTC/USDT",
            BINANCE_REST_URL=server.rest_url,
            BINANCE_WS_URL=server.ws_url,
        )
        assert "recording BTC/USDT of replay:binance" in recording.stdout.readline()
        until("frames", lambda: server.frames >= 100)
        recording.send_signal(signal.SIGINT)
        told = recording.communicate(timeout=60)[0]
        assert recording.returncode == 0, told
        assert "lines written" in told
    replay = manage(tmp_path, "replay", str(copy), "--port", "0")
    assert "BTC/USDT, bars of 1m" in replay.stdout.readline()
    address = replay.stdout.readline().split("BINANCE_REST_URL=")[1].split()[0]
    assert httpx.get(f"{address}/api/v3/ping", trust_env=False).json() == {}
    replay.send_signal(signal.SIGTERM)
    replay.communicate(timeout=60)
    assert replay.returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("replay", "none.csv"), "there is no file none.csv"),
        (("record", "/nowhere/x.jsonl"), "cannot be written"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(words, message):
    with pytest.raises(CommandError, match=message):
        call_command(*words)
