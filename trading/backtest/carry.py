"""What holding costs while it lasts: interest on a short's borrowed value, funding of perpetuals."""

from trading.backtest.layout import (
    BORROW,
    CARRY,
    CASH,
    CHARGED_TO,
    FLOW,
    FUNDING,
    FUNDING_END,
    LAST,
    QUANTITY,
    SECONDS_A_YEAR,
    SIDE,
    SLOT_END,
    SLOT_FIRST,
    SLOT_SIZE,
    Work,
)
from trading.backtest.prices import worth_at
from trading.execution.arithmetic import PARTS, share_up

RATE_PARTS = 1_000_000_000


def charge(w: Work, s: int, amount: int) -> None:
    """Take a cost of holding from the account; one below nought is received."""
    w.account[CASH] -= amount
    w.slots[s + FLOW] -= amount
    w.slots[s + CARRY] += amount


def charge_borrow(w: Work, s: int, m: int, now: int) -> None:
    """Charge a short for the seconds since it was last charged, at the last price."""
    if w.slots[s + SIDE] >= 0 or w.account[BORROW] == 0 or now <= w.slots[s + CHARGED_TO]:
        return
    borrowed = -worth_at(w, m, -1, w.slots[s + QUANTITY], w.listings[m + LAST])
    a_year = share_up(borrowed, w.account[BORROW], PARTS)
    charge(w, s, share_up(a_year, now - w.slots[s + CHARGED_TO], SECONDS_A_YEAR))
    w.slots[s + CHARGED_TO] = now


def pay_funding(w: Work, m: int, through: int) -> None:
    """Pay and receive the funding due up to a time, on what each position is worth then."""
    while (
        w.listings[m + FUNDING] < w.listings[m + FUNDING_END]
        and w.funding[2 * w.listings[m + FUNDING]] <= through
    ):
        rate = w.funding[2 * w.listings[m + FUNDING] + 1]
        w.listings[m + FUNDING] += 1
        for slot in range(w.listings[m + SLOT_FIRST], w.listings[m + SLOT_END]):
            s = slot * SLOT_SIZE
            if w.slots[s + SIDE] != 0:
                pays = worth_at(
                    w, m, w.slots[s + SIDE], w.slots[s + QUANTITY], w.listings[m + LAST]
                )
                charge(w, s, share_up(pays, rate, RATE_PARTS))
