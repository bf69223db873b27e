"""Equal digests mean equal bytes; what changed is told."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
from django.db import DatabaseError, connection, transaction

from markets.models import Candle
from mystic.lib.append_only import AppendOnlyError
from tests.signals.app.conftest import START
from tests.trading.research.conftest import MINUTE, made
from trading.backtest.document import canonical, inflated
from trading.models import BacktestResult
from trading.selectors_research import same_before
from trading.services import research_made
from trading.services.backtests import backtest_again
from trading.services.research_code import engine_hash

pytestmark = pytest.mark.django_db


def bytes_of(run):
    return bytes(run.result.document)


def test_the_same_run_twice_is_the_same_bytes_and_is_linked(ask, ann):
    first = made(ask())
    again = made(backtest_again(run=first, user=ann))
    assert again.result.digest == first.result.digest
    assert bytes_of(again) == bytes_of(first)
    assert again.result.document_hash == first.result.document_hash
    assert same_before(first) is None
    assert same_before(again) == first
    content = inflated(bytes_of(first))
    assert hashlib.sha256(canonical(content)).hexdigest() == first.result.document_hash


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="no matter of the database")
def test_the_plain_and_the_compiled_kernel_give_the_same_bytes(ask, monkeypatch):
    run = ask()
    simulated = research_made.simulated
    found = []
    for is_compiled in (False, True):

        def forced(prepared, assumptions, is_compiled=is_compiled):
            return simulated(prepared, assumptions, is_compiled=is_compiled)

        monkeypatch.setattr(research_made, "simulated", forced)
        found.append(canonical(research_made.backtest_made(run)[0]))
    assert found[0] == found[1]


def test_a_corrected_candle_changes_the_data_hash_and_the_digest_only(ask, ann, stored):
    first = made(ask())
    Candle.objects.filter(
        instrument_id=stored.pk, timeframe=60, open_time=START + 3_000 * MINUTE
    ).update(volume=2.5)
    again = made(backtest_again(run=first, user=ann))
    assert again.result.data_hash != first.result.data_hash
    assert again.result.code_hash == first.result.code_hash
    assert again.result.digest != first.result.digest


def test_a_bar_that_no_column_could_see_changes_nothing(ask, ann, stored):
    first = made(ask())
    Candle.objects.filter(instrument_id=stored.pk, timeframe=60, open_time=START).update(volume=9)
    again = made(backtest_again(run=first, user=ann))
    assert again.result.digest == first.result.digest
    assert bytes_of(again) == bytes_of(first)


@pytest.mark.parametrize(
    "changed",
    [{"assumptions": {"seed": 8}}, {"assumptions": {"taker_ppm": 500}}, {"params": {"bars": 40}}],
)
def test_whatever_a_result_follows_from_is_in_its_digest(ask, changed):
    assert made(ask()).result.digest != made(ask(**changed)).result.digest


def test_a_result_is_never_changed(ask):
    result = made(ask()).result
    with pytest.raises(AppendOnlyError):
        BacktestResult.objects.filter(pk=result.pk).update(digest="0" * 64)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_processes_give_the_same_bytes(ask):
    """Hashes are salted in each process: what hangs on the order of a set would differ."""
    run = ask()
    code = (
        "import os, sys, json, django; django.setup();"
        "from django.db import connections;"
        "connections['default'].settings_dict['NAME'] = sys.argv[1];"
        "from trading.models import BacktestRun;"
        "from trading.services.research_made import backtest_made;"
        "made = backtest_made(BacktestRun.objects.get(pk=int(sys.argv[2])))[1];"
        "print(json.dumps([made['digest'], made['document_hash']]))"
    )
    name = str(connection.settings_dict["NAME"])
    told = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code, name, str(run.pk)],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "mystic.settings",
                "PYTHONHASHSEED": seed,
                "BINANCE_REST_URL": "http://127.0.0.1:9",
                "BINANCE_WS_URL": "ws://127.0.0.1:9",
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told.append(json.loads(done.stdout.splitlines()[-1]))
    engine_hash.cache_clear()
    here = made(run).result
    assert told[0] == told[1] == [here.digest, here.document_hash]


@pytest.mark.parametrize(
    "words",
    [
        "UPDATE trading_backtestresult SET digest = 'x'",
        "UPDATE trading_backtestresult SET document = NULL, seconds = 0",
    ],
)
def test_the_database_itself_refuses_to_change_a_result(ask, words):
    run = made(ask())
    before = BacktestResult.objects.get(run=run)
    with (
        pytest.raises(DatabaseError, match=r"append-only|refuse|never"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(words)
    after = BacktestResult.objects.get(run=run)
    assert bytes(after.document) == bytes(before.document)
    assert hashlib.sha256(canonical(inflated(bytes(after.document)))).hexdigest() == (
        before.document_hash
    )
