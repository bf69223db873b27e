"""`make replay`: one command plays a file into a fresh platform, and ends it whole."""

import os
import re
import signal
import subprocess
import sys

import httpx
import pytest

from tests.e2e.market import recorded_bars, write_bars
from tests.product import ROOT, free_port, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="the embedded shape"),
]


def test_a_file_is_played_on_an_empty_platform_and_marked(tmp_path):
    file = write_bars(tmp_path / "bars.csv.gz", recorded_bars(300))
    port = free_port()
    log = tmp_path / "practice.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "practice", file, "--symbol", "BTC/USD", "--speed", "4"],
            cwd=ROOT,
            env={**os.environ, "PORT": str(port), "MYSTIC_DATA_DIR": str(tmp_path)},
            stdout=out,
            stderr=out,
        )
    try:
        until("the address", lambda: "Mystic is at" in log.read_text(), 120)
        address = f"http://127.0.0.1:{port}"

        def quote():
            answer = httpx.get(f"{address}/api/coinstate", timeout=10).json()
            return [one for one in answer["data"] if one["last"]] and answer

        answer = until("a price", quote, 90)
        assert answer["data"][0]["symbol"] == "BTC/USD"
        assert answer["data"][0]["source"] == "replay:binance"
        assert answer["live_data"] is False
        page = httpx.get(f"{address}/").text
        assert re.search(r'class="replay-banner"[^>]*>\s*<strong>REPLAY', page)
        assert "10000 USD opens" in page
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert (tmp_path / "replay" / "mystic.sqlite3").exists()
    assert not (tmp_path / "mystic.sqlite3").exists()
