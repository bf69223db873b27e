"""What holding costs while it lasts: interest on what a short borrows, funding of perpetuals."""

from trading.backtest.booking import look_again
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
    Ints,
)
from trading.backtest.prices import worth_at
from trading.execution.arithmetic import PARTS, share_up

RATE_PARTS = 1_000_000_000


def charge(w: Ints, s: int, amount: int) -> None:
    """Take a cost of holding from the account; one below nought is received."""
    w[CASH] -= amount
    w[s + FLOW] -= amount
    w[s + CARRY] += amount
    look_again(w, s)


def charge_borrow(w: Ints, s: int, m: int, now: int) -> None:
    """Charge a short for the seconds since it was last charged, at the last price."""
    if w[s + SIDE] >= 0 or w[BORROW] == 0 or now <= w[s + CHARGED_TO]:
        return
    borrowed = -worth_at(w, m, -1, w[s + QUANTITY], w[m + LAST])
    a_year = share_up(borrowed, w[BORROW], PARTS)
    charge(w, s, share_up(a_year, now - w[s + CHARGED_TO], SECONDS_A_YEAR))
    w[s + CHARGED_TO] = now


def pay_funding(w: Ints, m: int, through: int) -> None:
    """Pay and receive the funding due up to a time, on what each position is worth then."""
    while w[m + FUNDING] < w[m + FUNDING_END] and w[w[m + FUNDING]] <= through:
        rate = w[w[m + FUNDING] + 1]
        w[m + FUNDING] += 2
        for s in range(w[m + SLOT_FIRST], w[m + SLOT_END], SLOT_SIZE):
            if w[s + SIDE] != 0:
                pays = worth_at(w, m, w[s + SIDE], w[s + QUANTITY], w[m + LAST])
                charge(w, s, share_up(pays, rate, RATE_PARTS))
