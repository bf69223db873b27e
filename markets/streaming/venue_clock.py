"""The venue's own time, as a lower bound: a replay's clock is not ours and may run at any speed."""

from mystic.lib.clock import monotonic_ms

# A single frame may not push the clock further than this; the venue's REST clock may.
LARGEST_STEP_MS = 86_400_000
# A venue of long bars may be silent for several of them: a weekend, a row of holidays.
LARGEST_STEP_BARS = 10


class VenueClock:
    """The newest time that the venue told, plus the monotonic time since."""

    def __init__(self, timeframe: int = 0) -> None:
        self._largest_step_ms = max(LARGEST_STEP_MS, LARGEST_STEP_BARS * timeframe * 1000)
        self._told_ms: int | None = None
        self._at_mono_ms = 0

    def set(self, server_ms: int) -> None:
        """Believe the venue's clock as asked by REST, also backwards."""
        self._told_ms, self._at_mono_ms = server_ms, monotonic_ms()

    def heard(self, event_ms: int) -> None:
        """Learn from the event time of a frame; only forwards, and only by a plausible step."""
        now_ms = self.now_ms()
        if now_ms is None or now_ms < event_ms <= now_ms + self._largest_step_ms:
            self.set(event_ms)

    def now_ms(self) -> int | None:
        """Return a time that the venue's clock has reached, or None before it told any."""
        if self._told_ms is None:
            return None
        return self._told_ms + monotonic_ms() - self._at_mono_ms

    def now_s(self) -> int | None:
        now_ms = self.now_ms()
        return None if now_ms is None else now_ms // 1000
