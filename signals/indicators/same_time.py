"""The mean of a value at the same time of the days before."""

import numpy as np

from signals.indicators.window import Floats
from signals.indicators.zones import DAY_S


class SameTime:
    """State of a mean over the bars that opened exactly 1, 2, ... `days` days before."""

    __slots__ = ("_days", "_times", "_values")

    def __init__(self, days: int) -> None:
        self._days = days
        self._times, self._values = np.empty(0), np.empty(0)

    def push(self, time: Floats, values: Floats) -> Floats:
        """Take the next bars (`time` is their open, epoch seconds) and return the means."""
        if not len(time):
            return values
        times = np.concatenate((self._times, time))
        known = np.concatenate((self._values, values))
        total, found = np.zeros(len(time)), np.zeros(len(time))
        for day in range(1, self._days + 1):
            wanted = time - day * DAY_S
            place = np.searchsorted(times, wanted)
            is_there = times[place] == wanted
            total += np.where(is_there, known[place], 0.0)
            found += is_there
        keep = int(np.searchsorted(times, time[-1] - self._days * DAY_S))
        self._times, self._values = times[keep:], known[keep:]
        return total / np.where(found > 0, found, np.nan)
