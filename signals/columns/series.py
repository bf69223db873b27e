"""What the engine reads: closed bars as arrays, and who hands them over."""

from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from markets.types import TIMEFRAME_NAMES
from signals.columns.errors import BadBarsError
from signals.indicators.hot import Beside, plain_array

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
InstrumentKey = int | str
"""An instrument as the caller names it: given to `evaluate`, or the text of `x.symbol`."""


class Bars(Protocol):
    """Closed bars of one series, oldest first, without duplicates; `open_time` is epoch seconds."""

    @property
    def open_time(self) -> Times: ...
    @property
    def open(self) -> Floats: ...
    @property
    def high(self) -> Floats: ...
    @property
    def low(self) -> Floats: ...
    @property
    def close(self) -> Floats: ...
    @property
    def volume(self) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Coverage:
    """The span in which nothing is missing: every bar is stored or confirmed absent at the venue.

    Attributes
    ----------
    first_open, last_open : int
        Open times (epoch seconds) of the first and the last bar of that span, both included.
    """

    first_open: int
    last_open: int


FOREVER = 2**62
"""A moment after every other: nothing will be added any more."""


@dataclass(frozen=True, slots=True)
class Points:
    """The points of a feed in the order in which they became known.

    Attributes
    ----------
    available_at : int64 array, ascending
        When each could first be known, UTC epoch seconds.
    value : float64 array
    settled : int
        No point with an `available_at` up to this moment will ever be added.
    """

    available_at: Times
    value: Floats
    settled: int = FOREVER


class SeriesProvider(Protocol):
    """Hands closed bars to the engine; implemented on the database, or on arrays."""

    def bars(
        self, instrument: InstrumentKey, timeframe: int, start_open: int, end_open: int
    ) -> Bars:
        """Return the closed bars with `start_open <= open_time <= end_open`."""
        ...

    def coverage(self, instrument: InstrumentKey, timeframe: int) -> Coverage | None:
        """Return the newest unbroken span of the series, None where there is none."""
        ...

    def points(self, feed: str, instrument: InstrumentKey, after: int, through: int) -> Points:
        """Return the points of a feed with `after < available_at <= through`.

        The span reaches as far back as the column's `max_age`, its whole need of history. A feed
        of the whole market disregards the instrument.
        """
        ...


def first_impossible(
    opens: Any,
    open_: Any,
    high: Any,
    low: Any,
    close: Any,
    volume: Any,
    number: Any,
    timeframe: int,
) -> None:
    """Write down the number of the first bar that `check_bars` refuses.

    A pass without a branch comes first, for bars of which none is absent or impossible.
    """
    bad = 0 if len(opens) == 0 or opens[0] % timeframe == 0 else 1
    for i in range(1, len(opens)):
        bad += opens[i] - opens[i - 1] != timeframe
    for i in range(len(opens)):
        is_whole = (high[i] >= open_[i]) & (high[i] >= close[i])
        is_whole &= (low[i] <= open_[i]) & (low[i] <= close[i])
        is_whole &= (low[i] > -inf) & (high[i] < inf)
        bad += not (is_whole & (volume[i] >= 0.0) & (volume[i] < inf))
    if bad == 0:
        return
    for i in range(len(opens)):
        is_in_order = i == 0 or opens[i] > opens[i - 1]
        is_whole = high[i] >= open_[i] and high[i] >= close[i]
        is_whole = is_whole and low[i] <= open_[i] and low[i] <= close[i]
        is_finite = low[i] > -inf and high[i] < inf and 0.0 <= volume[i] < inf
        if not (is_in_order and is_whole and is_finite and opens[i] % timeframe == 0):
            number[0] = i
            return


IMPOSSIBLE = Beside(first_impossible)


def check_bars(bars: Bars, timeframe: int) -> None:
    """Refuse bars that are out of order, off the clock, not finite or impossible.

    Raises
    ------
    BadBarsError
        With the open time of the first bad one.
    """
    opens, high, low = bars.open_time, bars.high, bars.low
    fast = IMPOSSIBLE.chosen(len(opens))
    if fast is not None:
        number = np.full(1, np.nan)
        prices = (plain_array(one) for one in (bars.open, high, low, bars.close, bars.volume))
        fast(opens, *prices, number, timeframe)
        if number[0] == number[0]:
            raise _impossible(int(opens[int(number[0])]), timeframe)
        return
    body_high, body_low = np.maximum(bars.open, bars.close), np.minimum(bars.open, bars.close)
    good = (
        (high >= body_high)
        & (low <= body_low)
        & (low > -np.inf)
        & (high < np.inf)
        & (bars.volume >= 0)
        & (bars.volume < np.inf)
        & (opens % timeframe == 0)
    )
    good[1:] &= opens[1:] > opens[:-1]
    if not good.all():
        first = int(opens[int(np.argmin(good))])
        raise _impossible(first, timeframe)


def _impossible(bar_open: int, timeframe: int) -> BadBarsError:
    return BadBarsError(f"the {TIMEFRAME_NAMES[timeframe]} bar at {bar_open} is impossible")
