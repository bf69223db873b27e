"""Exponential moving average."""

from math import isnan, nan

import numpy as np

from signals.indicators.window import Floats


class Smoother:
    """State of `average += weight * (value - average)`, begun with the mean of `bars` values.

    A missing value leaves the average as it is and has no average itself.
    """

    def __init__(self, bars: int, weight: float) -> None:
        self._bars, self._weight = bars, weight
        self._seeds: list[float] = []
        self._average: float | None = None

    def push(self, values: Floats) -> Floats:
        """Take the next values and return their averages; NaN until there are `bars` of them."""
        return np.array([self.step(value) for value in values.tolist()], dtype=np.float64)

    def step(self, value: float) -> float:
        """Take one value and return the average."""
        if isnan(value):
            return nan
        average = self._average
        if average is not None:
            average += self._weight * (value - average)
            self._average = average
            return average
        self._seeds.append(value)
        if len(self._seeds) < self._bars:
            return nan
        self._average = sum(self._seeds) / self._bars
        self._seeds = []
        return self._average


class Ema(Smoother):
    """State of an exponential moving average with weight 2 / (bars + 1)."""

    def __init__(self, bars: int) -> None:
        super().__init__(bars, 2 / (bars + 1))


class Rma(Smoother):
    """State of Wilder's average, weight 1 / bars (New Concepts in Technical Trading, 1978)."""

    def __init__(self, bars: int) -> None:
        super().__init__(bars, 1 / bars)


def ema(values: Floats, bars: int) -> Floats:
    """Return the exponential moving average, begun with the mean of the first `bars` values."""
    return Ema(bars).push(values)
