"""What the tests of signals want of the machine."""

import sys

import pytest

from signals.forecasting.trees import TreesError, engine

ASKS_TREES = ("forecasting/", "test_planted_leaks", "test_rules_by_hand", "test_waiting")


def pytest_collection_modifyitems(items):
    """Leave out what asks models where macOS lacks the OpenMP runtime that XGBoost wants."""
    if sys.platform != "darwin":
        return
    try:
        engine()
    except TreesError as fault:
        for item in items:
            if any(part in item.nodeid for part in ASKS_TREES):
                item.add_marker(pytest.mark.skip(reason=str(fault)))
