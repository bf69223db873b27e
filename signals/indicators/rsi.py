"""Relative strength index (W. Wilder, 1978)."""

from math import nan
from typing import Any

from signals.indicators.hot import Floats, Hot, Streamed


def strength(values: Any, out: Any, state: Any, bars: int, weight: float) -> None:
    """Follow the share of the average gain in all movement, 0 to 100; NaN where nothing has moved.

    State: last value, average gain, average loss, changes seen before there were averages.
    """
    last, gain, loss, seen = state[0], state[1], state[2], int(state[3])
    for i in range(len(values)):
        value = values[i]
        change = value - last
        if change != change:
            out[i] = nan
            if value == value:
                last = value
            continue
        last = value
        up = change if change > 0.0 else 0.0
        down = -change if change < 0.0 else 0.0
        if seen >= bars:
            gain += weight * (up - gain)
            loss += weight * (down - loss)
        else:
            seen += 1
            gain += up
            loss += down
            if seen < bars:
                out[i] = nan
                continue
            gain, loss = gain / bars, loss / bars
        total = gain + loss
        out[i] = 100.0 * gain / total if total > 0.0 else nan
    state[0], state[1], state[2], state[3] = last, gain, loss, seen


STRENGTH = Hot(strength)


class Rsi(Streamed):
    """State of a relative strength index over `bars` changes."""

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        super().__init__(STRENGTH, [nan, 0.0, 0.0, 0.0], bars, 1 / bars)


def rsi(close: Floats, bars: int = 14) -> Floats:
    """Return the relative strength index, 0 to 100; the first value is at bar `bars`."""
    return Rsi(bars).push(close)
