"""What this process knows of its sources, written down and read back.

Budgets and breakers belong to every process that asks; whether sources agree is the streamer's.
"""

import threading
import time

from markets.services.breakers import (
    breakers_reconcile,
    breakers_restore,
    breakers_write,
    is_breaker_turned,
)
from markets.services.budgets import budgets_restore, budgets_write, is_budget_blocked

# What is counted is written at most so often; what is blocked is written with it.
WRITE_EVERY_S = 3.0
READ_EVERY_S = 30.0

_read_at_s = 0.0
_written_at_s = 0.0
_lock = threading.Lock()


def sources_restore() -> None:
    """Respect what was known of every source before this process began."""
    global _read_at_s  # noqa: PLW0603  one per process
    _read_at_s = time.monotonic()
    budgets_restore()
    breakers_restore()
    breakers_reconcile()


def sources_write() -> None:
    """Write down budgets and breakers that changed."""
    global _written_at_s  # noqa: PLW0603  one per process
    _written_at_s = time.monotonic()
    budgets_write()
    breakers_write()


def before_work() -> None:
    """Read what other processes wrote, at most every half minute; called before each task."""
    with _lock:
        is_due = not _read_at_s or time.monotonic() - _read_at_s > READ_EVERY_S
    if is_due:
        sources_restore()


def after_work() -> None:
    """Write what requests changed: at once what was blocked, counts every few seconds."""
    with _lock:
        is_due = time.monotonic() - _written_at_s > WRITE_EVERY_S
    if is_due or is_budget_blocked() or is_breaker_turned():
        sources_write()
