"""Entries: judged as paper judges them, then filled at the open, inside the bar, or not at all."""

from trading.backtest.account import deny, halt, position_room, sized, stand, withdraw_entry
from trading.backtest.booking import enter, new_order, tell
from trading.backtest.carry import charge_borrow
from trading.backtest.layout import (
    ACCEPT,
    ACT_IS_STALE,
    ACT_PRICE,
    ACT_STOP,
    ACT_TAKE,
    APPROVE,
    BAND,
    BINDING,
    CASH,
    DAILY_LOSS_HALT,
    E_ACT,
    E_BOUND,
    E_LIMIT,
    E_ORDER,
    E_REST,
    E_ROOM,
    E_ROW,
    E_SIDE,
    E_STOP,
    E_TAKE,
    E_TRIGGER,
    E_TYPE,
    E_UNTIL,
    ENTRY,
    EXPIRE,
    FILL,
    FILL_PART,
    FOR_EVER,
    GROW,
    HIGH,
    IMPACT,
    INSIDE_ENTRY,
    IS_POST_ONLY,
    LIFE,
    LIMIT,
    LIMIT_OFFSET,
    LOW,
    MAKER,
    MARKET,
    NO_LIQUIDITY,
    NO_REASON,
    OFFSET,
    OPEN,
    QUANTITY,
    REJECT,
    REPLACED,
    ROW,
    SIDE,
    SPLIT,
    STALE_SIGNAL,
    STEP,
    STOP,
    STOP_LIMIT,
    STOP_MARKET,
    STOP_PPM,
    TAKE,
    TAKE_MILLI,
    TAKER,
    TICK,
    TIME_OVER,
    WANTED,
    WANTED_ACT,
    WOULD_TRADE,
    X_ORDER,
    Ints,
)
from trading.backtest.prices import at_least, at_most, fillable, taken_at
from trading.execution.arithmetic import PARTS, quantity_of, share, share_up, worth_up
from trading.risk.arithmetic import dearest, default_stop, default_take, spendable


def enter_at_open(w: Ints, s: int, m: int, now: int) -> None:
    """Do at a bar's open what is to be done with the slot's entry."""
    if w[s + E_ORDER] != 0:
        if w[s + WANTED] != 0:
            withdraw_entry(w, s, now, REPLACED)
        elif w[m + ROW] >= w[s + E_UNTIL]:
            end_entry(w, s, now, EXPIRE, TIME_OVER)
        elif w[s + E_TYPE] == MARKET:
            take_market(w, s, m, now, w[m + OPEN])
    side = w[s + WANTED]
    if side != 0 and w[s + SIDE] != -side and w[s + X_ORDER] == 0:
        w[s + WANTED] = 0
        if w[w[s + WANTED_ACT] + ACT_IS_STALE]:
            deny(w, now, STALE_SIGNAL)
        else:
            _ask(w, s, m, now, side)


def end_entry(w: Ints, s: int, now: int, event: int, reason: int) -> None:
    """End the entry at work."""
    tell(w, w[s + E_ORDER], now, event, reason)
    w[s + E_ORDER] = 0


def _ask(w: Ints, s: int, m: int, now: int, side: int) -> None:
    """Size the entry, have it judged, and place it."""
    kind = w[ENTRY]
    w[s + E_SIDE] = side
    w[s + E_TYPE] = kind
    w[s + E_LIMIT] = 0
    w[s + E_TRIGGER] = 0
    price = _asked_price(w, s, m, side, kind)
    band = w[BAND] if kind in (MARKET, STOP_MARKET) else 0
    _attach_stops(w, s, m, side, price)
    stop, take = w[s + E_STOP], w[s + E_TAKE]
    stand(w)
    quantity = sized(w, s, m, side, price, stop, take, band)
    if quantity > 0 and kind == MARKET and w[IMPACT] > 0:
        price = taken_at(w, m, w[m + OPEN], fillable(w, m, quantity), side)
        quantity = min(quantity, sized(w, s, m, side, price, stop, take, band))
    if quantity == 0:
        deny(w, now, w[BINDING])
        if w[BINDING] == DAILY_LOSS_HALT:  # it stays so, as in paper, if the price comes back
            halt(w, now)
        return
    w[s + E_ORDER] = new_order(w)
    w[s + E_REST] = quantity
    w[s + E_ACT] = w[s + WANTED_ACT]
    w[s + E_ROW] = w[m + ROW]
    _bound(w, s, m, side, price, band)
    tell(w, w[s + E_ORDER], now, APPROVE, NO_REASON)
    _place(w, s, m, now, side)


def _asked_price(w: Ints, s: int, m: int, side: int, kind: int) -> int:
    """Return the price the entry is sized at, and set its limit and trigger."""
    if kind == MARKET:
        return taken_at(w, m, w[m + OPEN], 0, side)
    told = w[w[s + WANTED_ACT] + ACT_PRICE]
    if told == 0:
        told = w[m + OPEN]
    tick, offset = w[m + TICK], w[OFFSET]
    if kind == LIMIT:
        price = at_most(told, PARTS - offset, tick)
        if side < 0:
            price = at_least(told, PARTS + offset, tick)
        w[s + E_LIMIT] = price
        return price
    price = at_least(told, PARTS + offset, tick)
    if side < 0:
        price = at_most(told, PARTS - offset, tick)
    w[s + E_TRIGGER] = price
    if kind == STOP_LIMIT:
        beyond = w[LIMIT_OFFSET]
        limit = at_most(price, PARTS + beyond, tick)
        if side < 0:
            limit = at_least(price, PARTS - beyond, tick)
        w[s + E_LIMIT] = limit
        return limit
    return price


def _attach_stops(w: Ints, s: int, m: int, side: int, price: int) -> None:
    """Take stop and target of the decision, else of the position, else of the limits."""
    act = w[s + WANTED_ACT]
    stop, take = w[act + ACT_STOP], w[act + ACT_TAKE]
    if side < 0:
        stop, take = 0, 0
    if w[s + SIDE] != 0 and stop == 0 and take == 0:
        stop, take = w[s + STOP], w[s + TAKE]
    tick, stop_ppm, take_milli = w[m + TICK], w[STOP_PPM], w[TAKE_MILLI]
    if stop == 0:
        stop = default_stop(price, stop_ppm, tick)
        if side < 0:
            stop = share_up(price, PARTS + stop_ppm, PARTS)
            stop += (-stop) % tick
    if take == 0:
        take = default_take(price, stop, take_milli, tick)
    w[s + E_STOP] = stop
    w[s + E_TAKE] = take


def _bound(w: Ints, s: int, m: int, side: int, price: int, band: int) -> None:
    """Set what the order may cost at most, each unit and altogether."""
    split, grow, quantity = w[m + SPLIT], w[m + GROW], w[s + E_REST]
    w[s + E_BOUND] = price
    if band > 0:
        w[s + E_BOUND] = share(price, PARTS + side * band, PARTS)
    dear = price
    if side > 0 and band > 0:
        dear = dearest(price, quantity, position_room(w, s, m), band, split, grow)
    w[s + E_ROOM] = worth_up(quantity, dear, split, grow)


def _place(w: Ints, s: int, m: int, now: int, side: int) -> None:
    """Let the approved entry meet the market for the first time."""
    kind, opened = w[s + E_TYPE], w[m + OPEN]
    w[s + E_UNTIL] = w[m + ROW] + w[s + LIFE]
    if kind == LIMIT:
        met = taken_at(w, m, opened, fillable(w, m, w[s + E_REST]), side)
        if (w[s + E_LIMIT] - met) * side > 0:
            if w[IS_POST_ONLY]:
                end_entry(w, s, now, REJECT, WOULD_TRADE)
                return
            tell(w, w[s + E_ORDER], now, ACCEPT, NO_REASON)
            fill_entry(w, s, m, now, met, 0)
            return
    tell(w, w[s + E_ORDER], now, ACCEPT, NO_REASON)
    if kind == MARKET:
        w[s + E_UNTIL] = FOR_EVER
        take_market(w, s, m, now, opened)


def take_market(w: Ints, s: int, m: int, now: int, base: int) -> None:
    """Fill an entry at the market as far as the bar and its bounds allow.

    A price beyond the bound, or too little money left, ends it.
    """
    side = w[s + E_SIDE]
    price = taken_at(w, m, base, fillable(w, m, w[s + E_REST]), side)
    if (price - w[s + E_BOUND]) * side > 0:
        end_entry(w, s, now, EXPIRE, NO_LIQUIDITY)
    else:
        fill_entry(w, s, m, now, price, 0)


def fill_entry(w: Ints, s: int, m: int, now: int, price: int, is_maker: int) -> int:
    """Fill what the bar and the order's money allow; return how much."""
    split, grow = w[m + SPLIT], w[m + GROW]
    possible = fillable(w, m, w[s + E_REST])
    if possible <= 0:
        return 0
    quantity, cost = possible, worth_up(possible, price, split, grow)
    fee_ppm = max(w[m + MAKER], w[m + TAKER])
    # Each part's fee is rounded up: many parts may cost more than was kept back for the whole.
    paid = w[CASH] - share_up(cost, fee_ppm, PARTS)
    if w[s + E_SIDE] > 0 and cost > min(w[s + E_ROOM], paid):
        room = min(w[s + E_ROOM], spendable(w[CASH], fee_ppm, 0))
        quantity = quantity_of(room, price, split, grow, w[m + STEP])
        cost = worth_up(quantity, price, split, grow)
    if quantity <= 0:
        end_entry(w, s, now, EXPIRE, NO_LIQUIDITY)
        return 0
    order = w[s + E_ORDER]
    w[s + E_REST] -= quantity
    w[s + E_ROOM] -= cost
    is_whole = w[s + E_REST] == 0
    if w[s + SIDE] < 0:
        charge_borrow(w, s, m, now)  # before more is borrowed
    tell(w, order, now, FILL if is_whole else FILL_PART, NO_REASON)
    enter(w, s, m, now, order, quantity, price, is_maker)
    if is_whole:
        w[s + E_ORDER] = 0
    return quantity


def enter_inside(w: Ints, s: int, m: int, now: int) -> None:
    """Test a resting entry inside the bar: a limit wants a strict cross, a stop a touch."""
    kind, side = w[s + E_TYPE], w[s + E_SIDE]
    held, how = w[s + QUANTITY], 0
    if kind == LIMIT:
        far = w[m + LOW] if side > 0 else w[m + HIGH]
        if (w[s + E_LIMIT] - far) * side > 0:
            fill_entry(w, s, m, now, w[s + E_LIMIT], 1)
            how = 1
    elif kind in (STOP_MARKET, STOP_LIMIT):
        far = w[m + HIGH] if side > 0 else w[m + LOW]
        if (far - w[s + E_TRIGGER]) * side >= 0:
            _trigger(w, s, m, now, side)
            how = 2
    if w[s + QUANTITY] != held:
        w[s + INSIDE_ENTRY] = how


def _trigger(w: Ints, s: int, m: int, now: int, side: int) -> None:
    """Turn a stop that was touched into what it is for: an order at the market, or a limit."""
    base = w[s + E_TRIGGER]
    if (w[m + OPEN] - base) * side > 0:
        base = w[m + OPEN]
    if w[s + E_TYPE] == STOP_MARKET:
        w[s + E_TYPE] = MARKET
        w[s + E_UNTIL] = FOR_EVER
        take_market(w, s, m, now, base)
        return
    price = taken_at(w, m, base, fillable(w, m, w[s + E_REST]), side)
    w[s + E_TYPE] = LIMIT
    if (w[s + E_LIMIT] - price) * side >= 0:
        fill_entry(w, s, m, now, price, 0)
