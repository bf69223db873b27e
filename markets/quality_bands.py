"""Outlying bars: prices far outside of what their own neighbourhood makes likely; pure.

The band is Hampel's: median +/- k * 1.4826 * MAD of the closes before the bar, where 1.4826 makes
the median absolute deviation the standard deviation of a normal distribution. Source: F. R. Hampel,
"The influence curve and its role in robust estimation", JASA 69 (1974) 383-393; L. Davies and
U. Gather, "The identification of multiple outliers", JASA 88 (1993) 782-792.

A bar outside is no outlier where somebody confirms it: most of the bars that follow stay nearer to
it than to the old median, so the price moved; or a second source tells the same extreme. A bar that
lacks the bars after it is a suspect, not an outlier. Nothing here refuses a bar: what the venue
closed is stored, an outlier is flagged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
# The same bar of another source as (low, high), or None where it has none.
type SecondSource = Callable[[int], tuple[float, float] | None]

NORMAL = 1.4826


class Standing(StrEnum):
    """What is to be thought of a bar outside of its band."""

    SUSPECT = "suspect"
    CONFIRMED = "confirmed"
    OUTLIER = "outlier"


@dataclass(frozen=True, slots=True)
class Band:
    """How wide the band of one timeframe is.

    Attributes
    ----------
    window : int
        How many closes before the bar make the median.
    k : float
        How many robust standard deviations are still likely.
    floor : float
        The least half-width as a fraction of the median: a market that stood still has no spread.
    following : int
        How many bars after it are asked whether they confirm it.
    """

    window: int = 30
    k: float = 10.0
    floor: float = 0.01
    following: int = 3


BANDS = {
    1: Band(window=60, floor=0.005),
    60: Band(),
    300: Band(floor=0.015),
    900: Band(floor=0.02),
    3_600: Band(floor=0.03),
    14_400: Band(floor=0.05),
    86_400: Band(window=20, floor=0.10),
}


@dataclass(frozen=True, slots=True)
class Flag:
    """One bar outside of its band; `price` is its extreme, `low` and `high` are the band's ends."""

    open_time: int
    price: float
    low: float
    high: float
    standing: Standing


def band_of(timeframe: int) -> Band:
    """Return the band of a timeframe in seconds: its own or that of the next shorter one."""
    return BANDS[max(known for known in BANDS if known <= max(timeframe, 1))]


def flags_of(
    open_time: NDArray[np.int64],
    high: Floats,
    low: Floats,
    close: Floats,
    band: Band,
    *,
    second: SecondSource | None = None,
) -> list[Flag]:
    """Return the bars outside of their band, oldest first.

    Parameters
    ----------
    open_time, high, low, close : arrays of shape (n,)
        Sealed bars of one series, oldest first, finite and positive.
    band : Band
        What is likely.
    second : callable, optional
        Gives (low, high) of the bar of another source that opens at a time.
    """
    if len(close) <= band.window:
        return []
    middle, half = _bands(close, band)
    reach = slice(band.window, None)
    over = high[reach] > middle + half
    under = low[reach] < middle - half
    found = []
    for place in np.flatnonzero(over | under):
        at = int(place) + band.window
        level, width = float(middle[place]), float(half[place])
        price = float(high[at] if over[place] else low[at])
        standing = _standing(close[at + 1 : at + 1 + band.following], price, level, band)
        bar = second(int(open_time[at])) if second and standing is not Standing.CONFIRMED else None
        if bar is not None and (bar[1] > level + width if over[place] else bar[0] < level - width):
            standing = Standing.CONFIRMED
        found.append(Flag(int(open_time[at]), price, level - width, level + width, standing))
    return found


def _bands(close: Floats, band: Band) -> tuple[Floats, Floats]:
    """Return the median and the half-width for each bar after the first window, of shape (m,)."""
    windows = np.lib.stride_tricks.sliding_window_view(close[:-1], band.window)
    middle = np.median(windows, axis=1)
    deviation = np.median(np.abs(windows - middle[:, None]), axis=1)
    return middle, np.maximum(band.k * NORMAL * deviation, band.floor * middle)


def _standing(after: Floats, price: float, level: float, band: Band) -> Standing:
    """Ask the bars that follow: nearer to the extreme than to the old median confirms it."""
    half_way = (price + level) / 2
    confirming = int(np.count_nonzero(after > half_way if price > level else after < half_way))
    if 2 * confirming > band.following:
        return Standing.CONFIRMED
    return Standing.OUTLIER if len(after) >= band.following else Standing.SUSPECT
