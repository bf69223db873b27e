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
from trading.backtest.exits import leave_at_open, leave_inside
from trading.backtest.layout import (
    ACT,
    ACT_END,
    ACT_ROW,
    ACT_SIDE,
    ACT_SIZE,
    BEGAN,
    BY_REVERSAL,
    BY_SIGNAL,
    DONE,
    E_ORDER,
    EVENT_ROOM,
    EVENTS,
    EVENTS_A_STEP,
    FILL_ROOM,
    FILLS,
    FILLS_A_STEP,
    FLOW,
    FOR_EVER,
    FULL,
    HAS_SHORTS,
    HIGH,
    IS_INSIDE,
    IS_TOO_LARGE,
    LAST,
    LEAVING,
    LISTING,
    LISTING_SIZE,
    LISTINGS,
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
    SLOTS,
    STEP,
    STILL_OPEN,
    TIMEFRAME,
    TOO_LARGE,
    TRADE_ROOM,
    TRADES,
    TRADES_A_STEP,
    VOLUME,
    VOLUME_LEFT,
    VOLUME_SHARE,
    WANTED,
    WANTED_ACT,
    Work,
)
from trading.backtest.prices import marked
from trading.execution.arithmetic import PARTS, share


def walk(w: Work) -> int:
    """Go on from where the tables stand, until the bars end or there is no room to write."""
    while has_room(w):
        if w.account[IS_TOO_LARGE]:
            return TOO_LARGE
        now = next_moment(w)
        if now == FOR_EVER:
            leave_open(w)
            return DONE
        if end_bars(w, now):
            mark(w, now)
        begin_bars(w, now)
    return FULL


def has_room(w: Work) -> bool:
    """Say whether a step, however much happens in it, can still be written."""
    slots = w.account[SLOTS]
    return (
        w.account[EVENTS] + EVENTS_A_STEP * slots <= w.account[EVENT_ROOM]
        and w.account[FILLS] + FILLS_A_STEP * slots <= w.account[FILL_ROOM]
        and w.account[TRADES] + TRADES_A_STEP * slots <= w.account[TRADE_ROOM]
    )


def next_moment(w: Work) -> int:
    """Return when the next bar begins or ends."""
    now = FOR_EVER
    for listing in range(w.account[LISTINGS]):
        now = min(now, w.listings[listing * LISTING_SIZE + NEXT])
    return now


def price_at(w: Work, m: int, price: float) -> int:
    """Return a bar's price in price units."""
    at = m // LISTING_SIZE * 2
    return int(price * w.factors[at] + w.factors[at + 1])


def end_bars(w: Work, now: int) -> bool:
    """End the bars that end now; tell whether there was one."""
    was_any = False
    for listing in range(w.account[LISTINGS]):
        m = listing * LISTING_SIZE
        if w.listings[m + IS_INSIDE] and w.listings[m + NEXT] == now:
            if not was_any:
                begin_day(w, now - 1)
            end_bar(w, m, now)
            was_any = True
    return was_any


def end_bar(w: Work, m: int, now: int) -> None:
    """Test what rests and what is open inside the bar, and take its close for the last price."""
    row = w.listings[m + ROW]
    pay_funding(w, m, now - 1)
    w.listings[m + HIGH] = price_at(w, m, w.highs[row])
    w.listings[m + LOW] = price_at(w, m, w.lows[row])
    w.listings[m + LAST] = price_at(w, m, w.closes[row])
    for slot in range(w.listings[m + SLOT_FIRST], w.listings[m + SLOT_END]):
        s = slot * SLOT_SIZE
        charge_borrow(w, s, m, now)
        if w.slots[s + E_ORDER] != 0:
            enter_inside(w, s, m, now - 1)
        if w.slots[s + SIDE] != 0:
            leave_inside(w, s, m, now - 1)
    pay_funding(w, m, now)
    w.listings[m + ROW] = row + 1
    w.listings[m + IS_INSIDE] = 0
    w.listings[m + NEXT] = w.times[row + 1] if row + 1 < w.listings[m + ROW_END] else FOR_EVER


def begin_bars(w: Work, now: int) -> None:
    """Begin the bars that begin now: decisions are heard, exits trade, then entries."""
    was_any = False
    for listing in range(w.account[LISTINGS]):
        m = listing * LISTING_SIZE
        w.listings[m + BEGAN] = 0
        if not w.listings[m + IS_INSIDE] and w.listings[m + NEXT] == now:
            if not was_any:
                begin_day(w, now)
            begin_bar(w, m, now)
            was_any = True
    if was_any:
        for slot in range(w.account[SLOTS]):
            s = slot * SLOT_SIZE
            m = w.slots[s + LISTING] * LISTING_SIZE
            if w.listings[m + BEGAN] and (w.slots[s + WANTED] != 0 or w.slots[s + E_ORDER] != 0):
                enter_at_open(w, s, m, now)


def begin_bar(w: Work, m: int, now: int) -> None:
    """Open a bar and trade the exits that wait for it."""
    row = w.listings[m + ROW]
    pay_funding(w, m, now)
    opened = price_at(w, m, w.opens[row])
    w.listings[m + OPEN] = opened
    w.listings[m + LAST] = opened
    if len(w.volumes) > 0:
        volume = w.volumes[row]
        allowed = share(volume, w.account[VOLUME_SHARE], PARTS)
        w.listings[m + VOLUME] = volume
        w.listings[m + VOLUME_LEFT] = allowed - allowed % w.listings[m + STEP]
    ends = now + w.listings[m + TIMEFRAME]
    if row + 1 < w.listings[m + ROW_END]:
        ends = min(ends, w.times[row + 1])
    w.listings[m + NEXT] = ends
    w.listings[m + IS_INSIDE] = 1
    w.listings[m + BEGAN] = 1
    for slot in range(w.listings[m + SLOT_FIRST], w.listings[m + SLOT_END]):
        s = slot * SLOT_SIZE
        while (
            w.slots[s + ACT] < w.slots[s + ACT_END]
            and w.acts[w.slots[s + ACT] * ACT_SIZE + ACT_ROW] <= row
        ):
            hear(w, s, now)
        if w.slots[s + SIDE] != 0:
            charge_borrow(w, s, m, now)
            leave_at_open(w, s, m, now)


def hear(w: Work, s: int, now: int) -> None:
    """Take the slot's next decision for its wish; a newer one takes the older one's place."""
    act = w.slots[s + ACT]
    w.slots[s + ACT] = act + 1
    side = w.acts[act * ACT_SIZE + ACT_SIDE]
    held = w.slots[s + SIDE]
    w.slots[s + WANTED_ACT] = act
    if side > 0:
        w.slots[s + WANTED] = 1
        if held < 0:
            w.slots[s + LEAVING] = BY_REVERSAL + 1
        return
    w.slots[s + WANTED] = -1 if w.account[HAS_SHORTS] else 0
    withdraw_entry(w, s, now, REPLACED_BY_EXIT)
    if held > 0:
        w.slots[s + LEAVING] = (BY_REVERSAL if w.account[HAS_SHORTS] else BY_SIGNAL) + 1


def leave_open(w: Work) -> None:
    """Write the trades that are open at the end, at what they would bring."""
    for slot in range(w.account[SLOTS]):
        s = slot * SLOT_SIZE
        if w.slots[s + SIDE] != 0:
            m = w.slots[s + LISTING] * LISTING_SIZE
            worth = marked(w, m, w.slots[s + SIDE], w.slots[s + QUANTITY])
            bars = w.listings[m + ROW] - w.slots[s + OPENED_ROW]
            write_trade(w, s, -1, bars, w.slots[s + FLOW] + worth, STILL_OPEN)
