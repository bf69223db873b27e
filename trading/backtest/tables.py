"""Lay listings, slots and assumptions out as the kernel's tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from mystic.lib.units import price_units
from trading.backtest import layout
from trading.backtest.acting import Ints, acting, bars_of
from trading.backtest.assumptions import ENTRIES, Assumptions
from trading.backtest.layout import (
    ACT_ROW,
    ACT_SIZE,
    EVENTS_A_STEP,
    FILLS_A_STEP,
    TRADES_A_STEP,
    Work,
)
from trading.backtest.portfolio import Listing, Slot
from trading.execution.arithmetic import PARTS
from trading.execution.fees import FeeSchedule

EXACT_FLOAT = 2**50
"""Prices below this many units are told apart by a float."""
MOST_SPLIT = 10**9
MOST_QUANTITY = 9 * 10**17
RATE_PARTS = 10**9


@dataclass(frozen=True, slots=True)
class Laid:
    """The tables with what is needed to read the outcome.

    Attributes
    ----------
    acts : int64 array, shape (n, ACT_SIZE)
        Of all slots, one after the other.
    fits : bool
        True where every figure fits 63 bits, so that the compiled kernel may run.
    """

    work: Work
    acts: Ints
    fits: bool


def lay_out(listings: Sequence[Listing], slots: Sequence[Slot], assumptions: Assumptions) -> Laid:
    """Return the tables of a simulation before its first bar."""
    order = sorted(range(len(slots)), key=lambda number: (slots[number].listing, number))
    firsts = np.cumsum([0, *(len(one.bars.open_time) for one in listings)]).tolist()
    parts = [acting(slots[n], listings[slots[n].listing], assumptions) for n in order]
    for part, number in zip(parts, order, strict=True):
        part[:, ACT_ROW] += firsts[slots[number].listing]
    acts = np.concatenate(parts) if parts else np.zeros((0, ACT_SIZE), dtype=np.int64)
    is_exact = all(_is_exact(one) for one in listings)
    ceiling = min((_ceiling(one) for one in listings), default=0)
    account = _account(assumptions, listings, slots, ceiling, len(acts))
    fits = is_exact and assumptions.cash <= ceiling and _are_bounded(listings, assumptions)
    factors = [
        one
        for listing in listings
        for one in ((10.0**listing.terms.price_scale, 0.5) if is_exact else (1, 0))
    ]
    bars = [one.bars for one in listings]
    prices = [_prices(listings, name, is_exact) for name in ("open", "high", "low", "close")]
    work = Work(
        account=account,
        listings=_listings(listings, slots, order, firsts, assumptions),
        slots=_slots(listings, slots, order, [len(part) for part in parts]),
        acts=acts.ravel(),  # type: ignore[arg-type]
        factors=factors,
        times=_joined([one.open_time for one in bars], np.int64),
        opens=prices[0],
        highs=prices[1],
        lows=prices[2],
        closes=prices[3],
        volumes=_volumes(listings, assumptions),
        funding=_funding(listings, assumptions),
        steps=[0] * 0,
        fills=[0] * 0,
        events=[0] * 0,
        trades=[0] * 0,
        denied=[0] * layout.REASON_COUNT,
    )
    return Laid(work, acts, fits)


def _account(
    assumptions: Assumptions,
    listings: Sequence[Listing],
    slots: Sequence[Slot],
    ceiling: int,
    acts: int,
) -> list[int]:
    limits, milli = assumptions.limits, assumptions.slippage_milli
    account = [0] * layout.ACCOUNT_SIZE
    at_once = len(slots)
    for field, value in {
        layout.CASH: assumptions.cash,
        layout.LAST_EQUITY: assumptions.cash,
        layout.CEILING: ceiling,
        layout.FILL_ROOM: 3 * acts + 16 * FILLS_A_STEP * at_once + 64,
        layout.EVENT_ROOM: 12 * acts + 16 * EVENTS_A_STEP * at_once + 64,
        layout.TRADE_ROOM: acts + 16 * TRADES_A_STEP * at_once + 64,
        layout.LISTINGS: len(listings),
        layout.SLOTS: len(slots),
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
    slots: Sequence[Slot],
    order: list[int],
    firsts: list[int],
    assumptions: Assumptions,
) -> list[int]:
    rows: list[int] = []
    owners = [slots[number].listing for number in order]
    funded = 0
    for number, listing in enumerate(listings):
        row = [0] * layout.LISTING_SIZE
        terms, fees = listing.terms, fees_of(listing, assumptions)
        paid = len(listing.funding.at) if listing.funding and assumptions.has_funding else 0
        times = listing.bars.open_time
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
            layout.SLOT_FIRST: sum(owner < number for owner in owners),
            layout.SLOT_END: sum(owner <= number for owner in owners),
            layout.FUNDING: funded,
            layout.FUNDING_END: funded + paid,
        }.items():
            row[field] = value
        funded += paid
        rows += row
    return rows


def _slots(
    listings: Sequence[Listing], slots: Sequence[Slot], order: list[int], counts: list[int]
) -> list[int]:
    rows: list[int] = []
    heard = 0
    for number, count in zip(order, counts, strict=True):
        row = [0] * layout.SLOT_SIZE
        slot = slots[number]
        row[layout.NUMBER] = number
        row[layout.LISTING] = slot.listing
        row[layout.ACT], row[layout.ACT_END] = heard, heard + count
        row[layout.LIFE] = bars_of(slot, listings[slot.listing])
        heard += count
        rows += row
    return rows


def _joined(parts: list[Any], kind: Any) -> Any:
    if len(parts) == 1:
        return np.require(parts[0], kind, ["C", "W"])
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind, copy=False)


def _prices(listings: Sequence[Listing], name: str, is_exact: bool) -> Any:
    columns = [getattr(one.bars, name) for one in listings]
    if is_exact:
        return _joined(columns, np.float64)
    return [
        price_units(price, one.terms.price_scale)
        for one, column in zip(listings, columns, strict=True)
        for price in column.tolist()
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


def _funding(listings: Sequence[Listing], assumptions: Assumptions) -> Any:
    pairs = [
        np.column_stack((one.funding.at, np.rint(one.funding.rate * RATE_PARTS).astype(np.int64)))
        for one in listings
        if one.funding is not None and assumptions.has_funding
    ]
    return np.concatenate(pairs).ravel() if pairs else np.zeros(0, dtype=np.int64)


def _is_exact(listing: Listing) -> bool:
    highs = listing.bars.high
    return not len(highs) or float(highs.max()) * 10.0**listing.terms.price_scale < EXACT_FLOAT


def _ceiling(listing: Listing) -> int:
    """Return the equity up to which no figure of the listing passes 62 bits."""
    if not len(listing.bars.high):
        return cast("int", layout.FOR_EVER)
    scale = 10.0**listing.terms.price_scale
    lowest = max(int(float(listing.bars.low.min()) * scale), 1)
    highest = int(float(listing.bars.high.max()) * scale)
    by_worth = layout.FOR_EVER // (32 * (highest // lowest + 1))
    by_quantity = MOST_QUANTITY * lowest * listing.terms.grow // listing.terms.split
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
