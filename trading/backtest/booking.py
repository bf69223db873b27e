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
    EVENT_SIZE,
    EVENTS,
    EXIT_FILLS,
    EXIT_PRICE,
    FEES,
    FILL_SIZE,
    FILLS,
    FIRST_FILL,
    FLOW,
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
    TRADE_SIZE,
    TRADES,
    TRAILING,
    VOLUME_LEFT,
    WORST,
    X_ORDER,
    Work,
)
from trading.backtest.prices import at_least, at_most, worth_at
from trading.execution.arithmetic import PARTS, share_up, worth_down, worth_up


def tell(w: Work, order: int, now: int, event: int, reason: int) -> None:
    """Write one step of an order's life."""
    at = w.account[EVENTS] * EVENT_SIZE
    w.events[at] = order
    w.events[at + 1] = now
    w.events[at + 2] = event
    w.events[at + 3] = reason
    w.account[EVENTS] += 1


def new_order(w: Work) -> int:
    """Return the number of the next order; numbers begin with 1."""
    w.account[ORDERS] += 1
    return w.account[ORDERS]


def accepted_order(w: Work, now: int) -> int:
    """Return a new order that was approved and accepted."""
    order = new_order(w)
    tell(w, order, now, APPROVE, 0)
    tell(w, order, now, ACCEPT, 0)
    return order


def book(
    w: Work,
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
    split, grow = w.listings[m + SPLIT], w.listings[m + GROW]
    if side > 0:
        notional = worth_up(quantity, price, split, grow)
        flow = -notional
    else:
        notional = worth_down(quantity, price, split, grow)
        flow = notional
    fee = share_up(notional, w.listings[m + (MAKER if is_maker else TAKER)], PARTS)
    w.account[CASH] += flow - fee
    w.slots[s + FLOW] += flow - fee
    w.slots[s + FEES] += fee
    w.listings[m + VOLUME_LEFT] -= quantity
    at = w.account[FILLS] * FILL_SIZE
    w.fills[at] = order
    w.fills[at + 1] = w.slots[s + NUMBER]
    w.fills[at + 2] = now
    w.fills[at + 3] = side
    w.fills[at + 4] = quantity
    w.fills[at + 5] = price
    w.fills[at + 6] = notional
    w.fills[at + 7] = fee
    w.fills[at + 8] = is_maker
    w.account[FILLS] += 1


def note(w: Work, s: int, m: int, price: int) -> None:
    """Keep the lowest and highest profit so far: what it would be at this price, without fee."""
    profit = w.slots[s + FLOW] + worth_at(w, m, w.slots[s + SIDE], w.slots[s + QUANTITY], price)
    w.slots[s + WORST] = min(w.slots[s + WORST], profit)
    w.slots[s + BEST] = max(w.slots[s + BEST], profit)


def enter(
    w: Work, s: int, m: int, now: int, order: int, quantity: int, price: int, is_maker: int
) -> None:
    """Fill an entry: open the position or add to it; the newest stop and target hold."""
    side = w.slots[s + E_SIDE]
    is_new = w.slots[s + SIDE] == 0
    if is_new:
        _open(w, s, m, now, price)
    book(w, s, m, now, order, side, quantity, price, is_maker)
    w.slots[s + QUANTITY] += quantity
    w.slots[s + ENTERED] += quantity
    w.slots[s + ENTRY_FILLS] += 1
    w.slots[s + STOP] = w.slots[s + E_STOP]
    w.slots[s + TAKE] = w.slots[s + E_TAKE]
    w.slots[s + IS_TRAILED] = 0
    w.slots[s + LOW_SEEN] = price
    w.slots[s + HIGH_SEEN] = price
    if is_new:
        w.slots[s + WORST] = w.slots[s + FLOW] + worth_at(w, m, side, quantity, price)
        w.slots[s + BEST] = w.slots[s + WORST]
    else:
        note(w, s, m, price)
    trail(w, s, m, w.slots[s + BEST_PRICE])
    if w.slots[s + STOP_ORDER] == 0:
        w.slots[s + STOP_ORDER] = accepted_order(w, now)
        w.slots[s + TAKE_ORDER] = accepted_order(w, now)
        w.slots[s + TAKE_FILLED] = 0


def _open(w: Work, s: int, m: int, now: int, price: int) -> None:
    w.slots[s + SIDE] = w.slots[s + E_SIDE]
    w.slots[s + QUANTITY] = 0
    w.slots[s + BEST_PRICE] = price
    w.slots[s + CHARGED_TO] = now
    w.slots[s + ENTERED] = 0
    w.slots[s + FLOW] = 0
    w.slots[s + FEES] = 0
    w.slots[s + CARRY] = 0
    w.slots[s + OPENED_ACT] = w.slots[s + E_ACT]
    w.slots[s + OPENED_AT] = now
    w.slots[s + OPENED_ROW] = w.listings[m + ROW]
    w.slots[s + ENTRY_PRICE] = price
    w.slots[s + ENTRY_FILLS] = 0
    w.slots[s + EXIT_PRICE] = 0
    w.slots[s + EXIT_FILLS] = 0
    w.slots[s + FIRST_FILL] = w.account[FILLS]
    w.slots[s + OTHER] = 0


def trail(w: Work, s: int, m: int, price: int) -> None:
    """Draw the trailing stop after the best price; it never moves back."""
    distance = w.account[TRAILING]
    if distance == 0:
        return
    if w.slots[s + SIDE] > 0:
        w.slots[s + BEST_PRICE] = max(w.slots[s + BEST_PRICE], price)
        stop = at_most(w.slots[s + BEST_PRICE], PARTS - distance, w.listings[m + TICK])
        is_closer = stop > w.slots[s + STOP]
    else:
        w.slots[s + BEST_PRICE] = min(w.slots[s + BEST_PRICE], price)
        stop = at_least(w.slots[s + BEST_PRICE], PARTS + distance, w.listings[m + TICK])
        is_closer = stop < w.slots[s + STOP]
    if is_closer:
        w.slots[s + STOP] = stop
        w.slots[s + IS_TRAILED] = 1


def leave(
    w: Work, s: int, m: int, now: int, order: int, quantity: int, price: int, is_maker: int
) -> None:
    """Fill an exit, the whole position or a part of it."""
    note(w, s, m, price)
    book(w, s, m, now, order, -w.slots[s + SIDE], quantity, price, is_maker)
    w.slots[s + QUANTITY] -= quantity
    w.slots[s + EXIT_FILLS] += 1
    w.slots[s + EXIT_PRICE] = price
    w.slots[s + LOW_SEEN] = price
    w.slots[s + HIGH_SEEN] = price


def withdraw_brackets(w: Work, s: int, now: int, filled: int, reason: int) -> None:
    """Cancel stop and target, but for the one that was filled."""
    if w.slots[s + STOP_ORDER] != 0 and w.slots[s + STOP_ORDER] != filled:
        tell(w, w.slots[s + STOP_ORDER], now, CANCEL, reason)
    if w.slots[s + TAKE_ORDER] != 0 and w.slots[s + TAKE_ORDER] != filled:
        tell(w, w.slots[s + TAKE_ORDER], now, CANCEL, reason)
    w.slots[s + STOP_ORDER] = 0
    w.slots[s + TAKE_ORDER] = 0


def close(w: Work, s: int, m: int, now: int, order: int, bars: int) -> None:
    """End the trade whose last fill was just booked."""
    withdraw_brackets(w, s, now, order, OTHER_FILLED)
    write_trade(w, s, now, bars, w.slots[s + FLOW], w.slots[s + LEAVE])
    w.slots[s + SIDE] = 0
    w.slots[s + LEAVING] = 0
    w.slots[s + X_ORDER] = 0
    w.slots[s + INSIDE_ENTRY] = 0


def write_trade(w: Work, s: int, closed_at: int, bars: int, profit: int, leave_code: int) -> None:
    """Write the row of a trade."""
    at = w.account[TRADES] * TRADE_SIZE
    w.trades[at + T_SLOT] = w.slots[s + NUMBER]
    w.trades[at + T_SIDE] = w.slots[s + SIDE]
    w.trades[at + T_ACT] = w.slots[s + OPENED_ACT]
    w.trades[at + T_OPENED] = w.slots[s + OPENED_AT]
    w.trades[at + T_CLOSED] = closed_at
    w.trades[at + T_BARS] = bars
    w.trades[at + T_QUANTITY] = w.slots[s + ENTERED]
    w.trades[at + T_ENTRY] = w.slots[s + ENTRY_PRICE]
    w.trades[at + T_EXIT] = w.slots[s + EXIT_PRICE]
    w.trades[at + T_FEES] = w.slots[s + FEES]
    w.trades[at + T_CARRY] = w.slots[s + CARRY]
    w.trades[at + T_PROFIT] = profit
    w.trades[at + T_OTHER] = profit + w.slots[s + OTHER]
    w.trades[at + T_WORST] = w.slots[s + WORST]
    w.trades[at + T_BEST] = w.slots[s + BEST]
    w.trades[at + T_LEAVE] = leave_code
    w.trades[at + T_FIRST_FILL] = w.slots[s + FIRST_FILL]
    w.trades[at + T_LAST_FILL] = w.account[FILLS]
    w.trades[at + T_ENTRY_FILLS] = w.slots[s + ENTRY_FILLS]
    w.trades[at + T_EXIT_FILLS] = w.slots[s + EXIT_FILLS]
    w.account[TRADES] += 1
