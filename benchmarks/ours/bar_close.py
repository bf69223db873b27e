"""The column engine at the close of a bar, bars in memory: what an evaluation alone costs."""

import gc
import time
from typing import Any

import numpy as np

from benchmarks.children import answer
from benchmarks.inputs import MINUTE, walk
from signals.columns import (
    ArrayBars,
    ArraySeries,
    Bars,
    Column,
    Cursor,
    EvaluationCache,
    InstrumentKey,
    Intent,
    Space,
    Verdict,
    enter_long,
    evaluate,
    nothing,
)
from signals.columns.engine import BLOCK, history_needed
from signals.strategies import Param, Strategy


class TwelveColumns(Strategy):
    """Twelve common columns, some of them of several steps."""

    timeframe = "1m"
    length = Param(20, low=5, high=40)

    def columns(self, x: Space) -> dict[str, Column]:
        close, macd = x.close, x.close.macd(12, 26, 9)
        average = close.ema(self.length)
        return {
            "average": average,
            "slow": close.sma(self.length * 2),
            "rsi": close.rsi(14),
            "macd": macd.line,
            "signal": macd.signal,
            "atr": x.atr(14),
            "adx": x.adx(14),
            "upper": close.bollinger(self.length, 2.0).upper,
            "stochastic": x.stochastic(14, 3, 3).k,
            "score": close.zscore(self.length),
            "above": close > average,
            "crossed": close.crossed_above(average),
        }

    def decide(self, b: Cursor) -> Intent:
        if b.crossed and b.macd > b.signal:
            return enter_long(stop=b.close - 2 * b.atr, why="crossed")
        return nothing("no cross")


def world(instruments: int, closes: int) -> tuple[ArraySeries, int]:
    """Return the bars of some instruments and the first close to decide, clear of a block's end."""
    need = max(history_needed(TwelveColumns()).values()) // MINUTE
    count = need + 2 * BLOCK + closes
    series: dict[tuple[InstrumentKey, int], Bars] = {}
    for number in range(instruments):
        made = walk(count, seed=number, end=1_700_000_040 // MINUTE * MINUTE)
        series[number, MINUTE] = ArrayBars(*made)
    opens = series[0, MINUTE].open_time
    first = int(opens[-closes - BLOCK])
    return ArraySeries(series), first


def work(instruments: int, strategies: int, closes: int) -> dict[str, Any]:
    """Close bar after bar of every instrument for every strategy; milliseconds for each close."""
    provider, first = world(instruments, closes)
    asked = [TwelveColumns(length=5 + number) for number in range(strategies)]
    cache, spent, verdicts = EvaluationCache(), [], set()
    for number in range(closes + 1):
        bar = first + number * MINUTE
        gc.collect()
        began, wall = time.process_time(), time.perf_counter()
        for strategy in asked:
            for instrument in range(instruments):
                found = evaluate(
                    strategy,
                    provider,
                    instrument=instrument,
                    from_open=bar,
                    through_open=bar,
                    cache=cache,
                )
                verdicts.add(found[0].verdict)
        spent.append((1000 * (time.process_time() - began), 1000 * (time.perf_counter() - wall)))
    if verdicts & {Verdict.WARMING_UP, Verdict.ERROR}:
        raise RuntimeError(f"the strategies did not really decide: {verdicts}")
    cold, *warm = spent
    return {
        "cold": cold[0],
        "median": float(np.median([one[0] for one in warm])),
        "worst": max(one[0] for one in warm),
        "worst_wall": max(one[1] for one in warm),
    }


if __name__ == "__main__":
    answer(work)
