"""The least that the rules of `crossing` cost: a compiled loop over doubles, nothing kept."""

from typing import Any

import numba


@numba.njit(cache=True)
def _walk(  # noqa: C901  bare on purpose
    opens: Any,
    highs: Any,
    lows: Any,
    closes: Any,
    fast: int,
    slow: int,
    stop_share: float,
    take_share: float,
    fee: float,
) -> int:
    cash, quantity, stop, take, trades = 1e6, 0.0, 0.0, 0.0, 0
    sum_fast = sum_slow = 0.0
    before, wish = 0, 0
    for i in range(len(closes)):
        if wish == 1 and quantity == 0.0:
            quantity = cash / (opens[i] * (1.0 + fee))
            cash -= quantity * opens[i] * (1.0 + fee)
            trades += 1
        elif wish == -1 and quantity > 0.0:
            cash += quantity * opens[i] * (1.0 - fee)
            quantity = 0.0
        wish = 0
        if quantity > 0.0:
            price = 0.0
            if lows[i] <= stop:
                price = min(stop, opens[i])
            elif highs[i] > take:
                price = max(take, opens[i])
            if price > 0.0:
                cash += quantity * price * (1.0 - fee)
                quantity = 0.0
        sum_fast += closes[i]
        sum_slow += closes[i]
        if i >= fast:
            sum_fast -= closes[i - fast]
        if i >= slow:
            sum_slow -= closes[i - slow]
        if i >= slow - 1:
            now = 1 if sum_fast / fast > sum_slow / slow else -1
            if before == -1 and now == 1:
                wish = 1
                if quantity == 0.0:
                    stop, take = closes[i] * (1.0 - stop_share), closes[i] * (1.0 + take_share)
            elif before == 1 and now == -1:
                wish = -1
            before = now
    return trades


def walk(bars: Any, fast: int, slow: int, stop: float, take: float, fee: float) -> int:
    """Return how many trades were entered."""
    return int(_walk(bars.open, bars.high, bars.low, bars.close, fast, slow, stop, take, fee))
