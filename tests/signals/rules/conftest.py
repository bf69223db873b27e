"""Rules and stored bars for the tests of written strategies."""

import copy

import pytest

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

UP = {
    "name": "Up bars",
    "about": "Buy every bar that closed up.",
    "timeframe": "1m",
    "params": {"bars": {"default": 3, "low": 2, "high": 20}},
    "columns": {"line": "close.sma(bars)"},
    "entries": [
        {
            "when": {"it closed up": "close > open", "above the line": "close > line"},
            "stop": "close * 0.98",
            "why": "up",
        }
    ],
    "exits": [{"when": {"it closed down": "close < open"}, "why": "down"}],
}


@pytest.fixture
def up():
    """Rules that decide after a few one-minute bars."""
    return copy.deepcopy(UP)


@pytest.fixture
def bars(btc):  # noqa: F811
    """1,200 stored minutes of BTC/USDT."""
    rows = walk(1200, start=START - 600 * 60)
    store(btc, rows)
    return rows
