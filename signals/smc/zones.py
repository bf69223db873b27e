"""Zones waiting for price, as stacks.

Zones of one kind and direction that price has not reached are ordered: for a bullish one every
later zone lies at or above every earlier one (had it not, price would have passed the earlier).
So the last one is the nearest, and a bar that mitigates any mitigates from the end: O(1) amortised.
"""

from math import inf

from signals.smc.events import Event
from signals.smc.history import History


class OrderBlocks:
    """Unmitigated order blocks; trading through the far side mitigates.

    Attributes
    ----------
    bullish, bearish : list of Event
        The nearest one last.
    floor, ceiling : float
        Below the one or above the other the nearest block is mitigated.
    """

    __slots__ = ("bearish", "bullish", "ceiling", "floor")

    def __init__(self) -> None:
        self.bullish: list[Event] = []
        self.bearish: list[Event] = []
        self.floor, self.ceiling = -inf, inf

    def add(self, event: Event) -> None:
        (self.bullish if event.direction > 0 else self.bearish).append(event)
        self._measure()

    def take_mitigated(self, high: float, low: float) -> list[Event]:
        """Remove and return the blocks whose far side the bar traded through."""
        taken: list[Event] = []
        while self.bullish and low < self.bullish[-1].bottom:
            taken.append(self.bullish.pop())
        while self.bearish and high > self.bearish[-1].top:
            taken.append(self.bearish.pop())
        self._measure()
        return taken

    def _measure(self) -> None:
        self.floor = self.bullish[-1].bottom if self.bullish else -inf
        self.ceiling = self.bearish[-1].top if self.bearish else inf


class Gaps:
    """Unmitigated fair value gaps; the first touch mitigates.

    Attributes
    ----------
    bullish, bearish : list of Event
        The nearest one last.
    floor, ceiling : float
        At or below the one, at or above the other, the nearest gap is touched.
    """

    __slots__ = ("bearish", "bullish", "ceiling", "floor")

    def __init__(self) -> None:
        self.bullish: list[Event] = []
        self.bearish: list[Event] = []
        self.floor, self.ceiling = -inf, inf

    def add(self, event: Event) -> None:
        (self.bullish if event.direction > 0 else self.bearish).append(event)
        self._measure()

    def take_mitigated(self, high: float, low: float) -> list[Event]:
        """Remove and return the gaps that the bar touched."""
        taken: list[Event] = []
        while self.bullish and low <= self.bullish[-1].top:
            taken.append(self.bullish.pop())
        while self.bearish and high >= self.bearish[-1].bottom:
            taken.append(self.bearish.pop())
        self._measure()
        return taken

    def _measure(self) -> None:
        self.floor = self.bullish[-1].top if self.bullish else -inf
        self.ceiling = self.bearish[-1].bottom if self.bearish else inf


def block_index(history: History, direction: int, after: int, before: int) -> int | None:
    """Return the extreme bar strictly between a swing and its break: the last of equals."""
    if before - after < 2:
        return None
    part = slice(after + 1 - history.first, before - history.first)
    prices = history.lows[part] if direction > 0 else history.highs[part]
    extreme = min(prices) if direction > 0 else max(prices)
    return before - 1 - prices[::-1].index(extreme)
