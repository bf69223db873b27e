"""What a budget is counted in: priorities, windows of the clock, the answer to a request; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

SECOND_MS = 1_000
DAY_MS = 86_400_000
# A month has no one length; this one stands for it in names and rows.
MONTH_S = 2_592_000


class Priority(StrEnum):
    """How urgent a request is: the least urgent waits first."""

    ORDER = "order"
    STOP = "stop"
    LIVE = "live"
    CHART = "chart"
    BACKFILL = "backfill"


# The share of the budget that requests of a priority may use up.
SHARES = {
    Priority.ORDER: 1.0,
    Priority.STOP: 0.95,
    Priority.LIVE: 0.9,
    Priority.CHART: 0.7,
    Priority.BACKFILL: 0.5,
}
RANKS = {priority: rank for rank, priority in enumerate(Priority)}


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` of weight in each `seconds` of the clock, counted from the epoch (UTC)."""

    limit: int
    seconds: int = 60

    @classmethod
    def month(cls, limit: int) -> Self:
        """Return a window as long as the calendar month, in UTC."""
        return cls(limit, MONTH_S)

    @property
    def is_month(self) -> bool:
        return self.seconds == MONTH_S

    def span(self, now_ms: int) -> tuple[int, int]:
        """Return start and end of the window that holds `now_ms`, UTC epoch milliseconds."""
        if self.is_month:
            return _month(now_ms)
        length = self.seconds * SECOND_MS
        start = now_ms // length * length
        return start, start + length

    def admits(self, used: int, weight: int, priority: Priority, limit: int | None = None) -> bool:
        """Tell whether `weight` fits beside what is used; an untouched window admits anything."""
        return used == 0 or used + weight <= (limit or self.limit) * SHARES[priority]


def _month(now_ms: int) -> tuple[int, int]:
    start = datetime.fromtimestamp(now_ms / SECOND_MS, tz=UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    year, month = (start.year + 1, 1) if start.month == 12 else (start.year, start.month + 1)
    end = start.replace(year=year, month=month)
    return int(start.timestamp()) * SECOND_MS, int(end.timestamp()) * SECOND_MS


@dataclass(frozen=True, slots=True)
class Told:
    """The weight that the venue itself counted in the window that began at `start_ms`."""

    start_ms: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to a wish for weight.

    Attributes
    ----------
    wait_ms : int
        0 when it is granted; else how long until it is worth asking again.
    blocked_ms : int
        For how long the venue still wants silence; 0 when it does not.
    start_ms, used : int
        The first window and what is used up in it, the granted weight included.
    """

    wait_ms: int = 0
    blocked_ms: int = 0
    is_ban: bool = False
    start_ms: int = 0
    used: int = 0

    @property
    def is_granted(self) -> bool:
        return not self.wait_ms and not self.blocked_ms


@dataclass(frozen=True, slots=True)
class Usage:
    """One window of a budget as it stands; `by` is the weight taken by each priority."""

    window: Window
    start_ms: int
    used: int = 0
    by: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A budget as it stands: its windows, and until when (UTC epoch ms) its venue wants silence."""

    usages: Sequence[Usage]
    blocked_until_ms: int = 0
    is_ban: bool = False
