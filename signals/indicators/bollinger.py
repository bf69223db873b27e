"""Bollinger bands (J. Bollinger, 2001): a moving average and k population standard deviations."""

from typing import NamedTuple

from signals.indicators.sma import sma
from signals.indicators.stdev import stdev
from signals.indicators.window import Floats


class BollingerBands(NamedTuple):
    """Upper band, middle, lower band."""

    upper: Floats
    middle: Floats
    lower: Floats


def bollinger(close: Floats, bars: int = 20, k: float = 2.0) -> BollingerBands:
    """Return the bands around the mean of the last `bars` closes."""
    middle, width = sma(close, bars), stdev(close, bars) * k
    return BollingerBands(middle + width, middle, middle - width)
