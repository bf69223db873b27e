"""Figures over a window that moves along the days."""

import math

import numpy as np

from trading.performance.ratios import FLAT
from trading.performance.types import FigureError, Floats


def rolling_sharpe(returns: Floats, *, window: int, periods: int) -> list[float | None]:
    """Return the Sharpe ratio a year of the last `window` returns, for each return.

    None before the window is full, and where all returns in it are alike.
    """
    if window < 2:
        raise FigureError(f"a window of {window} returns has no scatter: give at least 2")
    if len(returns) < window:
        return [None] * len(returns)
    views = np.lib.stride_tricks.sliding_window_view(returns, window)
    means, spreads = views.mean(axis=1), views.std(axis=1, ddof=1)
    found = [
        float(mean / spread * math.sqrt(periods)) if spread > FLAT else None
        for mean, spread in zip(means.tolist(), spreads.tolist(), strict=True)
    ]
    return [None] * (window - 1) + found
