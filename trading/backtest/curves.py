"""From the equity of every step to days, a benchmark, and a curve that fits a page."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signals.columns.series import Bars
from trading.backtest.portfolio import Listing
from trading.backtest.results import Simulation

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAY_S = 86_400
MOST_POINTS = 5_000


@dataclass(frozen=True, slots=True)
class Days:
    """What the account was worth at the end of each UTC day.

    Attributes
    ----------
    time : int64 array
        The end of each day, UTC epoch seconds.
    row : int64 array
        The step that tells it; that of an earlier day where none fell into this one.
    """

    time: Ints
    row: Ints


def days_of(times: Ints, *, is_every_day: bool) -> Days:
    """Return the last step of each UTC day.

    Parameters
    ----------
    is_every_day : bool
        Days without a step count too, as the day before; else they are left out.
    """
    if not len(times):
        return Days(np.empty(0, np.int64), np.empty(0, np.int64))
    # A step that closes at midnight belongs to the day that ends there.
    day = (times - 1) // DAY_S
    last = np.flatnonzero(np.append(day[1:] != day[:-1], True))
    if not is_every_day:
        return Days((day[last] + 1) * DAY_S, last)
    every = np.arange(day[0], day[-1] + 1)
    return Days((every + 1) * DAY_S, last[np.searchsorted(day[last], every, side="right") - 1])


def held(listings: Sequence[Listing], times: Ints, cash: int) -> Floats:
    """Return the worth of buying every instrument at its first open in equal parts, and holding.

    Nothing is paid for it: neither fee nor spread. An instrument whose bars begin later stays in
    cash until then.
    """
    total = np.zeros(len(times))
    for one in listings:
        total += _of_one(one.bars, one.timeframe, times)
    return total * (cash / max(1, len(listings)))


def _of_one(bars: Bars, timeframe: int, times: Ints) -> Floats:
    place = np.searchsorted(bars.open_time + timeframe, times, side="right") - 1
    grown = bars.close / bars.open[0]
    return np.where(place < 0, 1.0, grown[np.maximum(place, 0)])


def drawdowns(equity: Ints, opening: int) -> Floats:
    """Return how far each step is below the highest before it, a fraction of at most 0."""
    peak = np.maximum(np.maximum.accumulate(equity), opening)
    return np.where(peak > 0, equity / np.maximum(peak, 1) - 1.0, 0.0)


def thinned(simulation: Simulation, *, most: int = MOST_POINTS) -> Ints:
    """Return the rows that a curve keeps: of each bucket its worst, besides the first and last."""
    count = len(simulation.times)
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, most - 1).astype(np.int64)
    worst = [
        low + int(np.argmin(simulation.equity[low:high]))
        for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    ]
    return np.unique(np.array([0, *worst, count - 1], dtype=np.int64))
