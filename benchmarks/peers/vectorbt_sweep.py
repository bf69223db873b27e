"""vectorbt on two hundred pairs of averages at once."""

import itertools
import resource
import time
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt  # type: ignore[import-not-found]

from benchmarks.children import answer
from benchmarks.crossing import FEE, PLACES, STOP, SWEEP_BARS, SWEEP_FAST, SWEEP_SLOW, TAKE
from benchmarks.inputs import walk


def work(*, is_warm: bool) -> dict[str, Any]:
    made = walk(1000 if is_warm else SWEEP_BARS, places=PLACES, timeframe=300)
    frame = pd.DataFrame(
        {name: getattr(made, name) for name in ("open", "high", "low", "close")},
        index=pd.to_datetime(made.open_time, unit="s"),
    )
    began = time.process_time()
    pairs = list(itertools.product(SWEEP_FAST, SWEEP_SLOW))
    fast = vbt.MA.run(frame.close, [one for one, _ in pairs], short_name="fast")
    slow = vbt.MA.run(frame.close, [two for _, two in pairs], short_name="slow")
    # A signal of a bar's close is acted on at the next open.
    up, down = (
        made.vbt.signals.fshift(1)
        for made in (fast.ma_crossed_above(slow), fast.ma_crossed_below(slow))
    )
    found = vbt.Portfolio.from_signals(
        frame.close,
        up,
        down,
        price=frame.open,
        open=frame.open,
        high=frame.high,
        low=frame.low,
        sl_stop=STOP,
        tp_stop=TAKE,
        fees=FEE,
        freq="5min",
    )
    returns = np.asarray(found.total_return())
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "points": len(returns), "best": float(returns.max()), "mib": peak}


if __name__ == "__main__":
    answer(work)
