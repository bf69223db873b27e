"""Write what happens: order events, fills, positions, trades; every unit of cash has its trade."""

from trading.backtest.layout import (
    ACCEPT,
    APPROVE,
    BEST,
    BEST_PRICE,
    CANCEL,
    CARRY,
    CASH,
    CHARGED_TO,
    E_ACT,
    E_SIDE,
    E_STOP,
    E_TAKE,
    ENTERED,
    ENTRY_FILLS,
    ENTRY_PRICE,
    EVENT_AT,
    EVENT_SIZE,
    EXIT_FILLS,
    EXIT_PRICE,
    FEES,
    FILL_AT,
    FILL_SIZE,
    FILLS,
    FIRST_FILL,
    FLOW,
    FOR_EVER,
    GROW,
    HIGH_SEEN,
    INSIDE_ENTRY,
    IS_TRAILED,
    LEAVE,
    LEAVING,
    LOW_SEEN,
    MAKER,
    NUMBER,
    OPENED_ACT,
    OPENED_AT,
    OPENED_ROW,
    ORDERS,
    OTHER,
    OTHER_FILLED,
    QUANTITY,
    ROW,
    SIDE,
    SPLIT,
    STOP,
    STOP_ORDER,
    T_ACT,
    T_BARS,
    T_BEST,
    T_CARRY,
    T_CLOSED,
    T_ENTRY,
    T_ENTRY_FILLS,
    T_EXIT,
    T_EXIT_FILLS,
    T_FEES,
    T_FIRST_FILL,
    T_LAST_FILL,
    T_LEAVE,
    T_OPENED,
    T_OTHER,
    T_PROFIT,
    T_QUANTITY,
    T_SIDE,
    T_SLOT,
    T_WORST,
    TAKE,
    TAKE_FILLED,
    TAKE_ORDER,
    TAKER,
    TICK,
    TRADE_AT,
    TRADE_SIZE,
    TRAILING,
    VOLUME_LEFT,
    WORST,
    X_ORDER,
    Ints,
)
from trading.backtest.prices import at_least, at_most, worth_at
from trading.execution.arithmetic import PARTS, share_up, worth_down, worth_up


def tell(w: Ints, order: int, now: int, event: int, reason: int) -> None:
    """Write one step of an order's life."""
    at = w[EVENT_AT]
    w[at] = order
    w[at + 1] = now
    w[at + 2] = event
    w[at + 3] = reason
    w[EVENT_AT] = at + EVENT_SIZE


def new_order(w: Ints) -> int:
    """Return the number of the next order; numbers begin with 1."""
    w[ORDERS] += 1
    return w[ORDERS]


def accepted_order(w: Ints, now: int) -> int:
    """Return a new order that was approved and accepted."""
    order = new_order(w)
    tell(w, order, now, APPROVE, 0)
    tell(w, order, now, ACCEPT, 0)
    return order


def book(
    w: Ints,
    s: int,
    m: int,
    now: int,
    order: int,
    side: int,
    quantity: int,
    price: int,
    is_maker: int,
) -> None:
    """Move the money of one fill and write it."""
    split, grow = w[m + SPLIT], w[m + GROW]
    if side > 0:
        notional = worth_up(quantity, price, split, grow)
        flow = -notional
    else:
        notional = worth_down(quantity, price, split, grow)
        flow = notional
    fee = share_up(notional, w[m + (MAKER if is_maker else TAKER)], PARTS)
    w[CASH] += flow - fee
    w[s + FLOW] += flow - fee
    w[s + FEES] += fee
    w[m + VOLUME_LEFT] -= quantity
    at = w[FILL_AT]
    w[at] = order
    w[at + 1] = w[s + NUMBER]
    w[at + 2] = now
    w[at + 3] = side
    w[at + 4] = quantity
    w[at + 5] = price
    w[at + 6] = notional
    w[at + 7] = fee
    w[at + 8] = is_maker
    w[FILL_AT] = at + FILL_SIZE
    w[FILLS] += 1


def note(w: Ints, s: int, m: int, price: int) -> None:
    """Keep the lowest and highest profit so far: what it would be at this price, without fee."""
    profit = w[s + FLOW] + worth_at(w, m, w[s + SIDE], w[s + QUANTITY], price)
    w[s + WORST] = min(w[s + WORST], profit)
    w[s + BEST] = max(w[s + BEST], profit)


def see(w: Ints, s: int, m: int, low: int, high: int) -> None:
    """Note the extremes of a bar where they are new."""
    if low < w[s + LOW_SEEN]:
        w[s + LOW_SEEN] = low
        note(w, s, m, low)
    if high > w[s + HIGH_SEEN]:
        w[s + HIGH_SEEN] = high
        note(w, s, m, high)


def look_again(w: Ints, s: int) -> None:
    """Note the next bar's extremes whatever they are: the same price is another profit now."""
    w[s + LOW_SEEN] = FOR_EVER
    w[s + HIGH_SEEN] = 0


def enter(
    w: Ints, s: int, m: int, now: int, order: int, quantity: int, price: int, is_maker: int
) -> None:
    """Fill an entry: open the position or add to it; the newest stop and target hold."""
    side = w[s + E_SIDE]
    is_new = w[s + SIDE] == 0
    if is_new:
        _open(w, s, m, now, price)
    book(w, s, m, now, order, side, quantity, price, is_maker)
    w[s + QUANTITY] += quantity
    w[s + ENTERED] += quantity
    w[s + ENTRY_FILLS] += 1
    w[s + STOP] = w[s + E_STOP]
    w[s + TAKE] = w[s + E_TAKE]
    w[s + IS_TRAILED] = 0
    w[s + LOW_SEEN] = price
    w[s + HIGH_SEEN] = price
    if is_new:
        w[s + WORST] = w[s + FLOW] + worth_at(w, m, side, quantity, price)
        w[s + BEST] = w[s + WORST]
    else:
        note(w, s, m, price)
    trail(w, s, m, w[s + BEST_PRICE])
    if w[s + STOP_ORDER] == 0:
        w[s + STOP_ORDER] = accepted_order(w, now)
        w[s + TAKE_ORDER] = accepted_order(w, now)
        w[s + TAKE_FILLED] = 0


def _open(w: Ints, s: int, m: int, now: int, price: int) -> None:
    w[s + SIDE] = w[s + E_SIDE]
    w[s + QUANTITY] = 0
    w[s + BEST_PRICE] = price
    w[s + CHARGED_TO] = now
    w[s + ENTERED] = 0
    w[s + FLOW] = 0
    w[s + FEES] = 0
    w[s + CARRY] = 0
    w[s + OPENED_ACT] = w[s + E_ACT]
    w[s + OPENED_AT] = now
    w[s + OPENED_ROW] = w[m + ROW]
    w[s + ENTRY_PRICE] = price
    w[s + ENTRY_FILLS] = 0
    w[s + EXIT_PRICE] = 0
    w[s + EXIT_FILLS] = 0
    w[s + FIRST_FILL] = w[FILLS]
    w[s + OTHER] = 0


def trail(w: Ints, s: int, m: int, price: int) -> None:
    """Draw the trailing stop after the best price; it never moves back."""
    distance = w[TRAILING]
    if distance == 0:
        return
    if w[s + SIDE] > 0:
        w[s + BEST_PRICE] = max(w[s + BEST_PRICE], price)
        stop = at_most(w[s + BEST_PRICE], PARTS - distance, w[m + TICK])
        is_closer = stop > w[s + STOP]
    else:
        w[s + BEST_PRICE] = min(w[s + BEST_PRICE], price)
        stop = at_least(w[s + BEST_PRICE], PARTS + distance, w[m + TICK])
        is_closer = stop < w[s + STOP]
    if is_closer:
        w[s + STOP] = stop
        w[s + IS_TRAILED] = 1


def leave(
    w: Ints, s: int, m: int, now: int, order: int, quantity: int, price: int, is_maker: int
) -> None:
    """Fill an exit, the whole position or a part of it."""
    note(w, s, m, price)
    book(w, s, m, now, order, -w[s + SIDE], quantity, price, is_maker)
    w[s + QUANTITY] -= quantity
    w[s + EXIT_FILLS] += 1
    w[s + EXIT_PRICE] = price
    look_again(w, s)


def withdraw_brackets(w: Ints, s: int, now: int, filled: int, reason: int) -> None:
    """Cancel stop and target, but for the one that was filled."""
    if w[s + STOP_ORDER] != 0 and w[s + STOP_ORDER] != filled:
        tell(w, w[s + STOP_ORDER], now, CANCEL, reason)
    if w[s + TAKE_ORDER] != 0 and w[s + TAKE_ORDER] != filled:
        tell(w, w[s + TAKE_ORDER], now, CANCEL, reason)
    w[s + STOP_ORDER] = 0
    w[s + TAKE_ORDER] = 0


def close(w: Ints, s: int, m: int, now: int, order: int, bars: int) -> None:
    """End the trade whose last fill was just booked."""
    withdraw_brackets(w, s, now, order, OTHER_FILLED)
    write_trade(w, s, now, bars, w[s + FLOW], w[s + LEAVE])
    w[s + SIDE] = 0
    w[s + LEAVING] = 0
    w[s + X_ORDER] = 0
    w[s + INSIDE_ENTRY] = 0


def write_trade(w: Ints, s: int, closed_at: int, bars: int, profit: int, leave_code: int) -> None:
    """Write the row of a trade."""
    at = w[TRADE_AT]
    w[at + T_SLOT] = w[s + NUMBER]
    w[at + T_SIDE] = w[s + SIDE]
    w[at + T_ACT] = w[s + OPENED_ACT]
    w[at + T_OPENED] = w[s + OPENED_AT]
    w[at + T_CLOSED] = closed_at
    w[at + T_BARS] = bars
    w[at + T_QUANTITY] = w[s + ENTERED]
    w[at + T_ENTRY] = w[s + ENTRY_PRICE]
    w[at + T_EXIT] = w[s + EXIT_PRICE]
    w[at + T_FEES] = w[s + FEES]
    w[at + T_CARRY] = w[s + CARRY]
    w[at + T_PROFIT] = profit
    w[at + T_OTHER] = profit + w[s + OTHER]
    w[at + T_WORST] = w[s + WORST]
    w[at + T_BEST] = w[s + BEST]
    w[at + T_LEAVE] = leave_code
    w[at + T_FIRST_FILL] = w[s + FIRST_FILL]
    w[at + T_LAST_FILL] = w[FILLS]
    w[at + T_ENTRY_FILLS] = w[s + ENTRY_FILLS]
    w[at + T_EXIT_FILLS] = w[s + EXIT_FILLS]
    w[TRADE_AT] = at + TRADE_SIZE
