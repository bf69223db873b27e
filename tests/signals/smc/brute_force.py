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


def through(bars, zone):
    """Return the first later bar that trades through a zone's far side."""
    later = range(zone.confirmed + 1, len(bars.close))
    if zone.direction > 0:
        return next((k for k in later if bars.low[k] < zone.bottom), None)
    return next((k for k in later if bars.high[k] > zone.top), None)


def breakers(bars, length):
    found = []
    for block in order_blocks(bars, length):
        later = range(block.confirmed + 1, len(bars.close))
        if block.direction > 0:
            failed = next((k for k in later if bars.close[k] < block.bottom), None)
        else:
            failed = next((k for k in later if bars.close[k] > block.top), None)
        if failed is not None:
            zone = Zone(
                "breaker",
                -block.direction,
                block.top,
                block.bottom,
                block.at,
                failed,
                block.confirmed,
                None,
            )
            found.append(zone._replace(end=through(bars, zone)))
    return found


def mean_range(bars, now):
    ranges = []
    for k in range(max(0, now - 13), now + 1):
        high, low = bars.high[k], bars.low[k]
        before = bars.close[k - 1] if k else low
        ranges.append(max(high - low, abs(high - before), abs(low - before)) if k else high - low)
    return sum(ranges) / len(ranges)


class Group(NamedTuple):
    """Equal lows that stand (of highs the mirror image), a pool from two swings on."""

    near: float
    far: float
    limit: float
    swings: tuple[int, ...]
    known: int


def liquidity(bars, length, direction):
    """Return pools, sweeps and what happened to pools, of lows (1) or highs (-1)."""
    sign = direction
    lows = bars.low if sign > 0 else -bars.high
    kind = "swing_low" if sign > 0 else "swing_high"
    news = {one.confirmed: one for one in swings(bars, length) if one.kind == kind}
    standing, pools, sweeps, happened = [], [], [], []

    def zone(group):
        top, bottom = (group.near, group.far) if sign > 0 else (-group.far, -group.near)
        first, newest = min(group.swings), max(group.swings)
        return Zone("liquidity", sign, top, bottom, first, group.known, newest, None)

    for now in range(len(bars.close)):
        gone = [one for one in standing if lows[now] < one.limit]
        standing = [one for one in standing if one not in gone]
        reached = [one for one in gone[::-1] if len(one.swings) > 1]
        back = [one for one in reached if sign * bars.close[now] >= one.far]
        happened += [(zone(one), "swept" if one in back else "taken", now) for one in reached]
        if back:
            level, wick = sorted((sign * back[0].far, sign * lows[now]))
            sweeps.append(Zone("sweep", sign, wick, level, now, now, min(back[0].swings), None))
        if now in news:
            at, price = news[now].at, sign * news[now].top
            tolerance = 0.1 * mean_range(bars, now)
            equal = []
            for one in standing[::-1]:
                if price - one.far > tolerance:
                    break
                if at - min(one.swings) <= 96:
                    equal.append(one)
            happened += [(zone(one), "grown", now) for one in equal if len(one.swings) > 1]
            near = max([price, *(one.near for one in equal)])
            far = min([price, *(one.far for one in equal)])
            members = (at, *(k for one in equal for k in one.swings))
            limit = far if equal else far - tolerance
            made = Group(near, far, limit, members, now)
            standing = [one for one in standing if one not in equal]
            place = sum(one.limit <= limit for one in standing)
            standing.insert(place, made)
            if equal:
                pools.append(zone(made))
    return pools, sweeps, happened


def happened(bars, length):
    """Return (zone without its end, stage, bar) of everything that happened to a zone."""
    found = set()
    for zone in (*order_blocks(bars, length), *breakers(bars, length), *gaps(bars)):
        up = zone.direction > 0
        reach = bars.low if up else -bars.high
        edges = (zone.top, zone.bottom) if up else (-zone.bottom, -zone.top)
        later = range(zone.confirmed + 1, len(bars.close))

        def first(level, *, strictly=False, later=later, reach=reach):
            return next(
                (k for k in later if reach[k] < level or (reach[k] == level and not strictly)), None
            )

        steps = {"touched": first(edges[0])}
        if zone.kind == "fvg":
            steps["half_filled"] = first((edges[0] + edges[1]) / 2)
            steps["filled"] = first(edges[1])
        else:
            steps["mitigated"] = first(edges[1], strictly=True)
        if zone.kind == "order_block":
            closes = bars.close if up else -bars.close
            steps["failed"] = next((k for k in later if closes[k] < edges[1]), None)
        bare = zone._replace(end=None)
        found |= {(bare, stage, at) for stage, at in steps.items() if at is not None}
    for direction in (1, -1):
        found |= set(liquidity(bars, length, direction)[2])
    return found


def everything(bars, length):
    zones = {*order_blocks(bars, length), *breakers(bars, length), *gaps(bars)}
    for direction in (1, -1):
        pools, sweeps, _ = liquidity(bars, length, direction)
        zones |= {*pools, *sweeps}
    return {*swings(bars, length), *breaks(bars, length), *zones}
