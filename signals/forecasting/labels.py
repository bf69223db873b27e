"""What is to be forecast: the return until some bars later, and whether it is a rise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What became of each bar, of equal length.

    Attributes
    ----------
    value : float64 array
        Close then / close now - 1; NaN where it is not known yet.
    is_up : bool array
        Whether the close then is higher; an unchanged price is no rise.
    known_at : int64 array
        Close of the bar that settles it, UTC epoch seconds; 0 where it is not known yet.
    """

    value: Floats
    is_up: NDArray[np.bool_]
    known_at: Times

    @property
    def known(self) -> NDArray[np.bool_]:
        return self.known_at > 0


def labels(
    open_time: Times, close: Floats, *, timeframe: int, horizon: int, is_always_open: bool = True
) -> Labels:
    """Return what became of each bar after `horizon` bars.

    A market that never closes is asked by the clock: the newest close by then, for a minute
    without trades has no bar and the price still stands. One that closes is asked by its bars: the
    close of the `horizon`-th bar that came.

    Parameters
    ----------
    open_time : int64 array, ascending
        UTC epoch seconds.
    close : float64 array

    Returns
    -------
    Labels
    """
    count = len(open_time)
    ends = open_time + timeframe
    if is_always_open:
        known_at = ends + horizon * timeframe
        place = np.searchsorted(ends, known_at, side="right") - 1
        is_known = known_at <= (ends[-1] if count else 0)
    else:
        place = np.arange(count) + horizon
        is_known = place < count
        place = np.minimum(place, max(count - 1, 0))
        known_at = ends[place] if count else ends
    later = close[place] if count else close
    value = np.where(is_known, later / close - 1.0, np.nan)
    return Labels(value, is_known & (later > close), np.where(is_known, known_at, 0))
