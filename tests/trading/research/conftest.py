"""Stored bars, a strategy on them, and what a test asks of research."""

import pytest

from mystic.lib import bus
from signals.models import Strategy
from signals.strategies.registry import CLASSES
from tests.signals.app.conftest import START, btc, make_instrument, replaying, store, venue, walk
from trading.events import ResearchWanted
from trading.models import BacktestRun
from trading.services.backtests import backtest_start
from trading.services.research_work import work_next

__all__ = ["btc", "make_instrument", "replaying", "venue"]

MINUTE = 60
BARS = 6_000


@pytest.fixture(autouse=True)
def no_children(monkeypatch):
    """Work is done in this process: one that was begun would not know the test's database."""
    monkeypatch.setitem(bus._handlers, ResearchWanted, [])


@pytest.fixture
def rows():
    """Bars of about four days of minutes."""
    return walk(BARS)


@pytest.fixture
def stored(btc, rows):
    store(btc, rows)
    return btc


@pytest.fixture
def strategy(db):
    """A built-in class on minutes, for everybody."""
    return row_of("MeanReversion")


def row_of(class_name, *, timeframe=MINUTE, owner=None, **params):
    made = CLASSES[class_name](timeframe=timeframe, **params)
    return Strategy.objects.create(
        class_name=class_name,
        version=made.version,
        name=made.name,
        timeframe=timeframe,
        params=made.params,
        owner=owner,
    )


@pytest.fixture
def ask(stored, strategy, ann):
    """Ask for a backtest of all stored bars but the first day."""

    def make(**changes):
        told = {
            "user": ann,
            "strategy": strategy,
            "symbols": ["BTC/USDT"],
            "from_open": START + 2_000 * MINUTE,
            "through_open": START + (BARS - 1) * MINUTE,
        }
        return backtest_start(**(told | changes))

    return make


def made(run):
    """Do what waits, in this process, and return the run as it is then."""
    while work_next("test"):
        continue
    return BacktestRun.objects.select_related("result").get(pk=run.pk)
