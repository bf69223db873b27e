"""Inputs of the benchmarks: a seeded random walk. Benchmark input only, never market data."""

import functools
import json
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from markets.bars import BarArrays

MINUTE = 60
START = 1_700_000_040  # a full minute

type Floats = NDArray[np.float64]


class Walk(NamedTuple):
    """Bars of one series, oldest first; times are UTC epoch seconds."""

    open_time: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def walk(
    count: int,
    *,
    seed: int = 1,
    end: int | None = None,
    timeframe: int = MINUTE,
    places: int = 2,
) -> Walk:
    """Return `count` possible bars whose last one opens at `end`."""
    random = np.random.default_rng(seed)
    last = (START + count * timeframe if end is None else end) // timeframe * timeframe
    times = last - timeframe * np.arange(count - 1, -1, -1, dtype=np.int64)
    close = np.round(1000 * np.exp(np.cumsum(random.normal(0, 0.0008, count))), places)
    opened = np.concatenate(([1000.0], close[:-1]))
    spread = np.abs(random.normal(0, 0.0005, (2, count))) * close
    high = np.round(np.maximum(opened, close) + spread[0], places)
    low = np.round(np.minimum(opened, close) - spread[1], places)
    return Walk(times, opened, high, low, close, np.round(random.uniform(0.1, 50, count), 5))


def series(made: Walk, part: slice, *, source: str) -> BarArrays:
    """Return a part of a walk as the platform's arrays."""
    opens, highs = made.open[part], made.high[part]
    lows, closes = made.low[part], made.close[part]
    times, volumes = made.open_time[part], made.volume[part]
    return BarArrays(times, opens, highs, lows, closes, volumes, MINUTE, source)


def frame(stream: str, data: dict[str, Any]) -> bytes:
    """Return one frame of the combined stream, written as the venue writes it."""
    return json.dumps({"stream": stream, "data": data}, separators=(",", ":")).encode()


def price(value: float) -> str:
    return f"{value:.8f}"


def book_ticker(native: str, update: int, bid: float, ask: float, size: float) -> bytes:
    data = {
        "u": update,
        "s": native,
        "b": price(bid),
        "B": price(size),
        "a": price(ask),
        "A": price(1.54698),
    }
    return frame(f"{native.lower()}@bookTicker", data)


def trade(native: str, number: int, at_ms: int, value: float, quantity: float) -> bytes:
    data = {
        "e": "trade",
        "E": at_ms + 1,
        "s": native,
        "t": number,
        "p": price(value),
        "q": price(quantity),
        "T": at_ms,
        "m": number % 2 == 0,
        "M": True,
    }
    return frame(f"{native.lower()}@trade", data)


def kline(native: str, at_ms: int, bar: dict[str, float], *, is_closed: bool) -> bytes:
    """Return a kline frame; `bar` has t (epoch s), o, h, l, c, v."""
    opened_ms = int(bar["t"]) * 1000
    data = {
        "e": "kline",
        "E": at_ms,
        "s": native,
        "k": {
            "t": opened_ms,
            "T": opened_ms + 59_999,
            "s": native,
            "i": "1m",
            "f": 10,
            "L": 42,
            "o": price(bar["o"]),
            "c": price(bar["c"]),
            "h": price(bar["h"]),
            "l": price(bar["l"]),
            "v": price(bar["v"]),
            "n": 33,
            "x": is_closed,
            "q": price(bar["v"] * bar["c"]),
            "V": price(bar["v"] / 2),
            "Q": price(bar["v"] * bar["c"] / 2),
            "B": "0",
        },
    }
    return frame(f"{native.lower()}@kline_1m", data)


def depth(
    native: str,
    at_ms: int,
    updates: tuple[int, int],
    bids: list[tuple[float, float]],
    asks: list[tuple[float, float]],
) -> bytes:
    """Return a depth difference with the first and the last update id of `updates`."""
    data = {
        "e": "depthUpdate",
        "E": at_ms,
        "s": native,
        "U": updates[0],
        "u": updates[1],
        "b": [[price(p), price(q)] for p, q in bids],
        "a": [[price(p), price(q)] for p, q in asks],
    }
    return frame(f"{native.lower()}@depth@100ms", data)


@functools.cache
def frames(kind: str, count: int) -> list[bytes]:
    """Return `count` different frames of one kind for BTCUSDT."""
    bars = walk(count)
    made = []
    for i in range(count):
        close, volume = float(bars.close[i]), float(bars.volume[i])
        at_ms = int(bars.open_time[i]) * 1000
        if kind == "trade":
            made.append(trade("BTCUSDT", 3_735_683_259 + i, at_ms, close, volume))
        elif kind == "bookTicker":
            made.append(book_ticker("BTCUSDT", 50_093_239_212 + i, close, close + 0.01, volume))
        else:
            bar = {
                "t": int(bars.open_time[i // 30]),  # a bar is told some thirty times
                "o": float(bars.open[i]),
                "h": float(bars.high[i]),
                "l": float(bars.low[i]),
                "c": close,
                "v": volume,
            }
            made.append(kline("BTCUSDT", at_ms, bar, is_closed=False))
    return made


def contracts(count: int) -> dict[str, Any]:
    """Return option contracts around the money: seeded, the same in every process."""
    random = np.random.default_rng(1)
    spot = random.uniform(20, 500, count)
    return {
        "spot": spot,
        "strike": spot * np.exp(random.normal(0, 0.25, count)),
        "years": random.uniform(2 / 365, 2, count),
        "volatility": random.uniform(0.1, 1.0, count),
        "is_call": random.random(count) < 0.5,
        "rate": 0.04,
        "dividend_yield": 0.01,
    }
