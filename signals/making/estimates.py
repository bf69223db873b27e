"""What the quotes are made of, learnt from the market as it goes: volatility and order flow."""

import math
from collections import deque

BPS = 10_000
# Changes within a second are mostly the price jumping between bid and ask.
SAMPLE_MS = 1_000
LEAST_SAMPLES = 20
# Flow is measured over seconds: as long as a quote rests before it may be renewed.
BIN_MS = 1_000
LEAST_REACHES = 20


class Volatility:
    """The root of the mean squared log return of the mid per second, newest weighing most.

    v <- v + w (r^2 / dt - v), w = 1 - exp(-dt / memory_s), over samples at least a second apart:
    an exponentially weighted average in time, as RiskMetrics has it in days (J. P. Morgan,
    RiskMetrics Technical Document, 1996, section 5.2). What has not been seen yet is divided out,
    so the beginning is an average of what was seen.
    """

    def __init__(self, memory_s: float) -> None:
        self._memory_s = memory_s
        self._at_ms: int | None = None
        self._mid = 0.0
        self._variance = 0.0
        self._unseen = 1.0
        self.samples = 0

    def add(self, mid: float, at_ms: int) -> None:
        """Take the mid at a moment; earlier moments and those within a second are passed over."""
        if self._at_ms is None:
            self._at_ms, self._mid = at_ms, mid
            return
        if at_ms - self._at_ms < SAMPLE_MS:
            return
        seconds = (at_ms - self._at_ms) / 1000
        kept = math.exp(-seconds / self._memory_s)
        rate = math.log(mid / self._mid) ** 2 / seconds
        self._variance += (1 - kept) * (rate - self._variance)
        self._unseen *= kept
        self._at_ms, self._mid = at_ms, mid
        self.samples += 1

    def cut(self) -> None:
        """Forget the last mid: what happened meanwhile was not seen."""
        self._at_ms = None

    @property
    def bps(self) -> float | None:
        """Basis points per square root of a second; None until enough was seen."""
        if self.samples < LEAST_SAMPLES:
            return None
        return math.sqrt(self._variance / (1 - self._unseen)) * BPS


class OrderFlowDecay:
    """The k of the arrival intensity A exp(-k delta), from how far trades reach.

    In each second, on each side, the trade farthest from the mid with which the second began has
    reached a distance d > 0. A quote at delta is reached with intensity A exp(-k delta) exactly
    when those distances are exponential; the most likely k is then one by their mean (the
    maximum-likelihood estimate of an exponential). The distances of `memory_s` count alike.
    """

    def __init__(self, memory_s: float) -> None:
        self._memory_ms = memory_s * 1000
        self._reaches: deque[tuple[int, float]] = deque()
        self._sum = 0.0
        self._bin: int | None = None
        self._mid = 0.0
        self._far = [0.0, 0.0]

    def add(self, price: float, mid: float, at_ms: int) -> None:
        """Take a trade and the mid that stood before it."""
        current = at_ms // BIN_MS
        if self._bin is None or current > self._bin:
            self._close()
            self._bin, self._mid = current, mid
        distance = (price - self._mid) / self._mid * BPS
        side = 0 if distance < 0 else 1
        self._far[side] = max(self._far[side], abs(distance))

    def _close(self) -> None:
        if self._bin is None:
            return
        at_ms = self._bin * BIN_MS
        for distance in self._far:
            if distance > 0:
                self._reaches.append((at_ms, distance))
                self._sum += distance
        self._far = [0.0, 0.0]
        while self._reaches and self._reaches[0][0] <= at_ms - self._memory_ms:
            self._sum -= self._reaches.popleft()[1]

    @property
    def per_bps(self) -> float | None:
        """Return k per basis point; None until enough trades were seen."""
        if len(self._reaches) < LEAST_REACHES or self._sum <= 0:
            return None
        return len(self._reaches) / self._sum
