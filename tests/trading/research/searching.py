"""Processes for `test_sweep_kill`: one that asks, some that work, one that tells what the rows say.

`python -m tests.trading.research.searching ask|work|lapse|tell`.
"""

import json
import os
import sys

import django

django.setup()

from django.utils import timezone  # noqa: E402

from markets.models import Instrument, Venue  # noqa: E402
from mystic.lib import bus  # noqa: E402
from mystic.models import User  # noqa: E402
from signals.models import Strategy  # noqa: E402
from tests.signals.app.conftest import START, store, walk  # noqa: E402
from tests.trading.research.conftest import row_of  # noqa: E402
from trading.events import ResearchWanted  # noqa: E402
from trading.models import Sweep, Trial  # noqa: E402
from trading.services.sweeps import sweep_start, trials_work  # noqa: E402

BARS = int(os.environ.get("SEARCH_BARS", "6000"))
SPACE = {"bars": {"low": 10, "high": 209}, "band": {"values": [1.5, 2.0]}}


def ask():
    venue = Venue.objects.create(code="replay:binance", name="Replay", is_replay=True)
    btc = Instrument.objects.create(
        venue=venue,
        symbol="BTC/USDT",
        native_id="BTCUSDT",
        base="BTC",
        quote="USDT",
        is_watched=True,
    )
    store(btc, walk(BARS))
    strategy = Strategy.objects.filter(class_name="MeanReversion", owner=None, timeframe=60).first()
    bus._handlers[ResearchWanted] = []
    sweep_start(
        user=User.objects.create_user("ann", "ann@example.org", "correct horse 1"),
        strategy=strategy or row_of("MeanReversion"),
        symbols=["BTC/USDT"],
        from_open=START + 2_000 * 60,
        through_open=START + (BARS - 1) * 60,
        space=SPACE,
        min_trades=1,
    )


def work():
    while trials_work(f"worker:{os.getpid()}"):
        done = Trial.objects.filter(state="done").count()
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()


def lapse():
    Trial.objects.filter(state="running").update(leased_until=timezone.now())


def tell():
    rows = Trial.objects.order_by("number")
    names = ("number", "pk", "state", "attempts", "worker")
    found = {
        "state": Sweep.objects.get().state,
        "trials": [
            {**{name: getattr(one, name) for name in names}, "at": str(one.finished_at)}
            for one in rows
        ],
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    {"ask": ask, "work": work, "lapse": lapse, "tell": tell}[sys.argv[1]]()
