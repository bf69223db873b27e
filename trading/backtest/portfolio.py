"""What is simulated: instruments with their terms and bars, and who decides on them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signals.columns.array_series import ArrayBars
from signals.columns.bulk import DecisionArrays
from trading.execution.fees import FeeSchedule
from trading.execution.terms import Terms


@dataclass(frozen=True, slots=True)
class Funding:
    """Funding of a perpetual future: when it is paid, and the rate of the position's worth then."""

    at: NDArray[np.int64]
    rate: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument as it is traded.

    Attributes
    ----------
    bars : ArrayBars
        The bars that orders are filled on, oldest first: the finest that is stored. Prices are
        floats on the instrument's price grid.
    timeframe : int
        Seconds of these bars.
    is_always_open : bool
        False for a market with sessions: the time between two of its bars may be a closed market.
    """

    symbol: str
    terms: Terms
    fees: FeeSchedule
    bars: ArrayBars
    timeframe: int
    is_always_open: bool = True
    funding: Funding | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """One strategy on one instrument: it holds at most one position, as a deployment does.

    `listing` counts into the listings, `timeframe` is that of the decisions in seconds.
    """

    listing: int
    decisions: DecisionArrays
    timeframe: int
    label: str = ""
