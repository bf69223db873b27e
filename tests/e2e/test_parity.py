"""A strategy run on a replay decides as its backtest does; a planted correction is named."""

import os
import re
import subprocess
import sys

import pytest

from tests.e2e.ledger_audit import Books
from tests.product import ROOT, Person, Product, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(os.environ.get("DATABASE_URL")), reason="the embedded shape is run on SQLite"
    ),
]
PLANT = """
from dataclasses import replace
from markets.models import Candle
from markets.services.candles import candles_store
from markets.types import Bar, Origin
row = Candle.objects.get(open_time={open_time})
names = [one.name for one in Candle._meta.concrete_fields]
told = {{name: getattr(row, name) for name in names}}
bar = Bar(**told | {{"origin": Origin(row.origin), "close": row.low}})
assert len(candles_store([bar]).revised) == 1
"""


@pytest.fixture
def product(tmp_path, venue):
    made = Product(tmp_path / "var", venue.address)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


def deployed(person, books):
    """Switch a strategy of five-minute bars on; return its number and that of the deployment."""
    (row,) = books.rows("select id from signals_strategy where class_name = 'MeanReversion'")
    answer = person.post(f"/strategies/{row['id']}/deployment/", {"switch": "on"})
    assert answer.status_code == 200
    ask = "select id from trading_deployment where strategy_id = ?"
    return row["id"], books.one(ask, row["id"])


def reported(person, number):
    """Press the button; return the page once it shows another report than before."""
    path = f"/deployments/{number}/parity/"
    before = len(re.findall(r"\?report=", person.http.get(path).text))
    person.post(f"{path}ask/", {}, form_at=path)

    def page():
        found = person.http.get(path).text
        return len(re.findall(r"\?report=", found)) > before and found

    return " ".join(until("the report", page, 60).split())


def test_a_replay_is_decided_as_its_backtest_and_a_correction_is_named(product, venue, bars):
    product.start()
    person = Person(product)
    person.sign_up("ann", "ann@example.org")
    books = Books(product.folder)
    strategy, number = deployed(person, books)
    last = bars[-1][0] // 1000
    ask = "select max(bar_open) from signals_decision where strategy_id = ?"
    through = (last + 60) // 300 * 300 - 300
    until("the end of the recording", lambda: books.one(ask, strategy) == through, 300)
    page = reported(person, number)
    compared = int(re.search(r"<dt>Decisions compared</dt><dd>([\d,]+)</dd>", page)[1])
    assert compared > 50
    assert f"Parity 100 % · {compared:,} decisions" in page
    # The last minute of a bar of five: its close is that bar's.
    planted = (last - 200 * 60) // 300 * 300 + 240
    (row,) = books.rows("select low, close from markets_candle where open_time = ?", planted)
    low, close = row["low"], row["close"]
    assert low != close
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", PLANT.format(open_time=planted)],
        cwd=ROOT,
        env=product.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = reported(person, number)
    assert "data revised" in page
    assert f"close {close!r} → {low!r}" in page
    assert f"<dt>The same on the bars as received</dt><dd>{compared}</dd>" in page
    assert product.stop() == 0
