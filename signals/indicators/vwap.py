"""Volume-weighted average price since a period began, and the deviation around it."""

from math import nan, sqrt
from typing import Any

import numpy as np

from signals.indicators.hot import Floats, Hot, Streamed
from signals.indicators.window import Total


def weigh(price: Any, volume: Any, period: Any, out: Any, state: Any) -> None:
    """Follow the weighted mean and the root of the weighted variance (West, CACM 22, 1979).

    West's update keeps all digits where the difference of two sums of squares loses half of them.
    Outside of periods (NaN) and before the period's first volume there is no value.

    State: the period, its volume, the mean, the weighted sum of squared distances.
    """
    count = len(price)
    now, total, mean, squares = state[0], state[1], state[2], state[3]
    for i in range(count):
        if period[i] != now:
            now, total, mean, squares = period[i], 0.0, 0.0, 0.0
        weight = volume[i]
        if weight > 0.0:
            total += weight
            away = price[i] - mean
            mean += away * weight / total
            squares += weight * away * (price[i] - mean)
        if now == now and total > 0.0:
            out[i] = mean
            # Rounding may leave the sum a little below 0.
            out[count + i] = sqrt(squares / total) if squares > 0.0 else 0.0
        else:
            out[i] = out[count + i] = nan
    state[0], state[1], state[2], state[3] = now, total, mean, squares


WEIGH = Hot(weigh, width=2)


class Vwap(Streamed):
    """State of an average price; takes price, volume and the beginning of the bar's period.

    Gives a table of the mean and the standard deviation.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(WEIGH, (nan, 0.0, 0.0, 0.0))


def turnover(high: Any, low: Any, close: Any, volume: Any, out: Any, _state: Any) -> None:
    """Give the typical price times the volume."""
    for i in range(len(close)):
        out[i] = (high[i] + low[i] + close[i]) / 3.0 * volume[i]


TURNOVER = Hot(turnover)


class VwapOfLast:
    """State of the average price of the last `bars` bars; takes high, low, close, volume."""

    __slots__ = ("_traded", "_turnover", "_volume")

    def __init__(self, bars: int) -> None:
        self._turnover = Streamed(TURNOVER, (0.0,))
        self._traded, self._volume = Total(bars), Total(bars)

    def push(self, *inputs: Floats) -> Floats:
        """Take the next bars and return their averages; NaN where nothing was traded."""
        traded = self._traded.push(self._turnover.push(*inputs))
        volume = self._volume.push(inputs[-1])
        volume[volume == 0] = np.nan
        traded /= volume
        return traded
