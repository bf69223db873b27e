"""The count of a budget in the memory of one process; safe for any thread."""

import threading
from collections.abc import Mapping, Sequence

from mystic.lib.budget_windows import (
    RANKS,
    Grant,
    Priority,
    Snapshot,
    Told,
    Usage,
    Window,
)

# Who stands back for a more urgent request that is about to go asks again so soon.
STAND_BACK_MS = 20


class MemoryLedger:
    """Weights by window and priority, and the silence that the venue wants.

    Every method takes the time as an argument. `fraction` scales the limits: a process that
    cannot see what the others use allows itself less.
    """

    is_remote = False

    def __init__(self) -> None:
        self.blocked_until_ms = 0
        self.is_ban = False
        self._lock = threading.Lock()
        # By the length of the window: its start and the weight by priority in it.
        self._counts: dict[int, tuple[int, dict[str, int]]] = {}
        # What the venue counted beyond that: others use the same address.
        self._others: dict[int, int] = {}
        self._waiting: dict[int, tuple[int, int]] = {}
        self._tickets = 0

    def take(
        self,
        windows: Sequence[Window],
        weight: int,
        priority: Priority,
        *,
        now_ms: int,
        fraction: float = 1.0,
    ) -> Grant:
        """Count `weight` if each of the windows admits it."""
        with self._lock:
            if self.blocked_until_ms > now_ms:
                return Grant(blocked_ms=self.blocked_until_ms - now_ms, is_ban=self.is_ban)
            wait_ms = self._stand_back_ms(priority, now_ms)
            for window in windows:
                limit = max(1, int(window.limit * fraction))
                if not window.admits(self._used(window, now_ms), weight, priority, limit):
                    wait_ms = max(wait_ms, window.span(now_ms)[1] - now_ms)
            start_ms = windows[0].span(now_ms)[0]
            if not wait_ms:
                for window in windows:
                    by = self._by(window, now_ms)
                    by[priority] = by.get(priority, 0) + weight
            return Grant(wait_ms, start_ms=start_ms, used=self._used(windows[0], now_ms))

    def believe(self, window: Window, told: Told, now_ms: int) -> None:
        """Count as the venue does, where its count is higher than ours."""
        with self._lock:
            self._believe(window, told, now_ms)

    def block(self, until_ms: int, *, is_ban: bool, now_ms: int) -> None:
        """Keep silent until `until_ms`; never shorter than before."""
        with self._lock:
            if self.blocked_until_ms <= now_ms:
                self.is_ban = False
            self.blocked_until_ms = max(self.blocked_until_ms, until_ms)
            self.is_ban = self.is_ban or is_ban

    def recall(self, window: Window, start_ms: int, by: Mapping[str, int], *, used: int) -> None:
        """Take over what was counted before this process began, if its window still runs."""
        with self._lock:
            begun, _ = self._counts.get(window.seconds, (0, {}))
            if start_ms > begun:
                self._counts[window.seconds] = (start_ms, dict(by))
                self._others[window.seconds] = max(0, used - sum(by.values()))

    def restart(self, window: Window, used: int, now_ms: int) -> None:
        """Begin the window that runs now anew, with so much of it used by others."""
        with self._lock:
            self._counts[window.seconds] = (window.span(now_ms)[0], {})
            self._others[window.seconds] = used

    def used(self, window: Window, now_ms: int) -> int:
        """Return what is used up in the window that runs now."""
        with self._lock:
            return self._used(window, now_ms)

    def snapshot(self, windows: Sequence[Window], now_ms: int) -> Snapshot:
        with self._lock:
            usages = [
                Usage(
                    window,
                    window.span(now_ms)[0],
                    self._used(window, now_ms),
                    dict(self._by(window, now_ms)),
                )
                for window in windows
            ]
            is_blocked = self.blocked_until_ms > now_ms
            return Snapshot(usages, self.blocked_until_ms, self.is_ban and is_blocked)

    def queue(self, priority: Priority, until_ms: int) -> int:
        """Let less urgent requests stand back until this one has gone; returns its ticket."""
        with self._lock:
            self._tickets += 1
            self._waiting[self._tickets] = (RANKS[priority], until_ms)
            return self._tickets

    def leave(self, ticket: int) -> None:
        with self._lock:
            self._waiting.pop(ticket, None)

    def stand_back_ms(self, priority: Priority, now_ms: int) -> int:
        """Return how long a request has to let more urgent ones pass; 0 when none waits."""
        with self._lock:
            return self._stand_back_ms(priority, now_ms)

    def _stand_back_ms(self, priority: Priority, now_ms: int) -> int:
        urgent = [until for rank, until in self._waiting.values() if rank < RANKS[priority]]
        return max(max(urgent) - now_ms, 0) + STAND_BACK_MS if urgent else 0

    def _believe(self, window: Window, told: Told, now_ms: int) -> None:
        if told.start_ms == window.span(now_ms)[0] and told.used:
            own = sum(self._by(window, now_ms).values())
            self._others[window.seconds] = max(self._others[window.seconds], told.used - own)

    def _by(self, window: Window, now_ms: int) -> dict[str, int]:
        """Return the weights of the window that runs now, begun anew where it has turned."""
        start_ms = window.span(now_ms)[0]
        begun, by = self._counts.get(window.seconds, (None, {}))
        if begun != start_ms:
            by = {}
            self._counts[window.seconds] = (start_ms, by)
            self._others[window.seconds] = 0
        return by

    def _used(self, window: Window, now_ms: int) -> int:
        own = sum(self._by(window, now_ms).values())
        return own + self._others[window.seconds]
