"""Heikin-Ashi open: the mean of the open and close of the averaged bar before."""

from math import nan
from typing import Any

from signals.indicators.hot import Hot, Streamed

HISTORY = 48
"""The beginning's weight halves with every bar: under 1e-14 after 48."""


def average_open(opens: Any, closes: Any, averages: Any, out: Any, state: Any) -> None:
    """Follow the averaged open; the first one is the mean of that bar's own open and close.

    `averages` are (open + high + low + close) / 4, the averaged closes.

    State: the averaged open and close of the bar before.
    """
    before, close = state[0], state[1]
    for i in range(len(opens)):
        before = (opens[i] + closes[i]) / 2 if before != before else (before + close) / 2
        close = averages[i]
        out[i] = before
    state[0], state[1] = before, close


AVERAGE_OPEN = Hot(average_open)


class AverageOpen(Streamed):
    """State of the Heikin-Ashi open."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(AVERAGE_OPEN, (nan, nan))
