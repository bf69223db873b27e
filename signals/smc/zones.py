"""What happens to zones as price comes to them: touched, filled, traded through, closed through.

Compiled as it is (see `signals.smc.compiled`).
"""

from signals.smc.ladders import free_slot, insert, put_zone, take_last, tell, tell_zone
from signals.smc.layout import (
    AT,
    BLOCK_CLOSED,
    BLOCK_THROUGH,
    BLOCK_TOUCH,
    BREAKER,
    BREAKER_THROUGH,
    BREAKER_TOUCH,
    CONFIRMED,
    COUNT,
    DEEPEST,
    FAILED,
    FAR,
    FILLED,
    GAP_FILL,
    GAP_HALF,
    GAP_TOUCH,
    HALF_FILLED,
    KNOWN,
    LADDERS,
    MITIGATED,
    NEAR,
    NOW,
    NOW_TIME,
    POOL_BEYOND,
    SWEEP,
    SWEEP_AT,
    SWEEP_LEVEL,
    SWEEP_MEMORY,
    SWEPT,
    TAKEN,
    TOUCHED,
    ZONE_FLOATS,
    ZONE_INTS,
    State,
)


def follow_zones(s: State, side: int, low: float, close: float) -> None:
    """Tell what the bar that just closed did to the zones of a side, failed blocks apart."""
    base = side * LADDERS
    while low <= s.ends[base + BLOCK_TOUCH]:
        tell_zone(s, TOUCHED, take_last(s, base + BLOCK_TOUCH))
    while low < s.ends[base + BLOCK_THROUGH]:
        tell_zone(s, MITIGATED, take_last(s, base + BLOCK_THROUGH))
    while low <= s.ends[base + BREAKER_TOUCH]:
        tell_zone(s, TOUCHED, take_last(s, base + BREAKER_TOUCH))
    while low < s.ends[base + BREAKER_THROUGH]:
        slot = take_last(s, base + BREAKER_THROUGH)
        tell_zone(s, MITIGATED, slot)
        free_slot(s, slot)
    if low < s.ends[base + POOL_BEYOND]:
        take_pools(s, side, low, close)
    if s.sizes[base + BLOCK_THROUGH] > 0:
        count_touch(s, base + BLOCK_THROUGH, low)


def count_touch(s: State, ladder: int, low: float) -> None:
    """Count a bar that reached into the nearest order block."""
    slot = s.members[ladder * len(s.free) + s.sizes[ladder] - 1]
    if low <= s.zone_floats[slot * ZONE_FLOATS + NEAR]:
        s.zone_ints[slot * ZONE_INTS + COUNT] += 1


def follow_gaps(s: State, side: int, low: float) -> None:
    """Tell which gaps of a side were touched, half filled, filled."""
    base = side * LADDERS
    while low <= s.ends[base + GAP_TOUCH]:
        tell_zone(s, TOUCHED, take_last(s, base + GAP_TOUCH))
    while low <= s.ends[base + GAP_HALF]:
        tell_zone(s, HALF_FILLED, take_last(s, base + GAP_HALF))
    fill = base + GAP_FILL
    while low <= s.ends[fill]:
        slot = take_last(s, fill)
        tell_zone(s, FILLED, slot)
        # The next one was reached as deep as those above it.
        deepen(s, fill, s.zone_floats[slot * ZONE_FLOATS + DEEPEST])
        free_slot(s, slot)
    deepen(s, fill, low)


def deepen(s: State, ladder: int, low: float) -> None:
    """Note how deep the nearest gap was reached."""
    if s.sizes[ladder] > 0:
        slot = s.members[ladder * len(s.free) + s.sizes[ladder] - 1]
        place = slot * ZONE_FLOATS + DEEPEST
        s.zone_floats[place] = min(s.zone_floats[place], low)


def take_pools(s: State, side: int, low: float, close: float) -> None:
    """End the pools that price went beyond: swept where it closed back, taken otherwise."""
    level, source = 0.0, -1
    ladder = side * LADDERS + POOL_BEYOND
    while low < s.ends[ladder]:
        slot = take_last(s, ladder)
        if s.zone_ints[slot * ZONE_INTS + COUNT] > 1:
            far = s.zone_floats[slot * ZONE_FLOATS + FAR]
            tell_zone(s, SWEPT if close >= far else TAKEN, slot)
            if close >= far and source < 0:
                level, source = far, s.zone_ints[slot * ZONE_INTS + AT]
        free_slot(s, slot)
    if source >= 0:
        now = s.ints[NOW]
        tell(s, SWEEP, side, level, low, now, s.ints[NOW_TIME], source)
        if now - source <= SWEEP_MEMORY:
            s.ints[SWEEP_AT + side] = now
            s.floats[SWEEP_LEVEL + side] = level


def fail_blocks(s: State, side: int, close: float) -> None:
    """Turn the order blocks that price closed through into breakers of the other side."""
    ladder, other = side * LADDERS + BLOCK_CLOSED, 1 - side
    while close < s.ends[ladder]:
        slot = take_last(s, ladder)
        tell_zone(s, FAILED, slot)
        at, known = s.zone_ints[slot * ZONE_INTS + AT], s.zone_ints[slot * ZONE_INTS + KNOWN]
        near = -s.zone_floats[slot * ZONE_FLOATS + FAR]
        far = -s.zone_floats[slot * ZONE_FLOATS + NEAR]
        put_zone(s, slot, BREAKER, other, near, far, at, known)
        tell_zone(s, CONFIRMED, slot)
        insert(s, other * LADDERS + BREAKER_TOUCH, near, slot)
        insert(s, other * LADDERS + BREAKER_THROUGH, far, slot)
