"""The definitions of docs/smc.md a second time: no state, every question from scratch."""

from typing import NamedTuple


class Zone(NamedTuple):
    kind: str
    direction: int
    top: float
    bottom: float
    at: int
    confirmed: int
    source: int
    end: int | None


def is_swing(prices, sign, at, length):
    """Say whether sign * price at `at` exceeds those after and is not exceeded by those before."""
    if at < length or at + length >= len(prices):
        return False
    value = sign * prices[at]
    return all(sign * prices[k] <= value for k in range(at - length, at)) and all(
        sign * prices[k] < value for k in range(at + 1, at + length + 1)
    )


def swings(bars, length):
    found = []
    for at in range(len(bars.close)):
        if is_swing(bars.high, 1, at, length):
            found.append(
                Zone("swing_high", -1, bars.high[at], bars.high[at], at, at + length, at, None)
            )
        if is_swing(bars.low, -1, at, length):
            found.append(
                Zone("swing_low", 1, bars.low[at], bars.low[at], at, at + length, at, None)
            )
    return found


def breaks(bars, length):
    """Walk the closes; at each, find the newest swing known by then that no earlier close broke."""
    known = swings(bars, length)
    used, found = set(), []
    for now in range(len(bars.close)):
        highs = [one for one in known if one.kind == "swing_high" and one.confirmed <= now]
        lows = [one for one in known if one.kind == "swing_low" and one.confirmed <= now]
        for direction, side in ((1, highs), (-1, lows)):
            if not side or side[-1] in used:
                continue
            level = side[-1].top
            if direction * bars.close[now] > direction * level:
                used.add(side[-1])
                against = bool(found) and found[-1].direction != direction
                kind = "choch" if against else "bos"
                found.append(Zone(kind, direction, level, level, now, now, side[-1].at, None))
                break
    return found


def order_blocks(bars, length):
    found = []
    for one in breaks(bars, length):
        between = range(one.source + 1, one.at)
        if not between:
            continue
        prices = bars.low if one.direction > 0 else bars.high
        at = min(between, key=lambda k: (one.direction * prices[k], -k))
        top, bottom = bars.high[at], bars.low[at]
        later = range(one.at + 1, len(bars.close))
        through = (
            k for k in later if (bars.low[k] < bottom if one.direction > 0 else bars.high[k] > top)
        )
        end = next(through, None)
        found.append(Zone("order_block", one.direction, top, bottom, at, one.at, one.source, end))
    return found


def gaps(bars):
    found = []
    for third in range(2, len(bars.close)):
        middle = third - 1
        if bars.high[third - 2] < bars.low[third] and bars.close[middle] > bars.open[middle]:
            direction, top, bottom = 1, bars.low[third], bars.high[third - 2]
        elif bars.low[third - 2] > bars.high[third] and bars.close[middle] < bars.open[middle]:
            direction, top, bottom = -1, bars.low[third - 2], bars.high[third]
        else:
            continue
        later = range(third + 1, len(bars.close))
        touched = (
            k for k in later if (bars.low[k] <= top if direction > 0 else bars.high[k] >= bottom)
        )
        found.append(
            Zone("fvg", direction, top, bottom, middle, third, middle, next(touched, None))
        )
    return found


def everything(bars, length):
    return {*swings(bars, length), *breaks(bars, length), *order_blocks(bars, length), *gaps(bars)}
