"""A recorded market on loopback for the end-to-end tests, and the outside services beside it."""

import csv
import gzip
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.product import ROOT, TEST_DATA, free_port, until

BARS = TEST_DATA / "crypto" / "bitfinex_BTCUSD_1m_2019-01_2019-12.parquet"
FRAMES = TEST_DATA / "orderbook" / "hftbacktest_spot_btcusdt_20240808.jsonl.gz"
FIRST_MS = 1_561_420_800_000  # 2019-06-25 00:00 UTC, three days with a crash in them


def recorded_bars(count: int) -> list[tuple[int, float, float, float, float, float]]:
    """Return `count` real one-minute bars: ms, open, high, low, close, volume."""
    if not BARS.exists():
        pytest.skip(f"needs the recorded bars in {TEST_DATA}")
    table = pytest.importorskip("pyarrow.parquet").read_table(BARS)
    columns = [table[name].to_pylist() for name in ("ts", "open", "high", "low", "close", "volume")]
    first = columns[0].index(FIRST_MS)
    return list(zip(*(column[first : first + count] for column in columns), strict=True))


class Venue:
    """`manage.py replay` as a process; it speaks Binance's protocol from files."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.port = free_port()
        self.log = folder / "venue.log"
        command = [sys.executable, "manage.py", "replay", *words, "--port", str(self.port)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        until("the venue", lambda: "BINANCE_REST_URL" in self.log.read_text(), 30)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def is_over(self) -> bool:
        return bool(re.search("the data are over", self.log.read_text()))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


def write_bars(path: Path, rows: list[tuple[int, float, float, float, float, float]]) -> str:
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ts", "open", "high", "low", "close", "volume"])
        writer.writerows(rows)
    return str(path)
