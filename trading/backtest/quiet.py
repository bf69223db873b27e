"""Pass over bars in which nothing can happen: the same steps as bar by bar, in one short loop.

It serves one slot on one instrument, which is what sweeps run. A bar in which a decision acts, an
order works, a stop, a target or the day's loss could be reached, a day or funding begins, is left
to the time line.
"""

from trading.backtest.booking import see
from trading.backtest.layout import (
    ACT,
    ACT_END,
    ACT_ROW,
    BORROW,
    CASH,
    CEILING,
    DAY_END,
    E_ORDER,
    FACTOR,
    FUNDING,
    FUNDING_END,
    IS_ALONE,
    IS_INSIDE,
    LAST,
    LAST_EQUITY,
    LAST_EXPOSURE,
    LEAVING,
    LISTINGS_AT,
    LOSS_MOST,
    NEXT,
    OPENING,
    QUANTITY,
    ROW,
    ROW_END,
    SIDE,
    SLOTS_AT,
    STEPS,
    STOP,
    TAKE,
    TIMEFRAME,
    TRAILING,
    WANTED,
    X_ORDER,
    Bars,
    Ints,
)
from trading.backtest.prices import marked


def is_quiet(w: Ints) -> bool:
    """Say whether the next bars may be passed over."""
    if not w[IS_ALONE]:
        return False
    s, m = w[SLOTS_AT], w[LISTINGS_AT]
    if w[m + IS_INSIDE] or w[s + E_ORDER] != 0 or w[s + WANTED] != 0 or w[s + X_ORDER] != 0:
        return False
    if w[s + SIDE] == 0:
        return True
    return w[TRAILING] == 0 and w[s + LEAVING] == 0 and (w[s + SIDE] > 0 or w[BORROW] == 0)


def skim(w: Ints, bars: Bars) -> None:
    """Pass over the quiet bars from here on."""
    s, m = w[SLOTS_AT], w[LISTINGS_AT]
    side, quantity, cash = w[s + SIDE], w[s + QUANTITY], w[CASH]
    factor, half = bars.factors[w[m + FACTOR]], bars.factors[w[m + FACTOR] + 1]
    lower, upper = lowest_calm(w, s), highest_calm(w, s)
    row, step, worth = w[m + ROW], w[STEPS], 0
    until, before, least = last_row(w, s, m), last_time(w, m), w[OPENING] - w[LOSS_MOST]
    close = 0
    while row < until:
        ends = min(bars.times[row] + w[m + TIMEFRAME], bars.times[row + 1])
        if ends >= before:
            break
        if side != 0:
            low, high = int(bars.lows[row] * factor + half), int(bars.highs[row] * factor + half)
            if low < lower or high > upper:
                break
            was = w[m + LAST]
            w[m + LAST] = int(bars.closes[row] * factor + half)
            now_worth = marked(w, m, side, quantity)
            if cash + now_worth <= least or cash + now_worth > w[CEILING]:
                w[m + LAST] = was
                break
            worth = now_worth
            see(w, s, m, low, high)
        close = row
        bars.step_times[step] = ends
        bars.equity[step] = cash + worth
        bars.cash[step] = cash
        bars.exposure[step] = abs(worth)
        row += 1
        step += 1
    if step > w[STEPS]:
        w[m + LAST] = int(bars.closes[close] * factor + half)
        w[LAST_EQUITY] = cash + worth
        w[LAST_EXPOSURE] = abs(worth)
        w[STEPS] = step
        w[m + ROW] = row
        w[m + NEXT] = bars.times[row]


def lowest_calm(w: Ints, s: int) -> int:
    """Return the lowest price at which neither stop nor target is met."""
    if w[s + SIDE] > 0:
        return w[s + STOP] + 1
    return w[s + TAKE]


def highest_calm(w: Ints, s: int) -> int:
    """Return the highest price at which neither stop nor target is met."""
    if w[s + SIDE] > 0:
        return w[s + TAKE]
    return w[s + STOP] - 1


def last_row(w: Ints, s: int, m: int) -> int:
    """Return the first row that is not passed over: the last bar, or one with a decision."""
    row = w[m + ROW_END] - 1
    if w[s + ACT] < w[s + ACT_END]:
        row = min(row, w[w[s + ACT] + ACT_ROW])
    return row


def last_time(w: Ints, m: int) -> int:
    """Return the first time that no bar passed over may reach: the next day, or funding."""
    if w[m + FUNDING] < w[m + FUNDING_END]:
        return min(w[DAY_END], w[w[m + FUNDING]])
    return w[DAY_END]
