"""Stochastic oscillator (G. Lane): where the close lies between the extremes of a window."""

from math import nan
from typing import Any, NamedTuple

import numpy as np

from signals.indicators.hot import Floats, Hot, Streamed, in_pieces
from signals.indicators.rolling import Rolling
from signals.indicators.sma import Sma


class StochasticLines(NamedTuple):
    """The place of the close, 0 to 100, averaged once (`k`) and once more (`d`)."""

    k: Floats
    d: Floats


def place(close: Any, low: Any, high: Any, out: Any, _state: Any) -> None:
    """Give the place of the close between low and high, 0 to 100; NaN where they are one."""
    for i in range(len(close)):
        least, reach = low[i], high[i] - low[i]
        out[i] = (close[i] - least) / (reach if reach != 0.0 else nan) * 100.0


PLACE = Hot(place)


class Stochastic:
    """State of an oscillator; gives a table of k and d."""

    __slots__ = ("_d", "_high", "_k", "_low", "_place")

    def __init__(self, bars: int, smooth: int, d: int) -> None:
        self._high, self._low = Rolling(bars, 1), Rolling(bars, -1)
        self._place = Streamed(PLACE, [0.0])
        self._k, self._d = Sma(smooth), Sma(d)

    def push(self, *inputs: Floats) -> Floats:
        """Take the next bars (high, low, close) and return their k and d."""
        high, low, close = inputs
        k = self._k.push(self._place.push(close, self._low.push(low), self._high.push(high)))
        return np.array((k, self._d.push(k))).T


def stochastic(
    high: Floats, low: Floats, close: Floats, bars: int = 14, smooth: int = 3, d: int = 3
) -> StochasticLines:
    """Return the slow stochastic: %K averaged over `smooth` bars, and the average of that."""
    return StochasticLines(*in_pieces(Stochastic(bars, smooth, d), high, low, close).T)
