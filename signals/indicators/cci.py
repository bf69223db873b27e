"""Commodity channel index (D. Lambert, 1980)."""

from typing import Any

from signals.indicators.hot import Hot, Streamed
from signals.indicators.sma import sma
from signals.indicators.window import Floats


def window_deviation(values: Any, out: Any, state: Any, bars: int) -> None:
    """Average the distances of every full window's values from their own mean, oldest first.

    State: the place of the next value, then the last `bars` values, NaN before there are any.
    """
    place = int(state[0])
    for i in range(len(values)):
        state[1 + place] = values[i]
        place = place + 1 if place + 1 < bars else 0
        total = 0.0
        for j in range(bars):
            total += state[1 + (place + j) % bars]
        mean = total / bars
        away = 0.0
        for j in range(bars):
            away += abs(state[1 + (place + j) % bars] - mean)
        out[i] = away / bars
    state[0] = float(place)


DEVIATION = Hot(window_deviation, is_windowed=True)


class MeanDeviation(Streamed):
    """State of the mean absolute deviation of the last `bars` values from their mean."""

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        super().__init__(DEVIATION, (0.0, *([float("nan")] * bars)), bars)


def cci(high: Floats, low: Floats, close: Floats, bars: int = 20) -> Floats:
    """Return the typical price's distance from its average, in 0.015 mean deviations."""
    price = (high + low + close) / 3
    return (price - sma(price, bars)) / (MeanDeviation(bars).push(price) * 0.015)
