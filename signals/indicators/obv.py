"""On-balance volume (J. Granville, 1963), begun anew with every period."""

from math import nan
from typing import Any

from signals.indicators.hot import Hot, Streamed


def balance(close: Any, volume: Any, period: Any, out: Any, state: Any) -> None:
    """Add the volume of bars that close higher than the bar before, and subtract that of lower.

    The first bar of a period counts 0; outside of periods (NaN) there is no value.

    State: the period, the last close, the total.
    """
    now, last, total = state[0], state[1], state[2]
    for i in range(len(close)):
        if period[i] != now:
            now, total = period[i], 0.0
        else:
            # 1, 0 or -1: no branch that a processor could guess wrong.
            total += ((close[i] > last) - (close[i] < last)) * volume[i]
        last = close[i]
        out[i] = total if now == now else nan
    state[0], state[1], state[2] = now, last, total


BALANCE = Hot(balance)


class Obv(Streamed):
    """State of an on-balance volume; takes close, volume and the beginning of the bar's period."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(BALANCE, (nan, nan, 0.0))
