"""The time line: every bar begins and ends, and what that means for orders and positions.

This is the specification of a backtest. It runs as it stands on lists of integers of any size, and
translated on arrays (`trading.backtest.compiled`); both give the same, which a test holds.

At one moment all bars that end there come first, the account is marked, then all bars that begin
there: first every exit, then every entry. What happens inside a bar is known when it ends, so no
other instrument can use its money before.
"""

from trading.backtest.account import begin_day, mark, withdraw_entry
from trading.backtest.booking import write_trade
from trading.backtest.carry import charge_borrow, pay_funding
from trading.backtest.entries import enter_at_open, enter_inside
from trading.backtest.exits import leave_at_open, leave_inside, leaves_first
from trading.backtest.layout import (
    ACT,
    ACT_END,
    ACT_ROW,
    ACT_SIDE,
    ACT_SIZE,
    BEGAN,
    BY_REVERSAL,
    BY_SIGNAL,
    CASH,
    DONE,
    E_ORDER,
    EVENT_AT,
    EVENT_MOST,
    FACTOR,
    FILL_AT,
    FILL_MOST,
    FLOW,
    FOR_EVER,
    FULL,
    FUNDING,
    FUNDING_END,
    HAS_SHORTS,
    HIGH,
    IS_INSIDE,
    IS_TOO_LARGE,
    LAST,
    LAST_EQUITY,
    LAST_EXPOSURE,
    LEAVING,
    LISTING,
    LISTING_SIZE,
    LISTINGS_AT,
    LISTINGS_END,
    LOW,
    NEXT,
    OPEN,
    OPENED_ROW,
    QUANTITY,
    REPLACED_BY_EXIT,
    ROW,
    ROW_END,
    SIDE,
    SLOT_END,
    SLOT_FIRST,
    SLOT_SIZE,
    SLOTS_AT,
    SLOTS_END,
    STEP,
    STEPS,
    STILL_OPEN,
    TIMEFRAME,
    TOO_LARGE,
    TRADE_AT,
    TRADE_MOST,
    VOLUME,
    VOLUME_LEFT,
    VOLUME_SHARE,
    WANTED,
    WANTED_ACT,
    X_ORDER,
    Bars,
    Ints,
)
from trading.backtest.prices import marked
from trading.backtest.quiet import is_quiet, skim
from trading.execution.arithmetic import PARTS, share


def walk(w: Ints, bars: Bars) -> int:
    """Go on from where the table stands, until the bars end or there is no room to write."""
    while has_room(w):
        if w[IS_TOO_LARGE]:
            return TOO_LARGE
        now = next_moment(w)
        if now == FOR_EVER:
            leave_open(w)
            return DONE
        if end_bars(w, bars, now):
            mark(w, now)
            step = w[STEPS]
            bars.step_times[step] = now
            bars.equity[step] = w[LAST_EQUITY]
            bars.cash[step] = w[CASH]
            bars.exposure[step] = w[LAST_EXPOSURE]
            w[STEPS] = step + 1
            if is_quiet(w):
                skim(w, bars)
        if begin_bars(w, bars, now):
            enter_all(w, now)
    return FULL


def has_room(w: Ints) -> bool:
    """Say whether a step, however much happens in it, can still be written."""
    return (
        w[EVENT_AT] <= w[EVENT_MOST] and w[FILL_AT] <= w[FILL_MOST] and w[TRADE_AT] <= w[TRADE_MOST]
    )


def next_moment(w: Ints) -> int:
    """Return when the next bar begins or ends."""
    now = FOR_EVER
    for m in range(w[LISTINGS_AT], w[LISTINGS_END], LISTING_SIZE):
        now = min(now, w[m + NEXT])
    return now


def end_bars(w: Ints, bars: Bars, now: int) -> bool:
    """End the bars that end now; tell whether there was one."""
    was_any = False
    for m in range(w[LISTINGS_AT], w[LISTINGS_END], LISTING_SIZE):
        if w[m + IS_INSIDE] and w[m + NEXT] == now:
            if not was_any:
                begin_day(w, now - 1)
            row, factor, half = (
                w[m + ROW],
                bars.factors[w[m + FACTOR]],
                bars.factors[w[m + FACTOR] + 1],
            )
            w[m + HIGH] = int(bars.highs[row] * factor + half)
            w[m + LOW] = int(bars.lows[row] * factor + half)
            end_bar(w, m, now, int(bars.closes[row] * factor + half))
            w[m + ROW] = row + 1
            w[m + IS_INSIDE] = 0
            w[m + NEXT] = bars.times[row + 1] if row + 1 < w[m + ROW_END] else FOR_EVER
            was_any = True
    return was_any


def end_bar(w: Ints, m: int, now: int, close: int) -> None:
    """Test what rests and what is open inside the bar, and take its close for the last price."""
    if w[m + FUNDING] < w[m + FUNDING_END]:
        pay_funding(w, m, now - 1)
    w[m + LAST] = close
    for s in range(w[m + SLOT_FIRST], w[m + SLOT_END], SLOT_SIZE):
        if w[s + E_ORDER] != 0 and not leaves_first(w, s, m):
            enter_inside(w, s, m, now - 1)
        if w[s + SIDE] != 0:
            if w[s + SIDE] < 0:
                charge_borrow(w, s, m, now)
            leave_inside(w, s, m, now - 1)
    if w[m + FUNDING] < w[m + FUNDING_END]:
        pay_funding(w, m, now)


def begin_bars(w: Ints, bars: Bars, now: int) -> bool:
    """Begin the bars that begin now: decisions are heard, exits trade; tell if entries wait."""
    was_any = waits = False
    for m in range(w[LISTINGS_AT], w[LISTINGS_END], LISTING_SIZE):
        w[m + BEGAN] = 0
        if not w[m + IS_INSIDE] and w[m + NEXT] == now:
            if not was_any:
                begin_day(w, now)
            row, at = w[m + ROW], w[m + FACTOR]
            if len(bars.volumes) > 0:
                begin_volume(w, m, bars.volumes[row])
            ends = now + w[m + TIMEFRAME]
            if row + 1 < w[m + ROW_END]:
                ends = min(ends, bars.times[row + 1])
            w[m + NEXT] = ends
            opened = int(bars.opens[row] * bars.factors[at] + bars.factors[at + 1])
            waits = begin_bar(w, m, now, opened) or waits
            was_any = True
    return waits


def begin_volume(w: Ints, m: int, volume: int) -> None:
    """Take the volume of a bar, and what of it may be filled."""
    allowed = share(volume, w[VOLUME_SHARE], PARTS)
    w[m + VOLUME] = volume
    w[m + VOLUME_LEFT] = allowed - allowed % w[m + STEP]


def begin_bar(w: Ints, m: int, now: int, opened: int) -> bool:
    """Open a bar and trade the exits that wait for it; tell whether an entry waits."""
    if w[m + FUNDING] < w[m + FUNDING_END]:
        pay_funding(w, m, now)
    w[m + OPEN] = opened
    w[m + LAST] = opened
    w[m + IS_INSIDE] = 1
    w[m + BEGAN] = 1
    row, waits = w[m + ROW], False
    for s in range(w[m + SLOT_FIRST], w[m + SLOT_END], SLOT_SIZE):
        while w[s + ACT] < w[s + ACT_END] and w[w[s + ACT] + ACT_ROW] <= row:
            hear(w, s, now)
        if w[s + SIDE] != 0 and (w[s + LEAVING] != 0 or w[s + X_ORDER] != 0):
            charge_borrow(w, s, m, now)
            leave_at_open(w, s, m, now)
        waits = waits or w[s + WANTED] != 0 or w[s + E_ORDER] != 0
    return waits


def enter_all(w: Ints, now: int) -> None:
    """Do what is to be done with entries, now that every exit has traded."""
    for s in range(w[SLOTS_AT], w[SLOTS_END], SLOT_SIZE):
        if w[w[s + LISTING] + BEGAN] and (w[s + WANTED] != 0 or w[s + E_ORDER] != 0):
            enter_at_open(w, s, w[s + LISTING], now)


def hear(w: Ints, s: int, now: int) -> None:
    """Take the slot's next decision for its wish; a newer one takes the older one's place."""
    act = w[s + ACT]
    w[s + ACT] = act + ACT_SIZE
    side = w[act + ACT_SIDE]
    held = w[s + SIDE]
    w[s + WANTED_ACT] = act
    if side > 0:
        w[s + WANTED] = 1
        if held < 0:
            w[s + LEAVING] = BY_REVERSAL + 1
        return
    w[s + WANTED] = -1 if w[HAS_SHORTS] else 0
    withdraw_entry(w, s, now, REPLACED_BY_EXIT)
    if held > 0:
        w[s + LEAVING] = (BY_REVERSAL if w[HAS_SHORTS] else BY_SIGNAL) + 1


def leave_open(w: Ints) -> None:
    """Write the trades that are open at the end, at what they would bring."""
    for s in range(w[SLOTS_AT], w[SLOTS_END], SLOT_SIZE):
        if w[s + SIDE] != 0:
            m = w[s + LISTING]
            worth = marked(w, m, w[s + SIDE], w[s + QUANTITY])
            bars = w[m + ROW] - w[s + OPENED_ROW]
            write_trade(w, s, -1, bars, w[s + FLOW] + worth, STILL_OPEN)
