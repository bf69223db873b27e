"""What an order trades at in a bar: half the spread, its own impact, the tick, all against it."""

from trading.backtest.layout import (
    GROW,
    HALF_SPREAD,
    IMPACT,
    LAST,
    SPLIT,
    TICK,
    VOLUME,
    VOLUME_LEFT,
    VOLUME_SHARE,
    Ints,
)
from trading.execution.arithmetic import PARTS, ratio, share, share_up, worth_down, worth_up

SQUARE = PARTS * PARTS
MOST_SLIPPAGE = PARTS // 2


def at_least(price: int, factor: int, tick: int) -> int:
    """Return the price times `factor` millionths, up to the next tick."""
    raised = share_up(price, factor, PARTS)
    return raised if tick == 1 else raised + (-raised) % tick


def at_most(price: int, factor: int, tick: int) -> int:
    """Return the price times `factor` millionths, down to the next tick, one tick at least."""
    lowered = share(price, factor, PARTS)
    return max(lowered if tick == 1 else lowered - lowered % tick, tick)


def slippage(w: Ints, m: int, quantity: int) -> int:
    """Return how far from the bar's price an order trades, in millionths, rounded up.

    Half the spread, and the impact times the square of the order's share of the volume; never
    more than half the price.
    """
    if w[IMPACT] == 0:
        return w[HALF_SPREAD]
    part = PARTS
    if w[m + VOLUME] > 0:
        part = min(ratio(quantity, PARTS, w[m + VOLUME]) + 1, PARTS)
    impact = -(-w[IMPACT] * part * part // SQUARE)
    return min(w[HALF_SPREAD] + impact, MOST_SLIPPAGE)


def taken_at(w: Ints, m: int, price: int, quantity: int, side: int) -> int:
    """Return what an order that takes from the market pays (side 1) or gets (side -1)."""
    part = slippage(w, m, quantity)
    if part == 0 and w[m + TICK] == 1:
        return price
    if side > 0:
        return at_least(price, PARTS + part, w[m + TICK])
    return at_most(price, PARTS - part, w[m + TICK])


def fillable(w: Ints, m: int, quantity: int) -> int:
    """Return how much of a quantity this bar still fills."""
    if w[VOLUME_SHARE] == 0:
        return quantity
    return min(quantity, w[m + VOLUME_LEFT])


def worth_at(w: Ints, m: int, side: int, quantity: int, price: int) -> int:
    """Return what a position is worth at a price: below nought for a short, which must buy."""
    if side > 0:
        return worth_down(quantity, price, w[m + SPLIT], w[m + GROW])
    return -worth_up(quantity, price, w[m + SPLIT], w[m + GROW])


def marked(w: Ints, m: int, side: int, quantity: int) -> int:
    """Return what a position would bring now, half the spread away from the last price."""
    return brought(side, quantity, w[m + LAST], w[HALF_SPREAD], w[m + SPLIT], w[m + GROW])


def brought(side: int, quantity: int, price: int, spread: int, split: int, grow: int) -> int:
    """Return what a position would bring half the spread, in millionths, away from a price."""
    if side > 0:
        bid = price if spread == 0 else share(price, PARTS - spread, PARTS)
        return worth_down(quantity, bid, split, grow)
    ask = price if spread == 0 else share_up(price, PARTS + spread, PARTS)
    return -worth_up(quantity, ask, split, grow)
