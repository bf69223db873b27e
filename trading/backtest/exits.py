"""Exits: at the open what a decision asked for, inside the bar stop, target and trailing stop."""

from trading.backtest.account import withdraw_entry
from trading.backtest.booking import (
    accepted_order,
    close,
    leave,
    see,
    tell,
    trail,
    withdraw_brackets,
)
from trading.backtest.layout import (
    BY_STOP,
    BY_TAKE,
    BY_TRAILING,
    E_LIMIT,
    E_STOP,
    E_TYPE,
    FILL,
    FILL_PART,
    FOR_EVER,
    HIGH,
    INSIDE_ENTRY,
    IS_TRAILED,
    LAST,
    LEAVE,
    LEAVING,
    LIMIT,
    LOW,
    MAKER,
    NO_REASON,
    OPEN,
    OPENED_ROW,
    OTHER,
    OTHER_FILLED,
    QUANTITY,
    REPLACED_BY_EXIT,
    ROW,
    SIDE,
    STOP,
    STOP_ORDER,
    TAKE,
    TAKE_ORDER,
    TAKER,
    X_ORDER,
    Ints,
)
from trading.backtest.prices import fillable, taken_at, worth_at
from trading.execution.arithmetic import PARTS, share_up

BY_LIMIT, BY_TRIGGER = 1, 2


def leave_at_open(w: Ints, s: int, m: int, now: int) -> None:
    """Sell at the open what is to be left: by a decision, or the rest of an exit at work."""
    if w[s + SIDE] == 0:
        w[s + LEAVING] = 0
        return
    if w[s + X_ORDER] == 0:
        if w[s + LEAVING] == 0:
            return
        withdraw_brackets(w, s, now, 0, REPLACED_BY_EXIT)
        w[s + X_ORDER] = accepted_order(w, now)
        w[s + LEAVE] = w[s + LEAVING] - 1
    withdraw_entry(w, s, now, REPLACED_BY_EXIT)
    quantity = fillable(w, m, w[s + QUANTITY])
    if quantity > 0:
        price = taken_at(w, m, w[m + OPEN], quantity, -w[s + SIDE])
        bars = w[m + ROW] - w[s + OPENED_ROW]
        _fill_exit(w, s, m, now, w[s + X_ORDER], quantity, price, 0, bars)


def _fill_exit(
    w: Ints,
    s: int,
    m: int,
    now: int,
    order: int,
    quantity: int,
    price: int,
    is_maker: int,
    bars: int,
) -> None:
    is_whole = quantity == w[s + QUANTITY]
    tell(w, order, now, FILL if is_whole else FILL_PART, NO_REASON)
    leave(w, s, m, now, order, quantity, price, is_maker)
    if is_whole:
        close(w, s, m, now, order, bars)


def leaves_first(w: Ints, s: int, m: int) -> bool:
    """Say whether a position is left before the entry that rests beside it can be met.

    The open comes first. Then a limit is met before a stop that lies below it. A stop order above
    may be met before or after the stop: the worse is to leave, unless both stops are reached.
    """
    if w[s + SIDE] == 0 or w[s + X_ORDER] != 0:
        return False
    side, stop, opened = w[s + SIDE], w[s + STOP], w[m + OPEN]
    if (stop - opened) * side >= 0 or (opened - w[s + TAKE]) * side > 0:
        return True
    against = w[m + LOW] if side > 0 else w[m + HIGH]
    if (stop - against) * side < 0:
        return False
    if w[s + E_TYPE] == LIMIT:
        return (stop - w[s + E_LIMIT]) * side >= 0
    return (w[s + E_STOP] - against) * side < 0


def leave_inside(w: Ints, s: int, m: int, now: int) -> None:
    """Test stop, then target, inside the bar; what was left at neither raises the trailing stop."""
    if w[s + X_ORDER] == 0:
        _test_brackets(w, s, m, now)
    if w[s + SIDE] != 0:
        low, high = w[m + LOW], w[m + HIGH]
        if w[s + INSIDE_ENTRY] == BY_LIMIT:  # its best price may have been before
            low, high = (low, low) if w[s + SIDE] > 0 else (high, high)
        see(w, s, m, low, high)
        trail(w, s, m, high if w[s + SIDE] > 0 else low)
    w[s + INSIDE_ENTRY] = 0


def _test_brackets(w: Ints, s: int, m: int, now: int) -> None:
    side, opened = w[s + SIDE], w[m + OPEN]
    low, high = w[m + LOW], w[m + HIGH]
    against, along = (low, high) if side > 0 else (high, low)
    inside = w[s + INSIDE_ENTRY]
    is_stopped = (w[s + STOP] - against) * side >= 0
    # What came before a limit was filled inside the bar cannot be told from what came after.
    is_taken = (along - w[s + TAKE]) * side > 0 and inside != BY_LIMIT
    if not (is_stopped or is_taken):
        return
    is_at_open_taken = is_taken and inside == 0 and (opened - w[s + TAKE]) * side > 0
    is_at_open_stopped = inside == 0 and (w[s + STOP] - opened) * side >= 0
    if is_stopped and not is_at_open_taken:
        is_open_end = inside == BY_TRIGGER
        if (is_taken and not is_at_open_stopped) or is_open_end:
            _keep_other(w, s, m, is_taken)
        _stop_out(w, s, m, now)
    else:
        _take_profit(w, s, m, now, is_at_open_taken)
        if is_stopped and w[s + SIDE] != 0:  # what the volume at the open did not take
            _stop_out(w, s, m, now)


def _exit_price(w: Ints, s: int, m: int) -> int:
    """Return where a stop sells: at the stop, or at the open where the bar began beyond it."""
    side, base = w[s + SIDE], w[s + STOP]
    if w[s + INSIDE_ENTRY] == 0 and (base - w[m + OPEN]) * side > 0:
        base = w[m + OPEN]
    return taken_at(w, m, base, fillable(w, m, w[s + QUANTITY]), -side)


def _stop_out(w: Ints, s: int, m: int, now: int) -> None:
    order = w[s + STOP_ORDER]
    w[s + LEAVE] = BY_TRAILING if w[s + IS_TRAILED] else BY_STOP
    withdraw_entry(w, s, now, OTHER_FILLED)
    quantity = fillable(w, m, w[s + QUANTITY])
    if quantity < w[s + QUANTITY]:  # the rest is sold at the next opens
        withdraw_brackets(w, s, now, order, OTHER_FILLED)
        w[s + X_ORDER] = order
    if quantity > 0:
        bars = w[m + ROW] - w[s + OPENED_ROW] + 1
        _fill_exit(w, s, m, now, order, quantity, _exit_price(w, s, m), 0, bars)


def _take_profit(w: Ints, s: int, m: int, now: int, is_at_open: int) -> None:
    """Fill the target: at its price, or at an open that is better still after the spread."""
    side, quantity = w[s + SIDE], fillable(w, m, w[s + QUANTITY])
    if quantity <= 0:
        return
    price, is_maker = w[s + TAKE], 1
    if is_at_open:
        met = taken_at(w, m, w[m + OPEN], quantity, -side)
        if (met - price) * side > 0:
            price, is_maker = met, 0
    else:  # the bar's worst may have come before
        see(w, s, m, w[m + LOW] if side > 0 else FOR_EVER, 0 if side > 0 else w[m + HIGH])
    w[s + LEAVE] = BY_TAKE
    withdraw_entry(w, s, now, OTHER_FILLED)
    bars = w[m + ROW] - w[s + OPENED_ROW] + 1
    _fill_exit(w, s, m, now, w[s + TAKE_ORDER], quantity, price, is_maker, bars)


def _keep_other(w: Ints, s: int, m: int, is_taken: int) -> None:
    """Keep what the other reading of the bar would have brought more.

    It is the target where that was touched too; else, where a stop order entered inside the bar
    and the low may have come before it, the position held to the close.
    """
    side, quantity = w[s + SIDE], fillable(w, m, w[s + QUANTITY])
    chosen = _after_fee(w, m, side, quantity, _exit_price(w, s, m), w[m + TAKER])
    if is_taken:
        other = _after_fee(w, m, side, quantity, w[s + TAKE], w[m + MAKER])
    else:
        other = worth_at(w, m, side, quantity, w[m + LAST])
    w[s + OTHER] += other - chosen


def _after_fee(w: Ints, m: int, side: int, quantity: int, price: int, fee_ppm: int) -> int:
    worth = worth_at(w, m, side, quantity, price)
    return worth - share_up(abs(worth), fee_ppm, PARTS)
