"""A circuit breaker: a pure state machine that leaves a failing service alone for a while.

It opens after five failures in a minute, or at once where the service bans or refuses this client.
When its time is over one request probes; what that brings closes it or opens it again.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

FAILURES = 5
WITHIN_S = 60.0
HOLD_S = 30.0
# A refusal of this place or plan does not heal by asking again.
FINAL_HOLD_S = 6 * 3600.0
# A probe whose end nobody told is given up.
PROBE_S = 120.0


class CircuitState(StrEnum):
    """Whether requests pass, in the words of `Breaker.State`."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Fault(StrEnum):
    """How bad a failure is."""

    FAILED = "failed"
    BANNED = "banned"
    REFUSED = "refused"


@dataclass(slots=True)
class Circuit:
    """The breaker of one operation of one service; every time is UTC epoch seconds.

    The wall clock is used because the state outlives the process; a clock that was set back never
    holds longer than the hold itself.
    """

    state: CircuitState = CircuitState.CLOSED
    reason: str = ""
    opened_at_s: float | None = None
    retry_at_s: float | None = None
    hold_s: float = HOLD_S
    _failures: deque[float] = field(default_factory=deque)
    _probing_since_s: float | None = None

    def failures(self, now_s: float) -> int:
        """Return how many requests failed in the last minute."""
        while self._failures and not now_s - WITHIN_S < self._failures[0] <= now_s:
            self._failures.popleft()
        return len(self._failures)

    def admits(self, now_s: float) -> bool:
        """Tell whether a request may go now; an open circuit whose time is over sends one probe."""
        if self.state is CircuitState.CLOSED:
            return True
        if self.state is CircuitState.OPEN:
            if now_s < self._retry_at_s(now_s):
                return False
            self.state = CircuitState.HALF_OPEN
        elif self._probing_since_s is not None and (0 <= now_s - self._probing_since_s < PROBE_S):
            return False
        self._probing_since_s = now_s
        return True

    def succeeded(self) -> None:
        """Note an answer: whatever was wrong is over."""
        self.state = CircuitState.CLOSED
        self.reason, self.opened_at_s, self.retry_at_s = "", None, None
        self._failures.clear()
        self._probing_since_s = None

    def failed(
        self, now_s: float, fault: Fault = Fault.FAILED, reason: str = "", hold_s: float = 0.0
    ) -> None:
        """Note a failure; `hold_s` is how long the service itself wants to be left alone."""
        self._probing_since_s = None
        self._failures.append(now_s)
        is_full = self.failures(now_s) >= FAILURES
        if fault is Fault.FAILED and self.state is CircuitState.CLOSED and not is_full:
            return
        if self.state is CircuitState.OPEN and fault is Fault.FAILED:
            return  # a request that had gone before it opened
        least_s = FINAL_HOLD_S if fault is Fault.REFUSED else HOLD_S
        self.open(now_s, max(least_s, hold_s), reason)

    def open(self, now_s: float, hold_s: float, reason: str) -> None:
        """Let no request pass for `hold_s` seconds."""
        self.state, self.reason = CircuitState.OPEN, reason
        self.opened_at_s, self.retry_at_s, self.hold_s = now_s, now_s + hold_s, hold_s
        self._probing_since_s = None

    def abandoned(self) -> None:
        """Note that a request was given up without an answer of any kind."""
        self._probing_since_s = None

    def _retry_at_s(self, now_s: float) -> float:
        if self.retry_at_s is None:
            return now_s
        self.retry_at_s = min(self.retry_at_s, now_s + self.hold_s)
        return self.retry_at_s
