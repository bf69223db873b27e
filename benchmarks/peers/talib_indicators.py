"""TA-Lib: one indicator over a whole series."""

import functools
import time
from collections.abc import Callable
from typing import Any

import talib

from benchmarks.children import answer
from benchmarks.inputs import Walk, walk


def average_price(bars: Walk, length: int) -> object:
    """TA-Lib has no volume-weighted average price: two of its sums make one."""
    typical = talib.TYPPRICE(bars.high, bars.low, bars.close)
    return talib.SUM(typical * bars.volume, length) / talib.SUM(bars.volume, length)


INDICATORS: dict[str, Callable[[Walk], object]] = {
    "sma": lambda bars: talib.SMA(bars.close, 20),
    "ema": lambda bars: talib.EMA(bars.close, 20),
    "rsi": lambda bars: talib.RSI(bars.close, 14),
    "macd": lambda bars: talib.MACD(bars.close, 12, 26, 9),
    "atr": lambda bars: talib.ATR(bars.high, bars.low, bars.close, 14),
    "adx": lambda bars: [
        function(bars.high, bars.low, bars.close, 14)
        for function in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI)
    ],
    "bollinger": lambda bars: talib.BBANDS(bars.close, 20, 2.0, 2.0),
    "stochastic": lambda bars: talib.STOCH(bars.high, bars.low, bars.close, 14, 3, slowd_period=3),
    "vwap": lambda bars: average_price(bars, 20),
    "obv": lambda bars: talib.OBV(bars.close, bars.volume),
    "psar": lambda bars: talib.SAR(bars.high, bars.low, 0.02, 0.2),
}

cached_walk = functools.cache(walk)


def work(name: str, bars: int) -> dict[str, Any]:
    made = cached_walk(bars)
    began = time.process_time()
    INDICATORS[name](made)
    return {"seconds": time.process_time() - began}


if __name__ == "__main__":
    answer(work)
