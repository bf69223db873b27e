"""TA-Lib: one indicator over a whole series."""

import time
from collections.abc import Callable
from typing import Any

import talib

from benchmarks.children import answer
from benchmarks.inputs import Walk, walk

INDICATORS: dict[str, Callable[[Walk], object]] = {
    "sma": lambda bars: talib.SMA(bars.close, 20),
    "ema": lambda bars: talib.EMA(bars.close, 20),
    "rsi": lambda bars: talib.RSI(bars.close, 14),
    "atr": lambda bars: talib.ATR(bars.high, bars.low, bars.close, 14),
    "macd": lambda bars: talib.MACD(bars.close, 12, 26, 9),
    "bollinger": lambda bars: talib.BBANDS(bars.close, 20, 2.0, 2.0),
    "rolling_max": lambda bars: talib.MAX(bars.high, 20),
}


def work(name: str, bars: int) -> dict[str, Any]:
    made = walk(bars)
    began = time.process_time()
    INDICATORS[name](made)
    return {"seconds": time.process_time() - began}


if __name__ == "__main__":
    answer(work)
