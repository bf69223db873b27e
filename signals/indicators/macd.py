"""Moving average convergence divergence (G. Appel)."""

from math import nan
from typing import Any, NamedTuple

from signals.indicators.hot import Floats, Hot, Streamed


class MacdLines(NamedTuple):
    """Line, signal and histogram."""

    line: Floats
    signal: Floats
    histogram: Floats


def converge(
    values: Any,
    out: Any,
    state: Any,
    fast: int,
    slow: int,
    signal: int,
    quick: float,
    lazy: float,
    third: float,
) -> None:
    """Follow the fast minus the slow average, the average of that, and their difference.

    Each average begins with the mean of its first values and moves by its weight (`quick`, `lazy`,
    `third`) of the way to every new one; a missing value leaves them as they are.

    State: the averages, values seen before all three were there.
    """
    count, first = len(values), 0
    near, far, mean, seen = state[0], state[1], state[2], int(state[3])
    all_there = max(fast, slow) + signal - 1
    while first < count and seen < all_there:
        value = values[first]
        out[first] = out[count + first] = out[2 * count + first] = nan
        if value == value:
            seen += 1
            near = near + quick * (value - near) if seen > fast else near + value
            far = far + lazy * (value - far) if seen > slow else far + value
            near = near / fast if seen == fast else near
            far = far / slow if seen == slow else far
            if seen >= fast and seen >= slow:
                line = near - far
                out[first] = line
                mean += line
                if seen == all_there:
                    mean /= signal
                    out[count + first], out[2 * count + first] = mean, line - mean
        first += 1
    for i in range(first, count):
        value = values[i]
        if value == value:
            near += quick * (value - near)
            far += lazy * (value - far)
            line = near - far
            mean += third * (line - mean)
            out[i], out[count + i], out[2 * count + i] = line, mean, line - mean
        else:
            out[i] = out[count + i] = out[2 * count + i] = nan
    state[0], state[1], state[2], state[3] = near, far, mean, seen


CONVERGE = Hot(converge, width=3)


class Macd(Streamed):
    """State of a convergence divergence; gives a table of line, signal and histogram."""

    __slots__ = ()

    def __init__(self, fast: int, slow: int, signal: int) -> None:
        weights = (2 / (bars + 1) for bars in (fast, slow, signal))
        super().__init__(CONVERGE, [0.0, 0.0, 0.0, 0.0], fast, slow, signal, *weights)


def macd(close: Floats, fast: int = 12, slow: int = 26, signal: int = 9) -> MacdLines:
    """Return the fast minus the slow average, the average of that, and their difference."""
    return MacdLines(*Macd(fast, slow, signal).push(close).T)
