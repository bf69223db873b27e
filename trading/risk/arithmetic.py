"""The figures that the risk engine judges by, as plain functions of integers.

`trading.risk.engine` and the backtest's kernel call the same ones.
"""

from trading.execution.arithmetic import PARTS, ratio, share, worth_up

ROUNDING = 2
"""Units of cash that are kept back, because cost and fee are each rounded up."""


def position_cap(equity: int, position_ppm: int, largest: int) -> int:
    """Return the largest worth of one position."""
    return min(share(max(equity, 0), position_ppm, PARTS), largest)


def exposure_cap(equity: int, exposure_ppm: int) -> int:
    """Return the largest worth of all positions together."""
    return share(max(equity, 0), exposure_ppm, PARTS)


def spendable(cash: int, fee_ppm: int, band_ppm: int) -> int:
    """Return the notional that `cash` pays with its fee when the worst market price comes."""
    without_fee = share(max(cash - ROUNDING, 0), PARTS, PARTS + fee_ppm)
    return without_fee if band_ppm == 0 else share(without_fee, PARTS, PARTS + band_ppm)


def loss_budget(equity: int, opening_equity: int, open_risk: int, max_daily_loss: int) -> int:
    """Return what may still be put at risk before the day's limit is reached, all stops hit."""
    lost = max(opening_equity - equity, 0)
    return max(max_daily_loss - lost - open_risk, 0)


def default_stop(price: int, stop_ppm: int, tick: int) -> int:
    """Return the stop of a purchase that names none."""
    stop = share(price, PARTS - stop_ppm, PARTS)
    return stop - stop % tick


def default_take(price: int, stop: int, take_milli: int, tick: int) -> int:
    """Return the target of a purchase that names none."""
    take = price + share(price - stop, take_milli, 1_000)
    return take - take % tick


def dearest(price: int, quantity: int, room: int, band_ppm: int, split: int, grow: int) -> int:
    """Return the price a purchase at the market may trade at in the worst case.

    It is also bounded so that the position's cap holds whatever the market does meanwhile.
    """
    bound = share(price, PARTS + band_ppm, PARTS)
    if worth_up(quantity, bound, split, grow) <= room:
        return bound
    return min(bound, ratio(room // grow, split, quantity))
