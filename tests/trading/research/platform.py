"""A small platform process that begins research; `test_child` looks at what is left of it."""

import os
import sys
import threading
import time

import django

django.setup()

from django.db import connection  # noqa: E402

from markets.models import Instrument, Venue  # noqa: E402
from mystic.lib import bus, children  # noqa: E402
from mystic.models import User  # noqa: E402
from signals.models import Strategy  # noqa: E402
from signals.services.strategies import strategies_sync  # noqa: E402
from tests.signals.app.conftest import START, store, walk  # noqa: E402
from trading.events import ResearchChanged, ResearchWanted  # noqa: E402
from trading.models import BacktestRun  # noqa: E402
from trading.services import research_child  # noqa: E402
from trading.services.backtests import backtest_cancel, backtest_start  # noqa: E402

BARS = 18_000


def ask(name):
    return backtest_start(
        user=User.objects.get(username="ann"),
        strategy=Strategy.objects.get(class_name="SmcConfluence"),
        symbols=["BTC/USDT"],
        from_open=START + 10_000 * 60,
        through_open=START + (BARS - 60) * 60,
        name=name,
    )


def until(what):
    end = time.monotonic() + 120
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)  # noqa: TID251  waiting for another process


def state(run):
    run.refresh_from_db()
    return run.state


def main():
    bus._handlers[ResearchWanted] = []
    heard = []
    bus._handlers[ResearchChanged] = [heard.append]
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
    User.objects.create_user("ann", "ann@example.org", "correct horse 1")
    strategies_sync()
    begun = []
    popen = children.subprocess.Popen

    def remembered(*args, **options):
        begun.append(popen(*args, **options))
        return begun[-1]

    children.subprocess.Popen = remembered
    first = ask("first")
    assert research_child.research_begin() == 1
    assert research_child.research_begin() == 0  # the one slot is taken
    until(lambda: state(first) == "ready")
    until(lambda: any(one.state == "ready" for one in heard))
    # How far it is is looked at each second: one that is quicker is told when it is ready.
    assert {one.state for one in heard} <= {"waiting", "running", "ready"}
    begun[-1].wait()

    killed = ask("killed")
    until(lambda: research_child.research_begin() == 1)
    until(lambda: state(killed) == "running" and "BTC" in killed.stage)
    begun[-1].kill()
    begun[-1].wait()
    assert state(killed) == "running"  # nobody knows yet: its lease still runs
    BacktestRun.objects.filter(pk=killed.pk).update(leased_until="2020-01-01T00:00:00Z")
    until(lambda: research_child.research_sweep() or state(killed) != "running" or len(begun) > 2)
    until(lambda: state(killed) == "ready")
    begun[-1].wait()

    canceled = ask("canceled")
    until(lambda: research_child.research_begin() == 1)
    until(lambda: state(canceled) == "running" and "BTC" in canceled.stage)
    backtest_cancel(run=canceled, actor="ann")
    begun[-1].wait()

    left = ask("left")
    until(lambda: research_child.research_begin() == 1)
    until(lambda: state(left) == "running" and "BTC" in left.stage)
    sys.stdout.write(f"{begun[-1].pid}\n")
    sys.stdout.flush()
    connection.close()
    os._exit(0)


if __name__ == "__main__":
    assert threading.active_count() >= 1
    main()
