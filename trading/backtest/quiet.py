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
    FOR_EVER,
    FUNDING,
    FUNDING_END,
    GROW,
    HALF_SPREAD,
    HIGH_SEEN,
    IS_ALONE,
    IS_INSIDE,
    LAST,
    LAST_EQUITY,
    LAST_EXPOSURE,
    LEAVING,
    LISTINGS_AT,
    LOSS_MOST,
    LOW_SEEN,
    NEXT,
    OPEN,
    OPENING,
    QUANTITY,
    ROW,
    ROW_END,
    SIDE,
    SLOTS_AT,
    SPLIT,
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
from trading.backtest.prices import brought


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
    if w[w[SLOTS_AT] + SIDE] == 0:
        skim_flat(w, bars)
    else:
        skim_held(w, bars)


def skim_flat(w: Ints, bars: Bars) -> None:
    """Pass over bars while nothing is held."""
    s, m = w[SLOTS_AT], w[LISTINGS_AT]
    cash, timeframe, first = w[CASH], w[m + TIMEFRAME], w[m + ROW]
    until, before = last_row(w, s, m), last_time(w, m)
    row, step = first, w[STEPS]
    factor, half = bars.factors[w[m + FACTOR]], bars.factors[w[m + FACTOR] + 1]
    # Likely the next open that is wanted: the memory has time to bring it meanwhile.
    w[m + OPEN] = int(bars.opens[until] * factor + half)
    while row < until:
        ends = min(bars.times[row] + timeframe, bars.times[row + 1])
        if ends >= before:
            break
        bars.step_times[step] = ends
        bars.equity[step] = cash
        bars.cash[step] = cash
        bars.exposure[step] = 0
        row += 1
        step += 1
    if row > first:
        end_skim(w, m, bars.times[row], row, int(bars.closes[row - 1] * factor + half), 0)


def skim_held(w: Ints, bars: Bars) -> None:
    """Pass over bars while a position is held that nothing happens to.

    The more a price is, the more a position brings: of the new lows, and of the new highs, only
    the first and the last can be its worst or its best.
    """
    s, m = w[SLOTS_AT], w[LISTINGS_AT]
    side, quantity, cash, timeframe = w[s + SIDE], w[s + QUANTITY], w[CASH], w[m + TIMEFRAME]
    split, grow, spread = w[m + SPLIT], w[m + GROW], w[HALF_SPREAD]
    factor, half = bars.factors[w[m + FACTOR]], bars.factors[w[m + FACTOR] + 1]
    lower, upper = lowest_calm(w, s), highest_calm(w, s)
    until, before = last_row(w, s, m), last_time(w, m)
    least, most = w[OPENING] - w[LOSS_MOST] - cash, w[CEILING] - cash
    lowest, highest = w[s + LOW_SEEN], w[s + HIGH_SEEN]
    first, step = w[m + ROW], w[STEPS]
    row, last, worth, first_low, first_high = first, 0, 0, 0, 0
    while row < until:
        ends = min(bars.times[row] + timeframe, bars.times[row + 1])
        low, high = int(bars.lows[row] * factor + half), int(bars.highs[row] * factor + half)
        if ends >= before or low < lower or high > upper:
            break
        close = int(bars.closes[row] * factor + half)
        brings = brought(side, quantity, close, spread, split, grow)
        if brings <= least or brings > most:
            break
        last, worth = close, brings
        if low < lowest:
            lowest = low
            first_low = low if first_low == 0 else first_low
        if high > highest:
            highest = high
            first_high = high if first_high == 0 else first_high
        bars.step_times[step] = ends
        bars.equity[step] = cash + worth
        bars.cash[step] = cash
        bars.exposure[step] = abs(worth)
        row += 1
        step += 1
    if row > first:
        end_skim(w, m, bars.times[row], row, last, worth)
        if first_low != 0:
            see(w, s, m, first_low, 0)
            see(w, s, m, lowest, 0)
        if first_high != 0:
            see(w, s, m, FOR_EVER, first_high)
            see(w, s, m, FOR_EVER, highest)


def end_skim(w: Ints, m: int, begins: int, row: int, close: int, worth: int) -> None:
    """Leave account and instrument as they are after the bars before `row`."""
    w[STEPS] += row - w[m + ROW]
    w[LAST_EQUITY] = w[CASH] + worth
    w[LAST_EXPOSURE] = abs(worth)
    w[m + LAST] = close
    w[m + ROW] = row
    w[m + NEXT] = begins


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
