"""Bollinger bands (J. Bollinger, 2001): a moving average and k population standard deviations."""

from typing import NamedTuple

from signals.indicators.hot import Floats
from signals.indicators.stdev import Moments


class BollingerBands(NamedTuple):
    """Upper band, middle, lower band."""

    upper: Floats
    middle: Floats
    lower: Floats


def bollinger(close: Floats, bars: int = 20, k: float = 2.0) -> BollingerBands:
    """Return the bands around the mean of the last `bars` closes, k not below 0."""
    middle, upper, lower = Moments(bars, k).push(close).T
    return BollingerBands(upper, middle, lower)
