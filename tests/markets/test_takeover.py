"""Two streaming processes on one database: whatever ends the active one, the other goes on."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests import prepared
from tests.markets.scripted import until
from tests.markets.test_kills import PAIRS, Pump, told_count, truth
from tests.servers import BinanceServer, in_thread

ROOT = Path(__file__).parents[2]
TAKE_OVER_WITHIN_S = 25.0  # by the lease it is 10; a busy machine adds to it
STORED = (
    "SELECT i.native_id, c.open_time, c.open, c.high, c.low, c.close, c.volume "
    "FROM markets_candle c JOIN markets_instrument i ON i.id = c.instrument_id "
    "ORDER BY i.native_id, c.open_time"
)


class Database:
    """A database of this test's own: a file, or one beside the configured PostgreSQL."""

    def __init__(self, folder):
        self.folder, self.url = folder, ""
        self.admin_url = os.environ.get("DATABASE_URL", "")
        if self.admin_url:
            self.name = f"mystic_takeover_{os.getpid()}"
            self._admin(f"DROP DATABASE IF EXISTS {self.name}", f"CREATE DATABASE {self.name}")
            self.url = urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{self.name}"))
        else:
            prepared.put(folder)

    def _admin(self, *statements):
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def query(self, text):
        if self.url:
            with psycopg.connect(self.url) as connection:
                return connection.execute(text).fetchall()
        path = f"file:{self.folder / 'mystic.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(path, uri=True, timeout=10)) as connection:
            return connection.execute(text).fetchall()

    def stored(self):
        return sorted(self.query(STORED))

    def drop(self):
        if self.url:
            self._admin(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


class Process:
    """One streaming process and the words that it said."""

    def __init__(self, name, environment, told_path, folder):
        self.told_path = folder / f"{name}.txt"
        self.errors = (folder / f"{name}.log").open("w")
        self.words = self.told_path.open("w+")
        self.seen = 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.markets.standby", str(told_path)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=self.words,
            stderr=self.errors,
        )

    def says(self, word):
        return word in self.told_path.read_text()[self.seen :].split()

    def forget(self):
        """Count only what it says from now on."""
        self.seen = len(self.told_path.read_text())

    def send(self, number):
        os.kill(self.process.pid, number)

    def end(self):
        if self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.process.kill()
        self.process.wait(10)
        self.process.stdin.close()
        self.words.close()
        self.errors.close()


@pytest.fixture
def database(tmp_path):
    one = Database(tmp_path)
    yield one
    one.drop()


@pytest.fixture
def venue():
    with in_thread(BinanceServer()) as server:
        pump = Pump(server)
        yield server, pump
        pump.over.set()
        if pump.thread.ident is not None:
            pump.thread.join()


@pytest.fixture
def begin(tmp_path, database, venue):
    """Start a streaming process by name."""
    server, _ = venue
    environment = {
        **os.environ,
        "MYSTIC_DATA_DIR": str(tmp_path),
        "BINANCE_REST_URL": server.rest_url,
        "BINANCE_WS_URL": server.ws_url,
        "MYSTIC_CRYPTO_SOURCES": "binance",
        "MYSTIC_STOCK_SOURCES": "",
        "MYSTIC_SYMBOLS": ",".join(f"{pair}/USDT" for pair in PAIRS),
        "MYSTIC_HISTORY_DAYS": "2",
        "DATABASE_URL": database.url,
        "REDIS_URL": "",
    }
    started = []

    def start(name):
        started.append(Process(name, environment, tmp_path / "told", tmp_path))
        return started[-1]

    yield start
    for process in started:
        process.end()


@contextmanager
def whole(tmp_path, database, venue):
    """Afterwards every bar of the venue is stored once, and none was told twice."""
    server, pump = venue
    pump.thread.start()
    yield
    count = told_count(tmp_path / "told")
    until(lambda: told_count(tmp_path / "told") > count + 30, within=60, say="it tells no bars")
    pump.over.set()
    pump.thread.join()
    until(lambda: database.stored() == truth(server), within=60, say="the series differ")
    told = (tmp_path / "told").read_text().splitlines()
    assert len(told) == len(set(told)), "a bar was told twice"
    assert database.query("SELECT count(*) FROM markets_candlerevision")[0][0] == 0
    assert database.query("SELECT count(*) FROM markets_gap WHERE state = 'open'")[0][0] == 0


def both(begin):
    active = begin("first")
    until(lambda: active.says("active"), within=120, say="the first is not active")
    other = begin("second")
    until(lambda: other.says("standby"), within=120, say="the second does not wait")
    assert not other.says("active")
    return active, other


def test_a_frozen_and_a_killed_streamer_are_replaced(tmp_path, database, venue, begin):
    first, second = both(begin)
    with whole(tmp_path, database, venue):
        until(lambda: told_count(tmp_path / "told") > 30, within=60, say="nothing was told")
        first.send(signal.SIGSTOP)
        until(lambda: second.says("active"), within=TAKE_OVER_WITHIN_S, say="nobody took over")
        first.forget()
        first.send(signal.SIGCONT)
        # It wakes with frames in its hands and must see that the lease is not its own any more.
        until(lambda: first.says("standby"), within=60, say="the first does not give way")
        second.send(signal.SIGKILL)
        until(lambda: first.says("active"), within=TAKE_OVER_WITHIN_S, say="nobody took over")
