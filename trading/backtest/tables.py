"""Lay listings, slots and assumptions out as the kernel's tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mystic.lib.units import price_units
from trading.backtest import layout
from trading.backtest.acting import Ints, acting, bars_of
from trading.backtest.assumptions import ENTRIES, Assumptions
from trading.backtest.layout import Bars
from trading.backtest.portfolio import Listing, Slot
from trading.execution.arithmetic import PARTS
from trading.execution.fees import FeeSchedule

EXACT_FLOAT = 2**50
"""Prices below this many units are told apart by a float."""
MOST_SPLIT = 10**9
MOST_QUANTITY = 9 * 10**17
RATE_PARTS = 10**9
ROWS_AT_ONCE = 4_096
"""Fills, order events and trades that there is room for at least before they are taken out."""
ROWS_AN_ACT = (2, 8, 1)
"""Of each for a decision that acts: most simulations need not take out anything before the end."""
NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Laid:
    """The tables with what is needed to read the outcome.

    Attributes
    ----------
    head : list of int
        The row that changes, `w` of the kernel, up to the decisions, as before the first bar.
    acts : int64 array, shape (n, ACT_SIZE)
        The decisions that act, of all slots one after the other; they follow.
    funding : int64 array
        Pairs of time and rate in parts of 10**9; they follow then.
    starts : tuple of int
        Where the rooms for fills, events and trades begin in the row.
    room : int
        Length of the three rooms.
    fits : bool
        True where every figure fits 63 bits, so that the compiled kernel may run.
    """

    head: list[int]
    acts: Ints
    funding: Ints
    starts: tuple[int, int, int]
    room: int
    bars: Bars
    fits: bool


def lay_out(listings: Sequence[Listing], slots: Sequence[Slot], assumptions: Assumptions) -> Laid:
    """Return the tables of a simulation before its first bar."""
    order = sorted(range(len(slots)), key=lambda number: (slots[number].listing, number))
    firsts = np.cumsum([0, *(len(one.bars.open_time) for one in listings)]).tolist()
    parts = [acting(slots[n], listings[slots[n].listing], assumptions) for n in order]
    for part, number in zip(parts, order, strict=True):
        part[:, layout.ACT_ROW] += firsts[slots[number].listing]
    acts = np.concatenate([np.zeros((0, layout.ACT_SIZE), dtype=np.int64), *parts])
    funding = _funding(listings, assumptions)
    is_exact = all(_is_exact(one) for one in listings)
    ceiling = min((_ceiling(one) for one in listings), default=0)
    head = _account(assumptions, ceiling)
    head[layout.IS_ALONE] = int(len(listings) == len(slots) == 1)
    slots_at = len(head) + len(listings) * layout.LISTING_SIZE
    acts_at = slots_at + len(slots) * layout.SLOT_SIZE
    head[layout.LISTINGS_AT], head[layout.LISTINGS_END] = len(head), slots_at
    head[layout.SLOTS_AT], head[layout.SLOTS_END] = slots_at, acts_at
    owners = [slots[number].listing for number in order]
    head += _listings(listings, assumptions, owners, firsts, slots_at, acts_at + acts.size)
    lengths = [part.size for part in parts]
    head += _slots(listings, slots, order, lengths, head[layout.LISTINGS_AT], assumptions)
    *starts, end = _rooms(head, acts_at + acts.size + funding.size, len(slots), len(acts))
    return Laid(
        head=head,
        acts=acts,
        funding=funding,
        starts=(starts[0], starts[1], starts[2]),
        room=end - starts[0],
        bars=_bars(listings, assumptions, is_exact=is_exact),
        fits=is_exact and assumptions.cash <= ceiling and _are_bounded(listings, assumptions),
    )


def _rooms(head: list[int], start: int, slots: int, acts: int) -> list[int]:
    """Say where fills, events and trades are written, and how many before they are taken out."""
    bounds = [start]
    fields = (
        (layout.FILL_AT, layout.FILL_MOST, layout.FILL_SIZE, layout.FILLS_A_STEP),
        (layout.EVENT_AT, layout.EVENT_MOST, layout.EVENT_SIZE, layout.EVENTS_A_STEP),
        (layout.TRADE_AT, layout.TRADE_MOST, layout.TRADE_SIZE, layout.TRADES_A_STEP),
    )
    for (at, most, size, a_step), an_act in zip(fields, ROWS_AN_ACT, strict=True):
        head[at] = start
        head[most] = start + max(ROWS_AT_ONCE, an_act * acts) * size
        start = head[most] + a_step * slots * size
        bounds.append(start)
    return bounds


def _account(assumptions: Assumptions, ceiling: int) -> list[int]:
    limits, milli = assumptions.limits, assumptions.slippage_milli
    account = [0] * (layout.DENIED + layout.REASON_COUNT)
    for field, value in {
        layout.CASH: assumptions.cash,
        layout.LAST_EQUITY: assumptions.cash,
        layout.CEILING: ceiling,
        layout.POSITION_PPM: limits.position_ppm,
        layout.POSITION_LARGEST: limits.max_position_notional,
        layout.POSITIONS_MOST: limits.max_open_positions,
        layout.LOSS_MOST: limits.max_daily_loss,
        layout.EXPOSURE_PPM: limits.exposure_ppm,
        layout.STOP_PPM: limits.stop_ppm,
        layout.TAKE_MILLI: limits.take_milli,
        layout.HALF_SPREAD: _stressed(assumptions.half_spread_ppm, milli),
        layout.IMPACT: _stressed(assumptions.impact_ppm, milli),
        layout.VOLUME_SHARE: assumptions.volume_share_ppm,
        layout.BAND: assumptions.market_band_ppm,
        layout.TRAILING: assumptions.trailing_ppm,
        layout.BORROW: assumptions.borrow_ppm,
        layout.ENTRY: ENTRIES.index(assumptions.entry),
        layout.OFFSET: assumptions.entry_offset_ppm,
        layout.LIMIT_OFFSET: assumptions.limit_offset_ppm,
        layout.IS_POST_ONLY: int(assumptions.is_post_only),
        layout.HAS_SHORTS: int(assumptions.direction == "long_short"),
    }.items():
        account[field] = value
    return account


def _stressed(figure: int, milli: int) -> int:
    return -(-figure * milli // 1_000)


def fees_of(listing: Listing, assumptions: Assumptions) -> FeeSchedule:
    """Return the fees that a simulation charges, stress included."""
    maker, taker = assumptions.maker_ppm, assumptions.taker_ppm
    return FeeSchedule(
        _stressed(listing.fees.maker_ppm if maker is None else maker, assumptions.fee_milli),
        _stressed(listing.fees.taker_ppm if taker is None else taker, assumptions.fee_milli),
    )


def _listings(
    listings: Sequence[Listing],
    assumptions: Assumptions,
    owners: list[int],
    firsts: list[int],
    slots_at: int,
    funding_at: int,
) -> list[int]:
    rows: list[int] = []
    for number, listing in enumerate(listings):
        row = [0] * layout.LISTING_SIZE
        terms, fees = listing.terms, fees_of(listing, assumptions)
        paid = 2 * len(listing.funding.at) if listing.funding and assumptions.has_funding else 0
        times = listing.bars.open_time
        before = sum(owner < number for owner in owners)
        for field, value in {
            layout.ROW: firsts[number],
            layout.ROW_END: firsts[number + 1],
            layout.NEXT: int(times[0]) if len(times) else layout.FOR_EVER,
            layout.SPLIT: terms.split,
            layout.GROW: terms.grow,
            layout.TICK: terms.tick,
            layout.STEP: terms.step,
            layout.SMALLEST: max(terms.step, terms.min_quantity),
            layout.MIN_NOTIONAL: terms.min_notional,
            layout.MAKER: fees.maker_ppm,
            layout.TAKER: fees.taker_ppm,
            layout.TIMEFRAME: listing.timeframe,
            layout.FACTOR: 2 * number,
            layout.SLOT_FIRST: slots_at + before * layout.SLOT_SIZE,
            layout.SLOT_END: slots_at + (before + owners.count(number)) * layout.SLOT_SIZE,
            layout.FUNDING: funding_at,
            layout.FUNDING_END: funding_at + paid,
        }.items():
            row[field] = value
        funding_at += paid
        rows += row
    return rows


def _slots(
    listings: Sequence[Listing],
    slots: Sequence[Slot],
    order: list[int],
    lengths: list[int],
    listings_at: int,
    assumptions: Assumptions,
) -> list[int]:
    rows: list[int] = []
    act = listings_at + len(listings) * layout.LISTING_SIZE + len(slots) * layout.SLOT_SIZE
    for number, length in zip(order, lengths, strict=True):
        row = [0] * layout.SLOT_SIZE
        slot = slots[number]
        row[layout.NUMBER] = number
        row[layout.LISTING] = listings_at + slot.listing * layout.LISTING_SIZE
        row[layout.ACT], row[layout.ACT_END] = act, act + length
        row[layout.LIFE] = bars_of(slot, listings[slot.listing]) * assumptions.entry_bars
        act += length
        rows += row
    return rows


def _bars(listings: Sequence[Listing], assumptions: Assumptions, *, is_exact: bool) -> Bars:
    factors = [
        one
        for listing in listings
        for one in ((10.0**listing.terms.price_scale, 0.5) if is_exact else (1, 0))
    ]
    prices = [
        _prices(listings, name) if is_exact else _exact_prices(listings, name)
        for name in ("open", "high", "low", "close")
    ]
    times = _joined([one.bars.open_time for one in listings], np.int64)
    volumes = _volumes(listings, assumptions)
    opens, highs, lows, closes = prices
    return Bars(factors, times, opens, highs, lows, closes, volumes, [], [], [], [])


def _joined(parts: list[Any], kind: Any) -> Any:
    if len(parts) == 1:
        return np.require(parts[0], kind, ["C", "W"])
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind, copy=False)


def _prices(listings: Sequence[Listing], name: str) -> Any:
    return _joined([getattr(one.bars, name) for one in listings], np.float64)


def _exact_prices(listings: Sequence[Listing], name: str) -> Any:
    return [
        price_units(price, one.terms.price_scale)
        for one in listings
        for price in getattr(one.bars, name).tolist()
    ]


def _volumes(listings: Sequence[Listing], assumptions: Assumptions) -> Any:
    """Return volumes in base units, rounded to the unit; none where nothing asks for them."""
    if assumptions.volume_share_ppm == 0 and assumptions.impact_ppm == 0:
        return np.zeros(0, dtype=np.int64)
    parts = [
        np.rint(np.minimum(one.bars.volume * 10.0**one.terms.base_scale, 2.0**62)).astype(np.int64)
        for one in listings
    ]
    return _joined(parts, np.int64)


def _funding(listings: Sequence[Listing], assumptions: Assumptions) -> Ints:
    pairs = [
        np.column_stack((one.funding.at, np.rint(one.funding.rate * RATE_PARTS))).astype(np.int64)
        for one in listings
        if one.funding is not None and assumptions.has_funding
    ]
    return np.concatenate([NONE, *(pair.ravel() for pair in pairs)])


def _is_exact(listing: Listing) -> bool:
    highs = listing.bars.high
    return not len(highs) or float(highs.max()) * 10.0**listing.terms.price_scale < EXACT_FLOAT


def _ceiling(listing: Listing) -> int:
    """Return the equity up to which no figure of the listing passes 62 bits."""
    if not len(listing.bars.high):
        return layout.FOR_EVER
    scale = 10.0**listing.terms.price_scale
    lowest = max(int(float(listing.bars.low.min()) * scale), 1)
    highest = int(float(listing.bars.high.max()) * scale)
    by_worth = layout.FOR_EVER // (32 * (highest // lowest + 1))
    grow, split = listing.terms.grow, listing.terms.split
    if listing.terms.step * highest * grow // split > by_worth:
        return 0
    by_quantity = MOST_QUANTITY * lowest * grow // split
    return int(min(by_worth, by_quantity))


def _are_bounded(listings: Sequence[Listing], assumptions: Assumptions) -> bool:
    """Say whether scales and limits are such that products of them fit."""
    limits = assumptions.limits
    figures = (limits.max_position_notional, limits.max_daily_loss)
    parts = (limits.position_ppm, limits.exposure_ppm, limits.take_milli, assumptions.impact_ppm)
    return (
        all(one.terms.split <= MOST_SPLIT and one.terms.grow <= MOST_SPLIT for one in listings)
        and all(abs(figure) <= layout.FOR_EVER for figure in figures)
        and all(0 <= part <= 8 * PARTS for part in parts)
    )
