"""Mystic's indicators: one over a whole series."""

import time
from collections.abc import Callable
from typing import Any

from benchmarks.children import answer
from benchmarks.inputs import Walk, walk
from signals.indicators.atr import atr
from signals.indicators.bollinger import bollinger
from signals.indicators.ema import ema
from signals.indicators.macd import macd
from signals.indicators.rolling import rolling_max
from signals.indicators.rsi import rsi
from signals.indicators.sma import sma

INDICATORS: dict[str, Callable[[Walk], object]] = {
    "sma": lambda bars: sma(bars.close, 20),
    "ema": lambda bars: ema(bars.close, 20),
    "rsi": lambda bars: rsi(bars.close, 14),
    "atr": lambda bars: atr(bars.high, bars.low, bars.close, 14),
    "macd": lambda bars: macd(bars.close, 12, 26, 9),
    "bollinger": lambda bars: bollinger(bars.close, 20, 2.0),
    "rolling_max": lambda bars: rolling_max(bars.high, 20),
}


def work(name: str, bars: int) -> dict[str, Any]:
    made = walk(bars)
    began = time.process_time()
    INDICATORS[name](made)
    return {"seconds": time.process_time() - began}


if __name__ == "__main__":
    answer(work)
