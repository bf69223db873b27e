"""Back-off with jitter, one rule for every outside service."""

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Delays that double from `base_s` to `cap_s`, each shortened at random by up to a half.

    `succeeded` is called when valid data arrived, not when a connection opened: a server that
    accepts and closes at once must still be left alone for longer and longer.
    """

    base_s: float = 0.5
    cap_s: float = 30.0
    failures: int = 0

    def next_delay_s(self) -> float:
        delay = min(self.cap_s, self.base_s * 2.0 ** min(self.failures, 16))
        self.failures += 1
        return delay * random.uniform(0.5, 1.0)  # noqa: S311  jitter, not a secret

    def succeeded(self) -> None:
        self.failures = 0
