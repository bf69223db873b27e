"""How the account stands, as `trading.standing` tells it for paper, and what it may still buy."""

from trading.backtest.booking import new_order, tell
from trading.backtest.layout import (
    BALANCE,
    BINDING,
    CANCEL,
    CASH,
    CEILING,
    DAILY_LOSS_BUDGET,
    DAILY_LOSS_HALT,
    DAY_END,
    DENIED,
    DENY,
    E_BOUND,
    E_LIMIT,
    E_ORDER,
    E_REST,
    E_ROOM,
    E_STOP,
    ENTRY_PRICE,
    EQUITY,
    EXPOSURE,
    EXPOSURE_LIMIT,
    EXPOSURE_PPM,
    FREE,
    GROW,
    IS_HALTED,
    IS_TOO_LARGE,
    LAST_EQUITY,
    LAST_EXPOSURE,
    LISTING,
    LOSS_MOST,
    MAKER,
    MIN_NOTIONAL,
    NO_REASON,
    OFF_TICK,
    OPEN_POSITIONS,
    OPEN_RISK,
    OPENING,
    POSITION_LARGEST,
    POSITION_NOTIONAL,
    POSITION_PPM,
    POSITIONS,
    POSITIONS_MOST,
    QUANTITY,
    SECONDS_A_DAY,
    SIDE,
    SLOT_SIZE,
    SLOTS_AT,
    SLOTS_END,
    SMALLEST,
    SMALLEST_NOTIONAL,
    SPLIT,
    STEP,
    STOP,
    STOP_WRONG_SIDE,
    TAKE_WRONG_SIDE,
    TAKER,
    Ints,
)
from trading.backtest.prices import marked, worth_at
from trading.execution.arithmetic import PARTS, quantity_of, share_up, worth_up
from trading.risk.arithmetic import exposure_cap, loss_budget, position_cap, spendable


def stand(w: Ints) -> None:
    """Read equity, exposure, risk, open positions and free cash off positions and orders."""
    equity = free = w[CASH]
    exposure = risk = positions = 0
    for s in range(w[SLOTS_AT], w[SLOTS_END], SLOT_SIZE):
        m = w[s + LISTING]
        side, quantity = w[s + SIDE], w[s + QUANTITY]
        if side != 0:
            worth = marked(w, m, side, quantity)
            equity += worth
            exposure += abs(worth)
            stopped = worth_at(w, m, side, quantity, w[s + STOP])
            risk += max(worth - stopped, 0)
            if side < 0:  # its proceeds stay where they are, and as much again
                free += 2 * worth_at(w, m, side, quantity, w[s + ENTRY_PRICE])
        if w[s + E_ORDER] != 0:
            free -= _with_fee(w, m, w[s + E_ROOM])
            exposure += w[s + E_ROOM]
            risk += _risk_of_order(w, s, m)
        if side != 0 or w[s + E_ORDER] != 0:
            positions += 1
    w[EQUITY] = equity
    w[EXPOSURE] = exposure
    w[OPEN_RISK] = risk
    w[POSITIONS] = positions
    w[FREE] = free


def _with_fee(w: Ints, m: int, notional: int) -> int:
    return notional + share_up(notional, max(w[m + MAKER], w[m + TAKER]), PARTS)


def _risk_of_order(w: Ints, s: int, m: int) -> int:
    price = w[s + E_LIMIT] if w[s + E_LIMIT] != 0 else w[s + E_BOUND]
    distance = abs(price - w[s + E_STOP])
    return worth_up(w[s + E_REST], distance, w[m + SPLIT], w[m + GROW])


def refusal(w: Ints, s: int, side: int, price: int, stop: int, take: int) -> int:
    """Return why no entry of any size may be, in the risk engine's order, or nought."""
    if w[IS_HALTED] or w[OPENING] - w[EQUITY] >= w[LOSS_MOST]:
        return DAILY_LOSS_HALT
    is_another = w[s + SIDE] == 0 and w[s + E_ORDER] == 0
    if is_another and w[POSITIONS] >= w[POSITIONS_MOST]:
        return OPEN_POSITIONS
    if (price - stop) * side <= 0:
        return STOP_WRONG_SIDE
    if (take - price) * side <= 0:
        return TAKE_WRONG_SIDE
    return NO_REASON


def sized(w: Ints, s: int, m: int, side: int, price: int, stop: int, take: int, band: int) -> int:
    """Return the largest quantity that every limit allows; `BINDING` is the limit that binds.

    It is `trading.risk.engine.size` followed by `assess`, the account as `stand` found it. Nought
    means that the order is denied.
    """
    reason = refusal(w, s, side, price, stop, take)
    w[BINDING] = reason
    if reason != NO_REASON:
        return 0
    split, grow = w[m + SPLIT], w[m + GROW]
    quantity = affordable(w, s, m, price, band)
    room = loss_budget(w[EQUITY], w[OPENING], w[OPEN_RISK], w[LOSS_MOST])
    distance = abs(price - stop)
    if worth_up(quantity, distance, split, grow) > room:
        w[BINDING] = DAILY_LOSS_BUDGET
        quantity = quantity_of(room, distance, split, grow, w[m + STEP])
    if quantity < w[m + SMALLEST]:
        return 0
    if worth_up(quantity, price, split, grow) < w[m + MIN_NOTIONAL]:
        w[BINDING] = SMALLEST_NOTIONAL
        return 0
    if stop <= 0 or take <= 0:
        w[BINDING] = OFF_TICK
        return 0
    return quantity


def affordable(w: Ints, s: int, m: int, price: int, band: int) -> int:
    """Return the largest quantity by position, exposure and cash; the first that binds is told.

    The tightest tells the quantity; another binds as well if it does not allow one step more.
    """
    by_position = position_room(w, s, m)
    by_exposure = exposure_cap(w[EQUITY], w[EXPOSURE_PPM]) - w[EXPOSURE]
    by_cash = spendable(w[FREE], max(w[m + MAKER], w[m + TAKER]), band)
    split, grow, step = w[m + SPLIT], w[m + GROW], w[m + STEP]
    tightest = min(by_position, by_exposure, by_cash)
    quantity = quantity_of(tightest, price, split, grow, step)
    more = worth_up(quantity + step, price, split, grow)
    w[BINDING] = BALANCE
    if by_position < more:
        w[BINDING] = POSITION_NOTIONAL
    elif by_exposure < more:
        w[BINDING] = EXPOSURE_LIMIT
    return quantity


def position_room(w: Ints, s: int, m: int) -> int:
    """Return what the position may still grow by."""
    cap = position_cap(w[EQUITY], w[POSITION_PPM], w[POSITION_LARGEST])
    if w[s + SIDE] == 0:
        return cap
    return cap - abs(marked(w, m, w[s + SIDE], w[s + QUANTITY]))


def deny(w: Ints, now: int, reason: int) -> None:
    """Write an order that the risk engine refused."""
    tell(w, new_order(w), now, DENY, reason)
    w[DENIED + reason] += 1


def withdraw_entry(w: Ints, s: int, now: int, reason: int) -> None:
    """Cancel the entry that is at work."""
    if w[s + E_ORDER] != 0:
        tell(w, w[s + E_ORDER], now, CANCEL, reason)
        w[s + E_ORDER] = 0


def begin_day(w: Ints, moment: int) -> None:
    """Open the UTC day of a moment: its opening equity, and no halt."""
    if moment >= w[DAY_END]:
        w[OPENING] = w[LAST_EQUITY]
        w[IS_HALTED] = 0
        w[DAY_END] = (moment // SECONDS_A_DAY + 1) * SECONDS_A_DAY


def halt(w: Ints, now: int) -> None:
    """Stop entries until the next day, once; those that work are withdrawn."""
    if not w[IS_HALTED]:
        w[IS_HALTED] = 1
        for s in range(w[SLOTS_AT], w[SLOTS_END], SLOT_SIZE):
            withdraw_entry(w, s, now, DAILY_LOSS_HALT)


def mark(w: Ints, now: int) -> None:
    """Take equity and exposure at the close of a bar; halt entries after the day's loss."""
    equity, exposure = w[CASH], 0
    for s in range(w[SLOTS_AT], w[SLOTS_END], SLOT_SIZE):
        if w[s + SIDE] != 0:
            m = w[s + LISTING]
            worth = marked(w, m, w[s + SIDE], w[s + QUANTITY])
            equity += worth
            exposure += abs(worth)
    w[LAST_EQUITY] = equity
    w[LAST_EXPOSURE] = exposure
    if equity > w[CEILING]:
        w[IS_TOO_LARGE] = 1
    if w[OPENING] - equity >= w[LOSS_MOST]:
        halt(w, now)
