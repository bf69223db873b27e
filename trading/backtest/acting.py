"""Which decisions act, at which bar, and with which prices."""

import numpy as np
from numpy.typing import NDArray

from signals.columns.bulk import CODES
from signals.columns.decisions import Verdict
from trading.backtest.assumptions import Assumptions
from trading.backtest.layout import (
    ACT_INDEX,
    ACT_IS_STALE,
    ACT_PRICE,
    ACT_ROW,
    ACT_SIDE,
    ACT_SIZE,
    ACT_STOP,
    ACT_TAKE,
)
from trading.backtest.portfolio import Listing, Slot

Ints = NDArray[np.int64]
FURTHEST = 2.0**61
"""A price further away counts as this: it is never met, and it can be counted."""


def acting(slot: Slot, listing: Listing, assumptions: Assumptions) -> Ints:
    """Return a row for each decision that acts on a bar that exists; columns as `ACT_ROW` on.

    A decision is known when its own bar closes, and acts at the open of the first bar that begins
    then or later, `delay_bars` bars of the strategy after that.
    """
    verdict = slot.decisions.verdict
    enters = CODES[Verdict.ENTER_LONG]
    index = np.flatnonzero((verdict == enters) | (verdict == CODES[Verdict.EXIT]))
    known = slot.decisions.bar_open[index] + slot.timeframe
    bars = bars_of(slot, listing)
    first = _first_bars(listing.bars.open_time, known, index * bars)
    row = first + assumptions.delay_bars * bars
    acts = row < len(listing.bars.open_time)
    index, known, first, row = index[acts], known[acts], first[acts], row[acts]
    table = np.zeros((len(index), ACT_SIZE), dtype=np.int64)
    table[:, ACT_ROW] = row
    table[:, ACT_SIDE] = np.where(verdict[index] == enters, 1, -1)
    table[:, ACT_INDEX] = index
    table[:, ACT_IS_STALE] = _stale(listing, known, first, assumptions.patience_s)
    table[:, ACT_PRICE] = _units(slot.decisions.price[index], listing)
    if assumptions.stops == "strategy":
        table[:, ACT_STOP] = _units(slot.decisions.stop[index], listing)
        table[:, ACT_TAKE] = _units(slot.decisions.take[index], listing)
    return table


def bars_of(slot: Slot, listing: Listing) -> int:
    """Return how many bars of the listing one bar of the strategy is."""
    return max(slot.timeframe // listing.timeframe, 1)


def _first_bars(opens: Ints, known: Ints, apart: Ints) -> Ints:
    """Return the first bar that opens at each time or later.

    Where no bar is missing they are `apart` from each other as told, which is quickly confirmed.
    """
    if len(known) and len(opens):
        likely = np.searchsorted(opens, known[0]) + apart - apart[0]
        count = int(np.searchsorted(likely, len(opens)))
        is_late = count == len(known) or known[count] > opens[-1]
        if is_late and np.array_equal(opens[likely[:count]], known[:count]):
            return np.asarray(np.minimum(likely, len(opens)))
    return np.searchsorted(opens, known)


def _stale(listing: Listing, known: Ints, first: Ints, patience_s: int) -> NDArray[np.bool_]:
    """Say which decisions waited too long for a bar; hours of a closed market do not count."""
    if patience_s == 0 or not len(known):
        return np.zeros(len(known), dtype=np.bool_)
    opens = listing.bars.open_time
    met = opens[first]
    if not listing.is_always_open:
        before = opens[np.maximum(first - 1, 0)] + listing.timeframe
        met = np.where(first > 0, np.minimum(met, np.maximum(before, known)), known)
    return np.asarray(met - known > patience_s)


def _units(prices: NDArray[np.float64], listing: Listing) -> Ints:
    """Return a strategy's prices on the tick below, as paper does; nought where it gave none."""
    is_told = prices > 0
    tick = listing.terms.tick
    told = np.where(is_told, prices, 0.0) * 10.0**listing.terms.price_scale
    units = np.rint(np.minimum(told, FURTHEST)).astype(np.int64)
    if tick > 1:
        units -= units % tick
    return np.where(is_told, np.maximum(units, tick), 0)
