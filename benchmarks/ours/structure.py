"""Mystic's one pass over a series: swings, breaks of structure, zones, liquidity."""

import time
from typing import Any

from benchmarks.children import answer
from benchmarks.inputs import walk
from signals.smc import detect


def work(bars: int, swing: int) -> dict[str, Any]:
    made = walk(bars)
    began = time.process_time()
    found = detect(made, swing)
    return {"seconds": time.process_time() - began, "rows": len(found)}


if __name__ == "__main__":
    answer(work)
