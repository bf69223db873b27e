"""What cannot be simulated is refused here, with a sentence that says what is wanted."""

from collections.abc import Sequence

import numpy as np

from trading.backtest.assumptions import DIRECTIONS, ENTRIES, STOPS, AssumptionError, Assumptions
from trading.backtest.portfolio import Listing, Slot
from trading.execution.arithmetic import PARTS

NOT_NEGATIVE = (
    "cash",
    "maker_ppm",
    "taker_ppm",
    "impact_ppm",
    "volume_share_ppm",
    "delay_bars",
    "patience_s",
    "limit_offset_ppm",
    "borrow_ppm",
    "fee_milli",
    "slippage_milli",
)
BELOW_THE_WHOLE = ("half_spread_ppm", "market_band_ppm", "entry_offset_ppm", "trailing_ppm")
CHOICES = (("entry", ENTRIES), ("stops", STOPS), ("direction", DIRECTIONS))


class BarsError(ValueError):
    """Bars or slots that cannot be traded on; the sentence says which."""


def check(listings: Sequence[Listing], slots: Sequence[Slot], assumptions: Assumptions) -> None:
    """Refuse impossible assumptions, bars and slots.

    Raises
    ------
    AssumptionError
        With the assumption's name and what it must be.
    BarsError
        With the instrument's symbol.
    """
    check_assumptions(assumptions)
    for listing in listings:
        _check_bars(listing)
    for slot in slots:
        if not 0 <= slot.listing < len(listings):
            message = f"a slot names instrument {slot.listing}; there are {len(listings)}"
            raise BarsError(message)
        _check_slot(slot, listings[slot.listing])
    if len({listing.terms.quote_scale for listing in listings}) > 1:
        message = "the instruments count money to different scales; all must be the account's"
        raise BarsError(message)


def check_assumptions(assumptions: Assumptions) -> None:
    """Refuse assumptions that cannot be.

    Raises
    ------
    AssumptionError
        With the assumption's name and what it must be.
    """
    for name, choices in CHOICES:
        value = getattr(assumptions, name)
        if value not in choices:
            message = f"{name} is {value!r}; it must be one of {', '.join(choices)}"
            raise AssumptionError(message)
    for name in NOT_NEGATIVE:
        value = getattr(assumptions, name)
        if value is not None and value < 0:
            message = f"{name} is {value}; it must not be below 0"
            raise AssumptionError(message)
    for name in BELOW_THE_WHOLE:
        value = getattr(assumptions, name)
        if not 0 <= value < PARTS:
            message = f"{name} is {value}; it must be from 0 to {PARTS - 1}"
            raise AssumptionError(message)
    if assumptions.entry_bars < 1:
        message = f"entry_bars is {assumptions.entry_bars}; it must be 1 or more"
        raise AssumptionError(message)
    if assumptions.volume_share_ppm > PARTS:
        message = f"volume_share_ppm is {assumptions.volume_share_ppm}; it must be {PARTS} at most"
        raise AssumptionError(message)


def _check_slot(slot: Slot, listing: Listing) -> None:
    opens = slot.decisions.bar_open
    if slot.timeframe < 1:
        message = f"{listing.symbol}: decisions every {slot.timeframe} s; it must be 1 s or more"
        raise BarsError(message)
    if bool((opens[1:] <= opens[:-1]).any()):
        message = f"{listing.symbol}: decisions must be in order of time, each once"
        raise BarsError(message)


def _check_bars(listing: Listing) -> None:
    bars = listing.bars
    if listing.timeframe < 1:
        message = f"{listing.symbol}: bars of {listing.timeframe} s; they must last 1 s or more"
        raise BarsError(message)
    if not len(bars.open_time):
        return
    scale, prices = 10.0**listing.terms.price_scale, (bars.open, bars.high, bars.low, bars.close)
    # Each by itself: of several figures, Python's min and max may pass over one that is missing.
    if not all(float(one.min()) * scale >= 1 and float(one.max()) < np.inf for one in prices):
        message = f"{listing.symbol}: a price is missing or not above 0; correct the stored bars"
        raise BarsError(message)
    volume = float(bars.volume.min())
    if not volume >= 0:
        message = f"{listing.symbol}: a volume is missing or below 0; correct the stored bars"
        raise BarsError(message)
    if bool((bars.high < bars.low).any()):
        message = f"{listing.symbol}: a bar's high lies below its low; correct the stored bars"
        raise BarsError(message)
    for price in (bars.open, bars.close):
        if bool(((price < bars.low) | (price > bars.high)).any()):
            message = (
                f"{listing.symbol}: a bar's open or close lies outside its low and high; "
                "correct the stored bars"
            )
            raise BarsError(message)
    if bool((bars.open_time[1:] <= bars.open_time[:-1]).any()):
        message = f"{listing.symbol}: bars must be in order of time, each once"
        raise BarsError(message)
