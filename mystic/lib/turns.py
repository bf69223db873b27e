"""A lock that is given in the order in which it was asked for."""

import threading
from collections import deque


class Turns:
    """One holder at a time, first come, first served; threads of one process.

    A plain lock lets a thread that writes without a pause take it again before those who wait
    have woken up; here the lock is handed to the one who waits longest.
    """

    def __init__(self) -> None:
        self._inner = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_taken = False

    def acquire(self, timeout_s: float) -> bool:
        """Wait for the own turn; False when it did not come within `timeout_s`."""
        with self._inner:
            if not self._is_taken:
                self._is_taken = True
                return True
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
        if gate.acquire(timeout=timeout_s):
            return True
        with self._inner:
            if gate in self._waiting:
                self._waiting.remove(gate)
                return False
        # It was handed over at the last moment.
        return True

    def release(self) -> None:
        """Hand the lock to the one who waits longest, or leave it free."""
        with self._inner:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False
