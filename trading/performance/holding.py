"""Buying the same instruments at the start and holding them: what a strategy is compared with."""

import numpy as np

from trading.performance.types import FigureError, Floats


def buy_and_hold(closes: Floats, cash: float) -> Floats:
    """Return the value of the cash laid out in equal parts on the first day and never touched.

    No fees. The part of an instrument without a price yet waits as cash for its first one; a
    missing price later is the one before it.

    Parameters
    ----------
    closes : floats, shape (days, instruments)
        At the times of the equity; NaN where there is none.
    """
    if closes.ndim != 2 or not closes.shape[1]:
        raise FigureError(f"closes of shape {closes.shape}: give a column for each instrument")
    priced = ~np.isnan(closes)
    if bool((closes[priced] <= 0).any()):
        raise FigureError("a price of zero or less cannot be held against anything")
    rows = np.arange(len(closes))[:, np.newaxis]
    latest = np.maximum.accumulate(np.where(priced, rows, -1), axis=0)
    known = np.take_along_axis(closes, np.maximum(latest, 0), axis=0)
    first = np.take_along_axis(closes, priced.argmax(axis=0)[np.newaxis], axis=0)
    grown = np.where(latest >= 0, known / first, 1.0)
    return np.asarray(cash * grown.mean(axis=1), dtype=np.float64)
