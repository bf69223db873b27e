"""A local order book kept by the procedure that Binance documents for its diff stream.

Source: Binance spot documentation, web socket streams, "How to manage a local order book
correctly". Events are buffered until a snapshot is at hand; those that the snapshot holds already
are dropped; a jump of the update ids or a crossed book throws the book away.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

type Level = tuple[float, float]

# Levels far from the touch only cost memory: what lies beyond is unknown anyway.
LARGEST_SIDE = 5_000
LONGEST_BUFFER = 5_000


class BookStep(StrEnum):
    """What one event or snapshot did to the book."""

    APPLIED = "applied"
    BUFFERED = "buffered"
    OLD = "old"
    SYNCED = "synced"
    SNAPSHOT_TOO_OLD = "snapshot_too_old"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class BookEvent:
    """One diff: update ids `first` to `last`, each level's new absolute quantity, 0 removes it."""

    first: int
    last: int
    bids: Sequence[Level]
    asks: Sequence[Level]


class Side:
    """Price levels of one side: quantities by price and the prices in ascending order."""

    __slots__ = ("_prices", "_quantities")

    def __init__(self) -> None:
        self._prices: list[float] = []
        self._quantities: dict[float, float] = {}

    def __len__(self) -> int:
        return len(self._prices)

    def put(self, price: float, quantity: float) -> None:
        """Set the level to `quantity`; nought removes it, and an unknown one is no fault."""
        if quantity > 0:
            if price not in self._quantities:
                insort(self._prices, price)
            self._quantities[price] = quantity
        elif self._quantities.pop(price, None) is not None:
            del self._prices[bisect_left(self._prices, price)]

    def trim(self, *, is_keeping_low: bool) -> None:
        """Forget the levels beyond the largest side, farthest from the touch first."""
        extra = len(self._prices) - LARGEST_SIDE
        if extra <= 0:
            return
        gone = self._prices[-extra:] if is_keeping_low else self._prices[:extra]
        self._prices = self._prices[:-extra] if is_keeping_low else self._prices[extra:]
        for price in gone:
            del self._quantities[price]

    def lowest(self, depth: int) -> tuple[Level, ...]:
        return tuple((p, self._quantities[p]) for p in self._prices[:depth])

    def highest(self, depth: int) -> tuple[Level, ...]:
        prices = self._prices[: -depth - 1 : -1] if depth else []
        return tuple((p, self._quantities[p]) for p in prices)


class LocalBook:
    """The order book of one instrument; `is_synced` says whether it may be shown or traded on."""

    __slots__ = ("_asks", "_bids", "_buffer", "fault", "is_synced", "losses", "update_id")

    def __init__(self) -> None:
        self._bids = Side()
        self._asks = Side()
        self._buffer: deque[BookEvent] = deque(maxlen=LONGEST_BUFFER)
        self.is_synced = False
        self.update_id = 0
        self.losses = 0
        self.fault = ""

    @property
    def wanted_id(self) -> int | None:
        """The first buffered update id: a snapshot must reach at least the one before it."""
        return self._buffer[0].first if self._buffer else None

    def reset(self, fault: str = "") -> None:
        """Throw the book away and wait for events and a snapshot again."""
        self._bids, self._asks = Side(), Side()
        self._buffer.clear()
        self.losses += self.is_synced
        self.is_synced = False
        self.update_id = 0
        self.fault = fault

    def apply(self, event: BookEvent) -> BookStep:
        """Take one diff of the stream.

        Returns
        -------
        BookStep
            `LOST` when the ids jumped or the book crossed: fetch a snapshot again. The event that
            showed the jump is kept, as the first one of the new buffer.
        """
        if not self.is_synced:
            self._buffer.append(event)
            return BookStep.BUFFERED
        if event.last <= self.update_id:
            return BookStep.OLD
        if event.first > self.update_id + 1:
            self.reset(f"update ids jumped from {self.update_id} to {event.first}")
            self._buffer.append(event)
            return BookStep.LOST
        self._set(event)
        if self.is_crossed:
            self.reset(f"the book crossed at update {event.last}")
            return BookStep.LOST
        return BookStep.APPLIED

    def load(self, update_id: int, bids: Sequence[Level], asks: Sequence[Level]) -> BookStep:
        """Take a snapshot and the buffered events that come after it.

        Returns
        -------
        BookStep
            `SYNCED`; `SNAPSHOT_TOO_OLD` when events between it and the first buffered one are
            missing, so that a newer one must be fetched; `LOST` when the buffer itself has a jump.
        """
        if self.wanted_id is not None and update_id + 1 < self.wanted_id:
            return BookStep.SNAPSHOT_TOO_OLD
        waiting = [event for event in self._buffer if event.last > update_id]
        self.reset()
        self.is_synced = True
        self._set(BookEvent(update_id, update_id, bids, asks))
        if self.is_crossed:
            self.reset("the snapshot is crossed")
            return BookStep.LOST
        for event in waiting:
            if self.apply(event) is BookStep.LOST:
                return BookStep.LOST
        return BookStep.SYNCED

    def view(self, depth: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return the best `depth` bids and asks, best first; both empty while not synced."""
        if not self.is_synced:
            return (), ()
        return self._bids.highest(depth), self._asks.lowest(depth)

    @property
    def is_crossed(self) -> bool:
        bids, asks = self._bids.highest(1), self._asks.lowest(1)
        return bool(bids and asks) and bids[0][0] >= asks[0][0]

    def _set(self, event: BookEvent) -> None:
        for price, quantity in event.bids:
            self._bids.put(price, quantity)
        for price, quantity in event.asks:
            self._asks.put(price, quantity)
        self._bids.trim(is_keeping_low=False)
        self._asks.trim(is_keeping_low=True)
        self.update_id = event.last
