"""When a market is open: plain sums over the sessions that a calendar lists.

A session is [opens_at, closes_at) in UTC epoch seconds, so daylight saving time and early closes
are in the numbers and nothing has to be computed from local time.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

ALWAYS = "24/7"
MINUTE_S = 60


class Session(NamedTuple):
    """One stretch of trading, [opens_at, closes_at) in UTC epoch seconds."""

    opens_at: int
    closes_at: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """The sessions of one market over a span of time, in ascending order.

    Attributes
    ----------
    name : str
        Its name in `exchange_calendars`, such as XNYS; `24/7` is always open.
    sessions : tuple of Session
        Without overlap. Before the first and after the last nothing is known.
    """

    name: str
    sessions: tuple[Session, ...] = ()

    @classmethod
    def of(cls, name: str, pairs: Iterable[tuple[int, int]]) -> "Calendar":
        """Return the calendar of (opens_at, closes_at) pairs in any order.

        Raises
        ------
        ValueError
            If a session has no length or two of them overlap.
        """
        sessions = tuple(sorted(Session(*pair) for pair in pairs))
        for one in sessions:
            if one.closes_at <= one.opens_at:
                raise ValueError(f"a session of {name} ends at {one.closes_at}, before it begins")
        for before, after in pairwise(sessions):
            if after.opens_at < before.closes_at:
                raise ValueError(f"two sessions of {name} overlap at {after.opens_at}")
        return cls(name, sessions)

    @property
    def is_always_open(self) -> bool:
        return self.name == ALWAYS

    def knows(self, at: int) -> bool:
        """Tell whether `at` lies in the span of which the sessions are known."""
        if self.is_always_open:
            return True
        if not self.sessions:
            return False
        return self.sessions[0].opens_at <= at < self.sessions[-1].closes_at

    def session_at(self, at: int) -> Session | None:
        """Return the session that runs at `at`, or None."""
        last = self.last_begun(at)
        return last if last is not None and at < last.closes_at else None

    def is_open(self, at: int) -> bool:
        """Tell whether the market is open at `at`; False where nothing is known."""
        return self.is_always_open or self.session_at(at) is not None

    def last_begun(self, at: int) -> Session | None:
        """Return the newest session that began at or before `at`."""
        place = bisect_right(self.sessions, at, key=lambda one: one.opens_at)
        return self.sessions[place - 1] if place else None

    def next_open(self, at: int) -> int | None:
        """Return when the next session after `at` begins, None where that is not known."""
        place = bisect_right(self.sessions, at, key=lambda one: one.opens_at)
        return self.sessions[place].opens_at if place < len(self.sessions) else None

    def next_close(self, at: int) -> int | None:
        """Return when the session that runs at `at`, or else the next one, ends."""
        running = self.session_at(at)
        if running is not None:
            return running.closes_at
        place = bisect_right(self.sessions, at, key=lambda one: one.opens_at)
        return self.sessions[place].closes_at if place < len(self.sessions) else None

    def closed_until(self, at: int) -> int | None:
        """Return when a closed market opens; None while it is open or where that is not known."""
        if self.is_open(at) or not self.knows(at):
            return None
        return self.next_open(at)

    def has_open(self, start: int, end: int) -> bool:
        """Tell whether the market is open at any moment of [start, end).

        Where nothing is known the answer is True: what may be open is asked for.
        """
        if self.is_always_open or not (self.knows(start) and self.knows(max(start, end - 1))):
            return True
        running = self.session_at(start)
        following = self.next_open(start)
        return running is not None or (following is not None and following < end)

    def start_of_newest(self, end: int, *, slots: int, timeframe: int) -> int:
        """Return where the newest `slots` bars before `end` begin, counted in open time only.

        Where the known span is shorter, the first known session decides.
        """
        left = slots * timeframe
        if self.is_always_open or not self.sessions:
            return end - left
        start = end
        for one in reversed(self.sessions):
            if one.opens_at >= end:
                continue
            stretch = min(one.closes_at, end) - one.opens_at
            if stretch >= left:
                return (min(one.closes_at, end) - left) // timeframe * timeframe
            left -= stretch
            start = one.opens_at
        return start // timeframe * timeframe
