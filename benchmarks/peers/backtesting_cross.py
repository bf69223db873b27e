"""backtesting.py on a cross of two averages with a stop and a target."""

import time
from typing import Any

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy  # type: ignore[import-not-found]

from benchmarks.children import answer
from benchmarks.crossing import FAST, FEE, PLACES, SLOW, STOP, TAKE, settled
from benchmarks.inputs import walk

# It trades whole units: with so much money what is left over does not matter.
CASH = 1e12


def mean(values: Any, bars: int) -> Any:
    return pd.Series(values).rolling(bars).mean().to_numpy()


class Cross(Strategy):  # type: ignore[misc]
    def init(self) -> None:
        fast, slow = mean(self.data.Close, FAST), mean(self.data.Close, SLOW)
        above = np.where(np.isnan(slow), np.nan, fast > slow)
        before = np.concatenate(([np.nan], above[:-1]))
        self.up = self.I(lambda: (above == 1) & (before == 0), plot=False)
        self.down = self.I(lambda: (above == 0) & (before == 1), plot=False)

    def next(self) -> None:
        if self.down[-1]:
            self.position.close()
        elif self.up[-1] and not self.position:
            close = self.data.Close[-1]
            self.buy(sl=close * (1 - STOP), tp=close * (1 + TAKE))


def work(bars: int) -> dict[str, Any]:
    made = walk(bars, places=PLACES)
    frame = pd.DataFrame(
        {name.title(): getattr(made, name) for name in ("open", "high", "low", "close", "volume")},
        index=pd.to_datetime(made.open_time, unit="s"),
    )
    test = Backtest(frame, Cross, cash=CASH, commission=FEE)
    began = time.process_time()
    found = test.run()
    seconds = time.process_time() - began
    entries = settled(sorted(int(one.timestamp()) for one in found["_trades"].EntryTime), bars)
    return {"seconds": seconds, "entries": entries}


if __name__ == "__main__":
    answer(work)
