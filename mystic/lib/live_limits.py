"""How much one socket may ask: a bucket of messages and a count of errors."""

import time
from collections import deque


class Bucket:
    """A token bucket: `burst` at once, then `per_second`."""

    def __init__(self, *, burst: int, per_second: float) -> None:
        self._burst = float(burst)
        self._per_second = per_second
        self._left = self._burst
        self._at = time.monotonic()

    def take(self) -> bool:
        """Take one; False when the bucket is empty."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class ErrorCount:
    """Errors within a sliding window."""

    def __init__(self, *, most: int, within_s: float) -> None:
        self._within_s = within_s
        self._times: deque[float] = deque(maxlen=most)

    def is_too_many(self) -> bool:
        """Count one more error; True when it is the last of `most` within the window."""
        now = time.monotonic()
        self._times.append(now)
        return len(self._times) == self._times.maxlen and now - self._times[0] <= self._within_s
