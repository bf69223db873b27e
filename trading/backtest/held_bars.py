"""The bars on which a run held an instrument, against those on which it did not."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.backtest.portfolio import Listing
from trading.backtest.results import TradeRow
from trading.backtest.run import Prepared
from trading.performance.signal_bootstrap import signal_test

Floats = NDArray[np.float64]
SAMPLES = 1_000


def signal_tests(
    prepared: Prepared, trades: Sequence[TradeRow], *, seed: int
) -> list[dict[str, Any]]:
    """Return for each instrument how likely a signal that knows nothing does as well."""
    found = []
    for place, listing in enumerate(prepared.listings):
        own = [one for one in trades if prepared.slots[one.slot].listing == place]
        told = signal_test(
            open_returns(listing), positions(listing, own), seed=seed, samples=SAMPLES
        )
        found.append({"symbol": listing.symbol, **asdict(told), "sentence": told.sentence})
    return found


def open_returns(listing: Listing) -> Floats:
    """Return what the market made from each bar's open to the next one's; the last to its close."""
    ends = np.append(listing.bars.open[1:], listing.bars.close[-1])
    return np.asarray(ends / listing.bars.open - 1.0)


def positions(listing: Listing, trades: Sequence[TradeRow]) -> Floats:
    """Return the side held during each bar: from the bar of the entry to that before the exit's."""
    times = listing.bars.open_time
    change = np.zeros(len(times) + 1)
    for one in trades:
        low = int(np.searchsorted(times, one.opened_at, side="left"))
        end = int(times[-1]) + 1 if one.closed_at is None else one.closed_at
        high = max(low, int(np.searchsorted(times, end, side="left")))
        change[low] += one.side
        change[high] -= one.side
    return np.clip(np.cumsum(change[:-1]), -1.0, 1.0)
