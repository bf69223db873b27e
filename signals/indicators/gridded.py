"""Path-dependent indicators made functions of a bounded past: begun anew on a grid of time.

A stop that follows the price depends on where its calculation began, without limit. Here it begins
where a block of `GRID` bars of time begins, and its value is used in the *following* block, when it
has seen 256 to 511 bars. By then two beginnings have nearly always met: in 20 days of BTC minutes,
a year of BTC hours and a year of EUR/USD quarters of an hour every sampled value of a parabolic
stop was that of a calculation over the whole series. What the block is depends on the bar's own
time alone, so that live and backtest agree to the bit.
"""

import numpy as np

from signals.indicators.hot import Hot, Streamed
from signals.indicators.window import Floats

GRID = 256
"""Bars of time in a block."""
HISTORY = 2 * GRID - 1
"""Bars of time before the current one that are needed for the whole block before its own."""


class Gridded:
    """Two runs of one calculation, begun in turn; the older one gives the value.

    Parameters
    ----------
    hot : Hot
        Its first input names the beginning of the run that a bar belongs to: where that differs
        from `state[0]` the function begins anew.
    state : tuple of float
    bar_seconds : float
        The timeframe of the series.
    numbers : float
        Handed to the function after the state.
    """

    __slots__ = ("_runs", "_span")

    def __init__(
        self, hot: Hot, state: tuple[float, ...], bar_seconds: float, *numbers: float
    ) -> None:
        self._span = int(GRID * bar_seconds)
        self._runs = (Streamed(hot, state, *numbers), Streamed(hot, state, *numbers))

    def push(self, time: Floats, *inputs: Floats) -> Floats:
        """Take the next bars (`time` is their open, epoch seconds) and return their values."""
        block = time.astype(np.int64) // self._span
        odd = block & 1
        begun_even = self._runs[0].push((block - odd).astype(np.float64), *inputs)
        begun_odd = self._runs[1].push((block - 1 + odd).astype(np.float64), *inputs)
        return np.where(odd, begun_even, begun_odd)
