"""Trainings in processes of their own: one that ends, one that is killed, one whose parent goes."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from django.core.management import CommandError, call_command

from signals.models import ForecastModel
from tests import prepared
from tests.product import until
from tests.signals.app.conftest import btc, make_instrument, replaying, store, venue
from tests.signals.forecasting.shelved import TEXTS, stroll
from tests.signals.forecasting.test_training import SMALL, ask

__all__ = ["btc", "make_instrument", "replaying", "venue"]


def rows(folder):
    with closing(sqlite3.connect(folder / "mystic.sqlite3")) as database:
        found = database.execute("SELECT name, state, attempts, error FROM signals_forecastmodel")
        return {name: tuple(rest) for name, *rest in found}


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_child_trains_and_what_breaks_it_off_is_made_again(tmp_path):
    folder = tmp_path / "data"
    prepared.put(folder)
    outer = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    done = subprocess.run(
        [sys.executable, "-m", "tests.signals.forecasting.platform"],
        cwd=prepared.ROOT,
        env=outer | {"MYSTIC_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "mystic.settings"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Fatal Python error" not in done.stderr
    # The platform is gone: the child that it left hands its training back and ends.
    until("the child to end", lambda: not is_alive(int(done.stdout)))
    assert rows(folder) == {
        "first": ("ready", 1, ""),
        "killed": ("waiting", 1, "the training's process ended with code -9"),
        "left": ("waiting", 0, ""),
    }


@pytest.mark.django_db
def test_the_command_trains_what_waits_and_prints_the_account(btc, capsys):
    store(btc, stroll(1800))
    model = ask()
    call_command("train_model", model.pk)
    told = capsys.readouterr().out
    assert told.startswith("wave v1 is ready: 1284 rows through 2023-11-16 16:40 UTC.\ndirection: ")
    with pytest.raises(CommandError, match="does not wait to be trained"):
        call_command("train_model", model.pk)
    later = ask(features={"same": TEXTS["range"], "leak": "close.lag(0) - close"}, options=SMALL)
    ForecastModel.objects.filter(pk=later.pk).update(features={"gone": "no_such_word"})
    with pytest.raises(CommandError, match="there is no word no_such_word"):
        call_command("train_model", later.pk)
