"""kill -9 of the streaming process, over and over, loses and doubles nothing."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

from tests import prepared
from tests.markets.scripted import until
from tests.servers import BinanceServer, in_thread, kline_data, kline_row

ROOT = Path(__file__).parents[2]
PAIRS = ("BTC", "ETH", "SOL")
KILLS = 12
STEP_S = 0.03
BEGIN_MS = 1_723_161_600_000


class Pump:
    """Lets a minute pass at the venue every few milliseconds, and tells of it."""

    def __init__(self, server):
        self.server = server
        self.minute = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        for pair in PAIRS:
            server.add_symbol(pair, "USDT")
            server.rows[pair + "USDT", "1m"] = []
            server.books[pair + "USDT"] = {"lastUpdateId": 1, "bids": [], "asks": []}
        for _ in range(300):
            self.grow()

    def grow(self):
        at_ms = BEGIN_MS + self.minute * 60_000
        for number, pair in enumerate(PAIRS):
            low = 100 + self.minute * 0.01 + number
            prices = (f"{low + 1:.2f}", f"{low + 2:.2f}", f"{low:.2f}", f"{low + 0.5:.2f}")
            self.server.rows[pair + "USDT", "1m"].append(kline_row(at_ms, prices))
        self.minute += 1
        self.server.time_ms = at_ms + 60_001

    def run(self):
        while not self.over.wait(STEP_S):
            self.grow()
            for pair in PAIRS:
                row = self.server.rows[pair + "USDT", "1m"][-1]
                data = kline_data(pair + "USDT", row[0], tuple(row[1:5]), is_closed=True)
                stream = f"{pair.lower()}usdt@kline_1m"
                self.server.call(self.server.publish(stream, data))


def test_a_killed_streamer_loses_and_doubles_nothing(tmp_path):
    told_path = tmp_path / "told.txt"
    with in_thread(BinanceServer()) as server:
        pump = Pump(server)
        prepared.put(tmp_path)
        environment = {
            **os.environ,
            "MYSTIC_DATA_DIR": str(tmp_path),
            "BINANCE_REST_URL": server.rest_url,
            "BINANCE_WS_URL": server.ws_url,
            "COINBASE_WS_URL": "off",
            "MYSTIC_SYMBOLS": ",".join(f"{pair}/USDT" for pair in PAIRS),
            "MYSTIC_HISTORY_DAYS": "2",
            "DATABASE_URL": "",
            "REDIS_URL": "",
        }
        command = [sys.executable, "-m", "tests.markets.nursery", str(KILLS), "5", str(told_path)]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(tmp_path / "errors.txt").open("w"),
            text=True,
        )
        try:
            assert process.stdout.readline() == "born\n"
            pump.thread.start()
            lines = [process.stdout.readline() for _ in range(KILLS)]
            assert lines[-1] == "last\n"
            until(lambda: told_count(told_path) > 60, within=60, say="nothing was told")
            pump.over.set()
            pump.thread.join()
            until(lambda: stored(tmp_path) == truth(server), within=60, say="the series differ")
        finally:
            pump.over.set()
            process.stdin.close()
            process.wait(20)
            process.stdout.close()
    assert stored(tmp_path) == truth(server)
    assert query(tmp_path, "SELECT count(*) FROM markets_candlerevision") == [(0,)]
    # All that is left on record is that the venue has nothing before its first bar.
    gaps = query(tmp_path, "SELECT state, max(end) FROM markets_gap WHERE state != 'filled'")
    assert gaps in ([("absent", BEGIN_MS // 1000)], [(None, None)])
    told = told_path.read_text().splitlines()
    assert len(told) == len(set(told)), "a bar was told twice"


def told_count(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


def query(folder, text):
    connection = sqlite3.connect(f"file:{folder / 'mystic.sqlite3'}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(text).fetchall()
    finally:
        connection.close()


def stored(folder):
    return query(
        folder,
        "SELECT i.native_id, c.open_time, c.open, c.high, c.low, c.close, c.volume "
        "FROM markets_candle c JOIN markets_instrument i ON i.id = c.instrument_id "
        "ORDER BY i.native_id, c.open_time",
    )


def truth(server):
    return [
        (native, row[0] // 1000, *(float(value) for value in row[1:6]))
        for (native, _), rows in sorted(server.rows.items())
        for row in rows
    ]
