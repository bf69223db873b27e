"""The stop and the target that each trade was opened with, told of what a simulation left.

A target stays; a stop may have followed the price since. The prices are made anew from the same
decision, the same bar and the same arithmetic as the kernel's.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mystic.lib.units import price_units
from trading.backtest import layout
from trading.backtest.acting import acting
from trading.backtest.assumptions import Assumptions
from trading.backtest.portfolio import Listing, Slot
from trading.backtest.prices import at_least, at_most, taken_at
from trading.backtest.results import Simulation
from trading.backtest.trades import Trades
from trading.execution.arithmetic import PARTS
from trading.risk.arithmetic import default_stop, default_take

Ints = NDArray[np.int64]


def attached(
    simulation: Simulation,
    listings: Sequence[Listing],
    slots: Sequence[Slot],
    assumptions: Assumptions,
) -> list[tuple[int, int]]:
    """Return stop and target of each trade as it was opened, price units.

    Parameters
    ----------
    simulation : Simulation
        As `simulate` gives it for the same listings, slots and assumptions.
    """
    trades = simulation.trades
    if not isinstance(trades, Trades):
        message = "the trades of a simulation are wanted: they know their orders"
        raise TypeError(message)
    if not len(trades):
        return []
    acts = [acting(one, listings[one.listing], assumptions) for one in slots]
    asked_at = _asked_at(simulation, trades)
    found = []
    for one, moment in zip(trades, asked_at.tolist(), strict=True):
        slot = slots[one.slot]
        decided = int(np.searchsorted(slot.decisions.bar_open, one.decided_at))
        own = acts[one.slot]
        act = own[int(np.searchsorted(own[:, layout.ACT_INDEX], decided))].tolist()
        found.append(_attached(listings[slot.listing], act, one.side, moment, assumptions))
    return found


def _asked_at(simulation: Simulation, trades: Trades) -> Ints:
    """Return when the order that opened each trade was approved."""
    first = trades.column(layout.T_FIRST_FILL).astype(np.intp)
    opening = simulation.fills[first, 0].astype(np.int64)
    events = simulation.orders
    approved = events[events[:, 2] == layout.APPROVE]
    order = np.argsort(approved[:, 0].astype(np.int64), kind="stable")
    place = np.searchsorted(approved[order, 0].astype(np.int64), opening)
    moments: Ints = approved[order[place], 1].astype(np.int64)
    return moments


def _attached(
    listing: Listing, act: list[int], side: int, moment: int, assumptions: Assumptions
) -> tuple[int, int]:
    stop, take = (act[layout.ACT_STOP], act[layout.ACT_TAKE]) if side > 0 else (0, 0)
    if stop and take:
        return stop, take
    price = _asked_price(listing, act[layout.ACT_PRICE], side, moment, assumptions)
    tick, limits = listing.terms.tick, assumptions.limits
    if not stop and side > 0:
        stop = default_stop(price, limits.stop_ppm, tick)
    elif not stop:
        stop = at_least(price, PARTS + limits.stop_ppm, tick)
    return stop, take or default_take(price, stop, limits.take_milli, tick)


def _asked_price(
    listing: Listing, told: int, side: int, moment: int, assumptions: Assumptions
) -> int:
    """Return the price that the order was sized at: the market's, its limit or its trigger."""
    bar = int(np.searchsorted(listing.bars.open_time, moment))
    opened = price_units(float(listing.bars.open[bar]), listing.terms.price_scale)
    tick, offset = listing.terms.tick, assumptions.entry_offset_ppm
    if assumptions.entry == "market":
        return _market(listing, bar, opened, side, assumptions)
    told = told or opened
    toward = -side if assumptions.entry == "limit" else side
    price = _moved(told, toward, offset, tick)
    if assumptions.entry == "stop_limit":
        return _moved(price, -side, -assumptions.limit_offset_ppm, tick)
    return price


def _moved(price: int, toward: int, ppm: int, tick: int) -> int:
    """Return a price some millionths up (1) or down (-1), on the tick of that side."""
    if toward > 0:
        return at_least(price, PARTS + ppm, tick)
    return at_most(price, PARTS - ppm, tick)


def _market(listing: Listing, bar: int, opened: int, side: int, assumptions: Assumptions) -> int:
    """Return what an order of no size would trade at, by the kernel's own arithmetic."""
    market = layout.DENIED
    row = [0] * (market + layout.LISTING_SIZE)
    milli = assumptions.slippage_milli
    row[layout.HALF_SPREAD] = -(-assumptions.half_spread_ppm * milli // 1_000)
    row[layout.IMPACT] = -(-assumptions.impact_ppm * milli // 1_000)
    row[market + layout.TICK] = listing.terms.tick
    volume = float(listing.bars.volume[bar]) * 10.0**listing.terms.base_scale
    row[market + layout.VOLUME] = round(volume)
    return taken_at(row, market, opened, 0, side)
