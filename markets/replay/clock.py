"""The venue's time in a replay: it waits, runs at any speed, jumps, never passes the data."""

import asyncio
import time
from collections.abc import Callable


class VirtualClock:
    """A clock in epoch milliseconds that runs `rate` times as fast as ours once started."""

    def __init__(self, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._mono_s = mono_s
        self._base_ms = 0.0
        self._since_s = 0.0
        self._rate = 0.0
        self._ceiling_ms = 0

    def set(self, epoch_ms: int) -> None:
        """Stand still at `epoch_ms`."""
        self._base_ms = float(epoch_ms)
        self._rate = 0.0
        self._ceiling_ms = epoch_ms

    def run(self, rate: float) -> None:
        """Run from where it stands."""
        self._base_ms = float(self.now_ms())
        self._since_s = self._mono_s()
        self._rate = rate

    def allow(self, epoch_ms: int) -> None:
        """Let it show times up to `epoch_ms`: what happens later was not yet sent."""
        self._ceiling_ms = max(self._ceiling_ms, epoch_ms)

    def now_ms(self) -> int:
        return min(int(self._ran_ms()), self._ceiling_ms)

    async def reach(self, epoch_ms: int) -> None:
        """Wait until `epoch_ms`; at once when that is past."""
        if self._rate > 0:
            await asyncio.sleep(max(0.0, (epoch_ms - self._ran_ms()) / 1000 / self._rate))

    def jump(self, epoch_ms: int) -> None:
        """Pass over a time in which nothing was recorded."""
        self._base_ms += max(0.0, epoch_ms - self._ran_ms())

    def _ran_ms(self) -> float:
        if self._rate == 0.0:
            return self._base_ms
        return self._base_ms + (self._mono_s() - self._since_s) * 1000 * self._rate
