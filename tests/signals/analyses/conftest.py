"""Stored bars and strategies for the tests of analyses."""

import pytest

from signals.services.rules import rule_create
from signals.services.strategies import strategies_sync
from tests.signals.app.conftest import (  # noqa: F401  fixtures of the app's tests
    START,
    btc,
    fresh_memory,
    make_instrument,
    replaying,
    store,
    venue,
    walk,
)
from tests.signals.rules.conftest import UP

COUNT = 1_800


@pytest.fixture
def bars(btc):  # noqa: F811
    """1,800 stored minutes of BTC/USDT: a block to warm up, more than two to look at."""
    rows = walk(COUNT, start=START - 600 * 60)
    store(btc, rows)
    return rows


@pytest.fixture
def mine(ann, bars):
    """Rules that Ann wrote and keeps to herself."""
    return rule_create(user=ann, data=dict(UP))


@pytest.fixture
def shared(db):
    """The strategies that come with Mystic have their rows."""
    strategies_sync()
