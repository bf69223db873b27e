"""Greatest and least of a window."""

from collections.abc import Callable

import numpy as np

from signals.indicators.window import Floats, Tail


class Rolling:
    """State of a rolling extreme; `pick` is `np.maximum` or `np.minimum`."""

    def __init__(self, bars: int, pick: Callable[[Floats, Floats], Floats]) -> None:
        self._bars, self._tail, self._pick = bars, Tail(bars - 1), pick

    def push(self, values: Floats) -> Floats:
        """Take the next values and return each window's extreme, NaN where a value is missing."""
        block, bars, width = self._tail.extend(values), self._bars, 1
        while 2 * width <= bars:
            block = self._pick(block[width:], block[:-width])
            width *= 2
        rest = bars - width
        return self._pick(block[rest:], block[: len(block) - rest]) if rest else block


def rolling_max(values: Floats, bars: int) -> Floats:
    """Return the greatest of the last `bars` values at every bar."""
    return Rolling(bars, np.maximum).push(values)


def rolling_min(values: Floats, bars: int) -> Floats:
    """Return the least of the last `bars` values at every bar."""
    return Rolling(bars, np.minimum).push(values)
