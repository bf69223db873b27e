"""A worker process is killed in the middle of a search: what it had finished stays, once."""

import json
import os
import signal
import subprocess
import sys

import pytest
from django.db import connection

from tests import prepared


@pytest.fixture
def database(tmp_path):
    """The environment of processes that share a database: a prepared file, or the test's own."""
    outer = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    env = outer | {"DJANGO_SETTINGS_MODULE": "mystic.settings"}
    if connection.vendor == "postgresql":
        kept = connection.settings_dict
        address = f"{kept['USER']}@{kept['HOST']}:{kept['PORT']}/{kept['NAME']}"
        return env | {"DATABASE_URL": f"postgres://{address}"}
    prepared.put(tmp_path / "data")
    return env | {"MYSTIC_DATA_DIR": str(tmp_path / "data")}


def process(env, word):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.trading.research.searching", word],
        cwd=prepared.ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(env, word):
    out, err = process(env, word).communicate(timeout=300)
    assert "Traceback" not in err, err
    return out


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_loses_no_finished_trial_and_doubles_none(database):
    run(database, "ask")
    worker = process(database, "work")
    while int(worker.stdout.readline()) < 20:
        continue
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate(timeout=60)
    before = json.loads(run(database, "tell"))
    done = {one["number"]: one for one in before["trials"] if one["state"] == "done"}
    in_hand = {one["number"] for one in before["trials"] if one["state"] == "running"}
    assert before["state"] == "running"
    assert 20 <= len(done) < 400

    run(database, "lapse")
    run(database, "work")
    after = json.loads(run(database, "tell"))
    assert after["state"] == "ready"
    assert [one["number"] for one in after["trials"]] == list(range(1, 401))
    assert {one["state"] for one in after["trials"]} == {"done"}
    kept = {one["number"]: one for one in after["trials"] if one["number"] in done}
    assert kept == done
    made_again = {one["number"] for one in after["trials"] if one["attempts"] == 2}
    assert made_again == in_hand
