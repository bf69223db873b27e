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
    LISTING,
    LISTING_SIZE,
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
    SLOTS,
    SMALLEST,
    SMALLEST_NOTIONAL,
    SPLIT,
    STEP,
    STEP_SIZE,
    STEPS,
    STOP,
    STOP_WRONG_SIDE,
    TAKE_WRONG_SIDE,
    TAKER,
    Work,
)
from trading.backtest.prices import marked, worth_at
from trading.execution.arithmetic import PARTS, quantity_of, share_up, worth_up
from trading.risk.arithmetic import exposure_cap, loss_budget, position_cap, spendable


def stand(w: Work) -> None:
    """Read equity, exposure, risk, open positions and free cash off positions and orders."""
    equity = free = w.account[CASH]
    exposure = risk = positions = 0
    for slot in range(w.account[SLOTS]):
        s = slot * SLOT_SIZE
        m = w.slots[s + LISTING] * LISTING_SIZE
        side, quantity = w.slots[s + SIDE], w.slots[s + QUANTITY]
        if side != 0:
            worth = marked(w, m, side, quantity)
            equity += worth
            exposure += abs(worth)
            stopped = worth_at(w, m, side, quantity, w.slots[s + STOP])
            risk += max(worth - stopped, 0)
            if side < 0:  # its proceeds stay where they are, and as much again
                free += 2 * worth_at(w, m, side, quantity, w.slots[s + ENTRY_PRICE])
        if w.slots[s + E_ORDER] != 0:
            free -= _with_fee(w, m, w.slots[s + E_ROOM])
            exposure += w.slots[s + E_ROOM]
            risk += _risk_of_order(w, s, m)
        if side != 0 or w.slots[s + E_ORDER] != 0:
            positions += 1
    w.account[EQUITY] = equity
    w.account[EXPOSURE] = exposure
    w.account[OPEN_RISK] = risk
    w.account[POSITIONS] = positions
    w.account[FREE] = free


def _with_fee(w: Work, m: int, notional: int) -> int:
    return notional + share_up(notional, max(w.listings[m + MAKER], w.listings[m + TAKER]), PARTS)


def _risk_of_order(w: Work, s: int, m: int) -> int:
    price = w.slots[s + E_LIMIT] if w.slots[s + E_LIMIT] != 0 else w.slots[s + E_BOUND]
    distance = abs(price - w.slots[s + E_STOP])
    return worth_up(w.slots[s + E_REST], distance, w.listings[m + SPLIT], w.listings[m + GROW])


def refusal(w: Work, s: int, side: int, price: int, stop: int, take: int) -> int:
    """Return why no entry of any size may be, in the risk engine's order, or nought."""
    if w.account[IS_HALTED] or w.account[OPENING] - w.account[EQUITY] >= w.account[LOSS_MOST]:
        return DAILY_LOSS_HALT
    is_another = w.slots[s + SIDE] == 0 and w.slots[s + E_ORDER] == 0
    if is_another and w.account[POSITIONS] >= w.account[POSITIONS_MOST]:
        return OPEN_POSITIONS
    if (price - stop) * side <= 0:
        return STOP_WRONG_SIDE
    if (take - price) * side <= 0:
        return TAKE_WRONG_SIDE
    return NO_REASON


def sized(w: Work, s: int, m: int, side: int, price: int, stop: int, take: int, band: int) -> int:
    """Return the largest quantity that every limit allows; `BINDING` is the limit that binds.

    It is `trading.risk.engine.size` followed by `assess`, the account as `stand` found it. Nought
    means that the order is denied.
    """
    reason = refusal(w, s, side, price, stop, take)
    w.account[BINDING] = reason
    if reason != NO_REASON:
        return 0
    split, grow, step = w.listings[m + SPLIT], w.listings[m + GROW], w.listings[m + STEP]
    quantity = quantity_of(position_room(w, s, m), price, split, grow, step)
    w.account[BINDING] = POSITION_NOTIONAL
    room = exposure_cap(w.account[EQUITY], w.account[EXPOSURE_PPM]) - w.account[EXPOSURE]
    quantity = _tighter(w, quantity, quantity_of(room, price, split, grow, step), EXPOSURE_LIMIT)
    fee = max(w.listings[m + MAKER], w.listings[m + TAKER])
    room = spendable(w.account[FREE], fee, band)
    quantity = _tighter(w, quantity, quantity_of(room, price, split, grow, step), BALANCE)
    room = loss_budget(
        w.account[EQUITY], w.account[OPENING], w.account[OPEN_RISK], w.account[LOSS_MOST]
    )
    possible = quantity_of(room, abs(price - stop), split, grow, step)
    quantity = _tighter(w, quantity, possible, DAILY_LOSS_BUDGET)
    if quantity < w.listings[m + SMALLEST]:
        return 0
    if worth_up(quantity, price, split, grow) < w.listings[m + MIN_NOTIONAL]:
        w.account[BINDING] = SMALLEST_NOTIONAL
        return 0
    if stop <= 0 or take <= 0:
        w.account[BINDING] = OFF_TICK
        return 0
    return quantity


def _tighter(w: Work, quantity: int, possible: int, reason: int) -> int:
    if possible < quantity:
        w.account[BINDING] = reason
        return possible
    return quantity


def position_room(w: Work, s: int, m: int) -> int:
    """Return what the position may still grow by."""
    cap = position_cap(w.account[EQUITY], w.account[POSITION_PPM], w.account[POSITION_LARGEST])
    if w.slots[s + SIDE] == 0:
        return cap
    return cap - abs(marked(w, m, w.slots[s + SIDE], w.slots[s + QUANTITY]))


def deny(w: Work, now: int, reason: int) -> None:
    """Write an order that the risk engine refused."""
    tell(w, new_order(w), now, DENY, reason)
    w.denied[reason] += 1


def withdraw_entry(w: Work, s: int, now: int, reason: int) -> None:
    """Cancel the entry that is at work."""
    if w.slots[s + E_ORDER] != 0:
        tell(w, w.slots[s + E_ORDER], now, CANCEL, reason)
        w.slots[s + E_ORDER] = 0


def begin_day(w: Work, moment: int) -> None:
    """Open the UTC day of a moment: its opening equity, and no halt."""
    if moment >= w.account[DAY_END]:
        w.account[OPENING] = w.account[LAST_EQUITY]
        w.account[IS_HALTED] = 0
        w.account[DAY_END] = (moment // SECONDS_A_DAY + 1) * SECONDS_A_DAY


def mark(w: Work, now: int) -> None:
    """Write equity, cash and exposure at the close of a bar; halt entries after the day's loss."""
    equity, exposure = w.account[CASH], 0
    for slot in range(w.account[SLOTS]):
        s = slot * SLOT_SIZE
        if w.slots[s + SIDE] != 0:
            m = w.slots[s + LISTING] * LISTING_SIZE
            worth = marked(w, m, w.slots[s + SIDE], w.slots[s + QUANTITY])
            equity += worth
            exposure += abs(worth)
    at = w.account[STEPS] * STEP_SIZE
    w.steps[at] = now
    w.steps[at + 1] = equity
    w.steps[at + 2] = w.account[CASH]
    w.steps[at + 3] = exposure
    w.account[STEPS] += 1
    w.account[LAST_EQUITY] = equity
    if equity > w.account[CEILING]:
        w.account[IS_TOO_LARGE] = 1
    if not w.account[IS_HALTED] and w.account[OPENING] - equity >= w.account[LOSS_MOST]:
        w.account[IS_HALTED] = 1
        for slot in range(w.account[SLOTS]):
            withdraw_entry(w, slot * SLOT_SIZE, now, DAILY_LOSS_HALT)
