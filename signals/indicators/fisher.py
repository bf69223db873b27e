"""Fisher transform (J. Ehlers, Stocks & Commodities, November 2002)."""

from math import log, nan
from typing import Any

from signals.indicators.hot import Hot, Streamed

HISTORY = 100
"""0.67 ** 100 is under 1e-17: what was before no longer shows, not even where the logarithm is
steep."""


def transform(places: Any, out: Any, state: Any) -> None:
    """Smooth where the price lies in its window (-1 to 1), and stretch the ends.

    A missing place has no value and changes nothing.

    State: the smoothed place, the last value.
    """
    smooth, value = state[0], state[1]
    for i in range(len(places)):
        place = places[i]
        if place != place:
            out[i] = nan
            continue
        smooth = max(min(0.33 * place + 0.67 * smooth, 0.999), -0.999)
        value = 0.5 * log((1.0 + smooth) / (1.0 - smooth)) + 0.5 * value
        out[i] = value
    state[0], state[1] = smooth, value


TRANSFORM = Hot(transform)


class Fisher(Streamed):
    """State of the transform of a place between -1 (lowest) and 1 (highest)."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(TRANSFORM, (0.0, 0.0))
