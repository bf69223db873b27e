"""Backtests in processes of their own: one ends, one is killed, one is canceled, one is left."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests import prepared
from tests.product import until


def rows(folder):
    asked = (
        "SELECT r.name, r.state, r.attempts, r.error, x.digest FROM trading_backtestrun r"
        " LEFT JOIN trading_backtestresult x ON x.run_id = r.id"
    )
    with closing(sqlite3.connect(folder / "mystic.sqlite3")) as database:
        return {name: tuple(rest) for name, *rest in database.execute(asked)}


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_child_makes_backtests_and_what_breaks_off_is_made_again(tmp_path):
    folder = tmp_path / "data"
    prepared.put(folder)
    outer = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    ours = {
        "MYSTIC_DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "mystic.settings",
        "MYSTIC_RESEARCH_PROCESSES": "1",
        "BINANCE_REST_URL": "http://127.0.0.1:9",
        "BINANCE_WS_URL": "ws://127.0.0.1:9",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.trading.research.platform"],
        cwd=prepared.ROOT,
        env=outer | ours,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Fatal Python error" not in done.stderr
    # The platform is gone: the child that it left hands its work back and ends.
    until("the child to end", lambda: not is_alive(int(done.stdout)))
    found = rows(folder)
    digest = found["first"][-1]
    assert digest
    assert found == {
        "first": ("ready", 1, "", digest),
        "killed": ("ready", 2, "", digest),
        "canceled": ("canceled", 1, "canceled by ann", None),
        "left": ("waiting", 0, "", None),
    }
