"""Swings, breaks of structure, order blocks, gaps and pools: what a close makes known.

Compiled as it is (see `signals.smc.compiled`).
"""

from math import inf

from signals.smc.ladders import free_slot, insert, put_zone, remove, take_slot, tell, tell_zone
from signals.smc.layout import (
    AT,
    AT_TIME,
    BEATEN_AT,
    BLOCK_CLOSED,
    BLOCK_THROUGH,
    BLOCK_TOUCH,
    BOS,
    BOS_AT,
    CHOCH,
    CHOCH_AT,
    CONFIRMED,
    COUNT,
    DEEPEST,
    DISCOUNT_PART,
    FAR,
    FRESH_PART,
    GAP,
    GAP_AT,
    GAP_FILL,
    GAP_HALF,
    GAP_PART,
    GAP_TOUCH,
    GROWN,
    LADDERS,
    LEFT,
    LEFT_GAP,
    LEG_AT,
    LEG_HIGH,
    LEG_LOW,
    LEG_TIME,
    LEVEL,
    LEVEL_AT,
    MEMORY,
    MIDDLE_CHANGE,
    NEAR,
    NOW,
    NOW_TIME,
    ORDER_BLOCK,
    POOL,
    POOL_BEYOND,
    POOL_SPAN,
    QUALITY,
    RANGE,
    RANGE_BARS,
    SIDE,
    STRENGTH_BOUND,
    STRUCTURE_PART,
    SWEEP_AT,
    SWEEP_PART,
    SWEPT_BEFORE,
    SWING,
    SWING_AT,
    SWING_HIGH,
    SWING_KNOWN,
    SWING_LOW,
    TOLERANCE,
    TREND,
    ZONE_FLOATS,
    ZONE_INTS,
    State,
)


def confirm_swings(s: State, length: int) -> None:
    """Tell of the bar `length` bars ago if it is a swing high or low."""
    at = s.ints[NOW] - length
    if at < length:
        return
    size = len(s.times)
    for side in (1, 0):
        base = side * size
        price = s.lows[base + (at & (size - 1))]
        before = s.lows[base + ((at - 1) & (size - 1))]
        after = s.lows[base + ((at + 1) & (size - 1))]
        if before >= price and price < after and is_swing(s, base, at, length):
            confirm_swing(s, side, at, price)


def is_swing(s: State, base: int, at: int, length: int) -> bool:
    """Say whether a low is below the `length` lows after it and not above those before."""
    mask = len(s.times) - 1
    price = s.lows[base + (at & mask)]
    for bar in range(at - length, at):
        if s.lows[base + (bar & mask)] < price:
            return False
    for bar in range(at + 1, at + length + 1):  # noqa: SIM110  numba takes no generator
        if s.lows[base + (bar & mask)] <= price:
            return False
    return True


def confirm_swing(s: State, side: int, at: int, price: float) -> None:
    """Take a swing low (of side 0; a high is the low of side 1) as the newest one."""
    mask = len(s.times) - 1
    kind = SWING_LOW if side == 0 else SWING_HIGH
    tell(s, kind, side, price, price, at, s.times[at & mask], at)
    left = 0
    while left < STRENGTH_BOUND and left < at:
        if s.lows[side * (mask + 1) + ((at - left - 1) & mask)] < price:
            break
        left += 1
    s.ints[SWING_AT + side], s.ints[SWING_KNOWN + side] = at, s.ints[NOW]
    s.ints[LEFT + side], s.ints[BEATEN_AT + side] = left, -1
    s.ints[LEVEL_AT + side], s.floats[LEVEL + side] = at, price
    s.floats[SWING + side] = s.floats[RANGE + side] = price
    begin_leg(s, 1 - side, at)
    join_pool(s, side, at, price)


def begin_leg(s: State, side: int, after: int) -> None:
    """Look for the lowest bar, the last of equals, since the swing that may now be broken."""
    s.ints[LEG_AT + side], s.floats[LEG_LOW + side] = -1, inf
    for bar in range(after + 1, s.ints[NOW]):
        extend_leg(s, side, bar)


def extend_leg(s: State, side: int, bar: int) -> None:
    size = len(s.times)
    place = bar & (size - 1)
    low = s.lows[side * size + place]
    if low <= s.floats[LEG_LOW + side]:
        s.floats[LEG_LOW + side], s.ints[LEG_AT + side] = low, bar
        s.floats[LEG_HIGH + side] = -s.lows[(1 - side) * size + place]
        s.ints[LEG_TIME + side] = s.times[place]


def mean_range(s: State) -> float:
    """Return the mean of the last true ranges, up to the current bar's."""
    now, mask = s.ints[NOW], len(s.times) - 1
    first = max(0, now - RANGE_BARS + 1)
    total = 0.0
    for bar in range(first, now + 1):
        total += s.ranges[bar & mask]
    return float(total / (now + 1 - first))


def join_pool(s: State, side: int, at: int, price: float) -> None:
    """Join a swing with the equal ones that still stand, the nearest first."""
    tolerance = TOLERANCE * mean_range(s)
    ladder = side * LADDERS + POOL_BEYOND
    near = far = price
    first, first_time, count = at, s.times[at & (len(s.times) - 1)], 1
    position = s.sizes[ladder] - 1
    while position >= 0:
        slot = s.members[ladder * len(s.free) + position]
        zone, numbers = slot * ZONE_INTS, slot * ZONE_FLOATS
        if price - s.zone_floats[numbers + FAR] > tolerance:
            break
        if at - s.zone_ints[zone + AT] <= POOL_SPAN:
            if s.zone_ints[zone + COUNT] > 1:
                tell_zone(s, GROWN, slot)
            near = max(near, s.zone_floats[numbers + NEAR])
            far = min(far, s.zone_floats[numbers + FAR])
            if s.zone_ints[zone + AT] < first:
                first, first_time = s.zone_ints[zone + AT], s.zone_ints[zone + AT_TIME]
            count += s.zone_ints[zone + COUNT]
            remove(s, ladder, position)
            free_slot(s, slot)
        position -= 1
    slot = take_slot(s)
    put_zone(s, slot, POOL, side, near, far, first, at)
    s.zone_ints[slot * ZONE_INTS + AT_TIME] = first_time
    s.zone_ints[slot * ZONE_INTS + COUNT] = count
    if count > 1:
        tell_zone(s, CONFIRMED, slot)
    insert(s, ladder, far if count > 1 else far - tolerance, slot)


def find_gap(s: State, side: int) -> None:
    """Tell of the gap that the bar two bars ago and this one leave."""
    now, size = s.ints[NOW], len(s.times)
    near = s.lows[side * size + (now & (size - 1))]
    far = -s.lows[(1 - side) * size + ((now - 2) & (size - 1))]
    change = s.floats[MIDDLE_CHANGE]
    if change <= 0 if side == 0 else change >= 0:
        return
    slot = take_slot(s)
    put_zone(s, slot, GAP, side, near, far, now - 1, now - 1)
    s.zone_ints[slot * ZONE_INTS + AT_TIME] = s.times[(now - 1) & (size - 1)]
    s.zone_floats[slot * ZONE_FLOATS + DEEPEST] = near
    tell_zone(s, CONFIRMED, slot)
    insert(s, side * LADDERS + GAP_TOUCH, near, slot)
    insert(s, side * LADDERS + GAP_HALF, (near + far) / 2, slot)
    insert(s, side * LADDERS + GAP_FILL, far, slot)
    s.ints[GAP_AT + side] = now - 1


def break_structure(s: State, side: int) -> None:
    """Take a close beyond the unbroken swing; the swing is used up, its leg has the block."""
    other, now, direction = 1 - side, s.ints[NOW], 1 - 2 * side
    level, source = -s.floats[LEVEL + other], s.ints[LEVEL_AT + other]
    is_change = s.ints[TREND] == -direction
    s.ints[TREND] = direction
    s.ints[(CHOCH_AT if is_change else BOS_AT) + side] = now
    tell(s, CHOCH if is_change else BOS, side, level, level, now, s.ints[NOW_TIME], source)
    s.floats[LEVEL + other], s.ints[LEVEL_AT + other] = -inf, -1
    if s.ints[LEG_AT + side] < 0:
        return
    slot = take_slot(s)
    zone, numbers = slot * ZONE_INTS, slot * ZONE_FLOATS
    near, far, at = s.floats[LEG_HIGH + side], s.floats[LEG_LOW + side], s.ints[LEG_AT + side]
    put_zone(s, slot, ORDER_BLOCK, side, near, far, at, source)
    s.zone_ints[zone + AT_TIME] = s.ints[LEG_TIME + side]
    s.zone_ints[zone + LEFT_GAP] = 1 if s.ints[GAP_AT + side] > at else 0
    s.zone_ints[zone + SWEPT_BEFORE] = 1 if s.ints[SWEEP_AT + side] > source else 0
    s.zone_floats[numbers + QUALITY] = block_quality(s, slot)
    tell_zone(s, CONFIRMED, slot)
    insert(s, side * LADDERS + BLOCK_TOUCH, near, slot)
    insert(s, side * LADDERS + BLOCK_THROUGH, far, slot)
    insert(s, side * LADDERS + BLOCK_CLOSED, far, slot)


def has_range(s: State) -> bool:
    """Say whether both ends of the dealing range were confirmed and not forgotten."""
    oldest = min(s.ints[SWING_KNOWN], s.ints[SWING_KNOWN + 1])
    has_both = s.ints[SWING_AT] >= 0 and s.ints[SWING_AT + 1] >= 0
    return bool(has_both and s.ints[NOW] - oldest <= MEMORY)


def block_quality(s: State, slot: int) -> float:
    """Return how much speaks for an order block now, 0 to 1 (parts: docs/smc.md)."""
    zone, numbers = slot * ZONE_INTS, slot * ZONE_FLOATS
    side = s.zone_ints[zone + SIDE]
    total = 0.0
    if s.ints[TREND] == 1 - 2 * side:
        total += STRUCTURE_PART
    if s.zone_ints[zone + LEFT_GAP]:
        total += GAP_PART
    middle = (s.zone_floats[numbers + NEAR] + s.zone_floats[numbers + FAR]) / 2
    if has_range(s) and middle < (s.floats[RANGE + side] - s.floats[RANGE + 1 - side]) / 2:
        total += DISCOUNT_PART
    if s.zone_ints[zone + SWEPT_BEFORE]:
        total += SWEEP_PART
    if s.zone_ints[zone + COUNT] <= 1:
        total += FRESH_PART
    return total
