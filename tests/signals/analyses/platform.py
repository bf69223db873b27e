"""A small platform process that begins analyses; `test_services` reads what it prints."""

import os
import sys
import time
from pathlib import Path

import django

django.setup()

from markets.models import Instrument, Venue  # noqa: E402
from mystic.lib import bus  # noqa: E402
from mystic.models import User  # noqa: E402
from signals.events import AnalysisWanted  # noqa: E402
from signals.models import Strategy  # noqa: E402
from signals.services import analyses  # noqa: E402
from signals.services.analyses import analysis_begin, analysis_start  # noqa: E402
from signals.services.rules import rule_create  # noqa: E402
from tests.signals.app.conftest import START, store, walk  # noqa: E402
from tests.signals.rules.conftest import UP  # noqa: E402

HANGS = """
from signals.strategies import Strategy, nothing


class Hangs(Strategy):
    timeframe = "1m"

    def decide(self, b):
        while True:
            pass
"""


def until_ended(row):
    end = time.monotonic() + 120
    while not row.is_ended:
        assert time.monotonic() < end
        time.sleep(0.05)  # noqa: TID251  waiting for another process
        row.refresh_from_db()


def market():
    venue = Venue.objects.create(code="replay:binance", name="Replay", is_replay=True)
    btc = Instrument.objects.create(
        venue=venue,
        symbol="BTC/USDT",
        native_id="BTCUSDT",
        base="BTC",
        quote="USDT",
        is_watched=True,
    )
    store(btc, walk(1_800, start=START - 600 * 60))


def hanging(ann):
    """A file of the folder whose decision never ends; its row is made by hand."""
    folder = Path(os.environ["MYSTIC_DATA_DIR"]) / "strategies"
    folder.mkdir()
    (folder / "hangs.py").write_text(HANGS)
    os.environ["MYSTIC_STRATEGIES_DIR"] = str(folder)
    from signals.strategies.folder import read_file

    (cls,) = read_file(folder / "hangs.py").classes
    return Strategy.objects.create(
        class_name="Hangs",
        version=cls().version,
        name="Hangs",
        timeframe=60,
        origin="folder",
        owner=ann,
    )


def main():
    market()
    bus._handlers[AnalysisWanted] = []
    ann = User.objects.create_user("ann", "ann@example.org", "correct horse 1")
    row = rule_create(user=ann, data=dict(UP))
    first = analysis_start(user=ann, strategy=row, symbol="BTC/USDT")
    second = analysis_start(user=ann, strategy=row, symbol="BTC/USDT")
    assert analysis_begin(first.pk)
    assert not analysis_begin(second.pk)  # one at a time on a machine
    second.refresh_from_db()
    beside = second.state
    until_ended(first)
    sys.stdout.write(f"made: {first.state} {first.document.get('verdict', first.error)}\n")
    sys.stdout.write(f"beside it: {beside}\n")
    until_ended(second)  # the end of the first began it
    analyses.LONGEST_S = 3.0
    last = analysis_start(user=ann, strategy=hanging(ann), symbol="BTC/USDT")
    end = time.monotonic() + 60
    while not analysis_begin(last.pk):
        last.refresh_from_db()
        if last.state != "waiting":
            break  # the end of the second began it
        assert time.monotonic() < end
        time.sleep(0.05)  # noqa: TID251  the slot of the second is about to be free
    until_ended(last)
    sys.stdout.write(f"hangs: {last.state} {last.error}\n")


main()
