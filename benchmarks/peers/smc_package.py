"""smartmoneyconcepts: swings, breaks of structure, gaps, order blocks, liquidity of one series."""

import os
import time
from typing import Any

os.environ["SMC_CREDIT"] = "0"

import pandas as pd
from smartmoneyconcepts import smc  # type: ignore[import-not-found]

from benchmarks.children import answer
from benchmarks.inputs import walk


def work(bars: int, swing: int) -> dict[str, Any]:
    made = walk(bars)
    frame = pd.DataFrame(
        {name: getattr(made, name) for name in ("open", "high", "low", "close", "volume")}
    )
    began = time.process_time()
    swings = smc.swing_highs_lows(frame, swing_length=swing)
    smc.bos_choch(frame, swings)
    smc.fvg(frame)
    smc.ob(frame, swings)
    smc.liquidity(frame, swings)
    return {"seconds": time.process_time() - began}


if __name__ == "__main__":
    answer(work)
