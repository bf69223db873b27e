"""The newest bars of a series in memory: they grow at the end, what was given out stays."""

import threading
from typing import Self

import numpy as np

from markets.bars import BarArrays, joined

# A series grows by a quarter of its length before its arrays are laid out anew.
LEAST_ROOM = 32


class Slots:
    """Arrays with room at the end; `used` slots are written and never written again."""

    __slots__ = ("columns", "lock", "times", "used")

    def __init__(self, bars: BarArrays) -> None:
        size = len(bars) + max(LEAST_ROOM, len(bars) // 4)
        self.times = np.empty(size, np.int64)
        self.columns = np.empty((5, size))
        self.used = 0
        self.lock = threading.Lock()
        self.write(bars)

    def write(self, bars: BarArrays) -> None:
        """Write bars behind the used slots; the caller holds the lock and knows of the room."""
        end = self.used + len(bars)
        self.times[self.used : end] = bars.open_time
        columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
        for target, column in zip(self.columns, columns, strict=True):
            target[self.used : end] = column
        self.used = end


class Ring:
    """A part [start, end) of some slots: a value, which threads may share.

    `extended` gives a new ring that holds the same memory wherever that is possible: where no
    other ring has grown into the room behind this one.
    """

    __slots__ = ("_end", "_slots", "_source", "_start", "_timeframe")

    def __init__(self, slots: Slots, start: int, end: int, timeframe: int, source: str) -> None:
        self._slots, self._start, self._end = slots, start, end
        self._timeframe, self._source = timeframe, source

    @classmethod
    def of(cls, bars: BarArrays) -> Self:
        """Return a ring with a copy of these bars."""
        return cls(Slots(bars), 0, len(bars), bars.timeframe, bars.source)

    def __len__(self) -> int:
        return self._end - self._start

    @property
    def bars(self) -> BarArrays:
        """The bars as views; nothing is copied."""
        part, slots = slice(self._start, self._end), self._slots
        opens, highs, lows, closes, volumes = slots.columns[:, part]
        return BarArrays(
            slots.times[part],
            opens,
            highs,
            lows,
            closes,
            volumes,
            self._timeframe,
            self._source,
        )

    def extended(self, more: BarArrays, *, most: int) -> "Ring":
        """Return the newest `most` bars of these and those that follow them."""
        slots, end = self._slots, self._end + len(more)
        with slots.lock:
            is_fitting = slots.used == self._end and end <= len(slots.times)
            if is_fitting:
                slots.write(more)
        source = more.source if len(more) else self._source
        if is_fitting:
            start = max(self._start, end - most)
            return Ring(slots, start, end, self._timeframe, source)
        both = joined(self.bars, more).newest(most)
        return Ring(Slots(both), 0, len(both), self._timeframe, source)
