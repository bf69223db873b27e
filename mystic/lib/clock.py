"""Wall time as integers, ages by the monotonic clock: a clock jump makes no age wrong."""

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """Return the wall clock as UTC epoch milliseconds."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Return the monotonic clock in milliseconds; only differences mean anything."""
    return time.monotonic_ns() // 1_000_000


def from_ms(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, tz=UTC)


def iso(epoch_ms: int | None) -> str | None:
    """Return an ISO 8601 time with milliseconds and Z, or None where the time is not known."""
    if epoch_ms is None:
        return None
    return from_ms(epoch_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
