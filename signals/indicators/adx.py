"""Directional movement and its average (W. Wilder, 1978)."""

from math import nan
from typing import Any

from signals.indicators.hot import Floats, Hot, Streamed
from signals.indicators.warmup import rma_history


def directional(
    high: Any, low: Any, close: Any, out: Any, state: Any, bars: int, weight: float
) -> None:
    """Follow the average directional index, the plus and the minus indicator, 0 to 100.

    Begun as TA-Lib begins: the sums of the first `bars` - 1 movements, then Wilder's step; the
    first index is the mean of the first `bars` directions. Where nothing has moved there is none.

    State: last high, low, close; averages of plus, minus, range; the index; bars seen.
    """
    count = len(close)
    top, bottom, last = state[0], state[1], state[2]
    plus, minus, reach, index, seen = state[3], state[4], state[5], state[6], int(state[7])
    for i in range(count):
        rise, fall = high[i] - top, bottom - low[i]
        top, bottom = high[i], low[i]
        span = (last if last > top else top) - (last if last < bottom else bottom)
        span += last - last
        last = close[i]
        out[i] = out[count + i] = out[2 * count + i] = nan
        if span != span or rise != rise or fall != fall:
            continue
        up = rise if rise > 0.0 and rise > fall else 0.0
        down = fall if fall > 0.0 and fall > rise else 0.0
        if seen < bars - 1:
            plus, minus, reach = plus + up, minus + down, reach + span
            seen += 1
            continue
        plus += up - plus * weight
        minus += down - minus * weight
        reach += span - reach * weight
        if reach > 0.0:
            out[count + i], out[2 * count + i] = 100.0 * plus / reach, 100.0 * minus / reach
        both = plus + minus
        direction = 100.0 * abs(plus - minus) / both if both > 0.0 else nan
        if seen < 2 * bars - 1:
            seen += 1
            if direction == direction:
                index += direction * weight
        elif direction == direction:
            index += weight * (direction - index)
        if seen == 2 * bars - 1:
            out[i] = index
    state[0], state[1], state[2] = top, bottom, last
    state[3], state[4], state[5], state[6], state[7] = plus, minus, reach, index, seen


DIRECTIONAL = Hot(directional, width=3)


class Adx(Streamed):
    """State of a directional index; gives a table of ADX, +DI and -DI.

    Parameters
    ----------
    bars : int
        At least 2.
    """

    __slots__ = ()

    def __init__(self, bars: int) -> None:
        super().__init__(DIRECTIONAL, [nan, nan, nan, 0.0, 0.0, 0.0, 0.0, 0.0], bars, 1 / bars)


def adx(high: Floats, low: Floats, close: Floats, bars: int = 14) -> Floats:
    """Return the average directional index, +DI and -DI as a table of three columns.

    The indicators begin at bar `bars`, the index at bar 2 `bars` - 1.
    """
    return Adx(bars).push(high, low, close)


def adx_history(bars: int) -> int:
    """Return the bars after which the beginning of the index no longer matters: it smooths twice.

    One more, for the first bar has no movement.
    """
    return 2 * rma_history(bars) + 1
