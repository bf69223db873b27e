"""Tests that touch neither database nor Redis: a second run on PostgreSQL would prove nothing new.

`make test-full` leaves them out. A test below these paths that asks for the database fails: it
belongs elsewhere, or its path does not belong here.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATHS = (
    "tests/benchmarks",
    "tests/house",
    "tests/lib/test_backoff.py",
    "tests/lib/test_bus.py",
    "tests/lib/test_circuit.py",
    "tests/lib/test_env.py",
    "tests/lib/test_money.py",
    "tests/loopback",
    "tests/markets/providers",
    "tests/markets/replay",
    "tests/markets/test_book.py",
    "tests/markets/test_kills.py",  # on SQLite by design; test_takeover.py is its like
    "tests/markets/test_microstructure.py",
    "tests/markets/test_options_pure.py",
    "tests/markets/test_quality.py",
    "tests/markets/test_quality_bands.py",
    "tests/markets/test_resample.py",
    "tests/markets/test_rings.py",
    "tests/notifications/test_rules.py",
    "tests/pages/test_ui_tags.py",
    "tests/signals/columns",
    "tests/signals/folder/test_reading.py",
    "tests/signals/forecasting/test_honesty.py",
    "tests/signals/forecasting/test_model_word.py",
    "tests/signals/forecasting/test_real.py",
    "tests/signals/forecasting/test_table.py",
    "tests/signals/indicators",
    "tests/signals/making",
    "tests/signals/rules/test_definition.py",
    "tests/signals/rules/test_expressions.py",
    "tests/signals/smc",
    "tests/signals/strategies",
    "tests/signals/test_agents.py",
    "tests/signals/test_parity.py",
    "tests/signals/test_planted_leaks.py",
    "tests/trading/performance",
    "tests/signals/analyses/test_child.py",  # its processes run on SQLite
    "tests/trading/research/test_child.py",  # the same
    "tests/trading/research/test_stand_back.py",
    "tests/trading/research/test_sweep_choice.py",
    "tests/trading/research/test_sweep_folds.py",
    "tests/trading/research/test_sweep_space.py",
    "tests/trading/parity/test_parity_words.py",
    "tests/trading/backtest",
    "tests/trading/test_fills.py",
    "tests/trading/test_order_state.py",
    "tests/trading/test_risk.py",
    "tests/websocket/test_server.py",  # its server runs on SQLite and memory
)
DATABASE = {"db", "transactional_db", "live_server", "client", "admin_client"}


def is_listed(path: Path) -> bool:
    """Tell whether a test file is one of these."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return any(name == one or name.startswith(f"{one}/") for one in PATHS)


def asks_for_the_database(item: pytest.Item) -> bool:
    """Tell whether a test uses the database of its own process."""
    names = set(getattr(item, "fixturenames", ()))
    return bool(names & DATABASE) or item.get_closest_marker("django_db") is not None


def check(item: pytest.Item) -> None:
    """Fail a listed test that asks for the database."""
    if is_listed(item.path) and asks_for_the_database(item):
        pytest.fail(f"tests/service_free.py lists {item.path}, yet this asks for the database")


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the listed tests out; those that are listed wrongly stay, and fail."""
    out = [item for item in items if is_listed(item.path) and not asks_for_the_database(item)]
    if out:
        config.hook.pytest_deselected(items=out)
        gone = set(out)
        items[:] = [item for item in items if item not in gone]
