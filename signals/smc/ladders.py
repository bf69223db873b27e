"""Zones ordered by the price at which something happens to them, the nearest last.

Zones come to most ladders in their order already, and a bar takes them from the end: both cost a
constant time per bar on average. Compiled as it is (see `signals.smc.compiled`).
"""

from math import inf

from signals.smc.layout import (
    AT,
    AT_TIME,
    CONFIRMED,
    COUNT,
    FAR,
    FREE,
    KIND,
    KNOWN,
    KNOWN_TIME,
    NEAR,
    NOW,
    NOW_TIME,
    OUT_AT,
    OUT_AT_TIME,
    OUT_BOTTOM,
    OUT_FLOATS,
    OUT_INTS,
    OUT_KIND,
    OUT_KNOWN,
    OUT_KNOWN_TIME,
    OUT_NOW,
    OUT_NOW_TIME,
    OUT_QUALITY,
    OUT_SIDE,
    OUT_SIZE,
    OUT_SOURCE,
    OUT_STAGE,
    OUT_TOP,
    POOL,
    QUALITY,
    ROWS,
    SIDE,
    SLOTS,
    SOURCE,
    ZONE_FLOATS,
    ZONE_INTS,
    State,
)


def take_slot(s: State) -> int:
    """Return a slot for a new zone."""
    if s.ints[FREE] > 0:
        s.ints[FREE] -= 1
        return int(s.free[s.ints[FREE]])
    s.ints[SLOTS] += 1
    return int(s.ints[SLOTS] - 1)


def free_slot(s: State, slot: int) -> None:
    """Give a slot back that stands on no ladder any more."""
    s.free[s.ints[FREE]] = slot
    s.ints[FREE] += 1


def insert(s: State, ladder: int, level: float, slot: int) -> None:
    """Put a zone on a ladder, behind those of the same level."""
    base = ladder * len(s.free)
    place = base + s.sizes[ladder]
    while place > base and s.levels[place - 1] > level:
        s.levels[place], s.members[place] = s.levels[place - 1], s.members[place - 1]
        place -= 1
    s.levels[place], s.members[place] = level, slot
    s.sizes[ladder] += 1
    s.ends[ladder] = max(s.ends[ladder], level)


def remove(s: State, ladder: int, position: int) -> None:
    """Take the zone at a position off a ladder."""
    base = ladder * len(s.free)
    s.sizes[ladder] -= 1
    for place in range(base + position, base + s.sizes[ladder]):
        s.levels[place], s.members[place] = s.levels[place + 1], s.members[place + 1]
    find_end(s, ladder)


def take_last(s: State, ladder: int) -> int:
    """Take the nearest zone off a ladder."""
    s.sizes[ladder] -= 1
    slot = int(s.members[ladder * len(s.free) + s.sizes[ladder]])
    find_end(s, ladder)
    return slot


def find_end(s: State, ladder: int) -> None:
    size = s.sizes[ladder]
    s.ends[ladder] = s.levels[ladder * len(s.free) + size - 1] if size > 0 else -inf


def tell(
    s: State, kind: int, side: int, near: float, far: float, at: int, at_time: int, source: int
) -> None:
    """Make something known that is no zone: a swing, a break, a sweep."""
    _write_zone(s, CONFIRMED, kind, side, near, far)
    row = s.ints[ROWS] * OUT_INTS
    s.out_ints[row + OUT_AT] = at
    s.out_ints[row + OUT_AT_TIME] = at_time
    s.out_ints[row + OUT_KNOWN] = s.ints[NOW]
    s.out_ints[row + OUT_KNOWN_TIME] = s.ints[NOW_TIME]
    s.out_ints[row + OUT_SOURCE] = source
    s.out_ints[row + OUT_SIZE] = 0
    s.out_floats[s.ints[ROWS] * OUT_FLOATS + OUT_QUALITY] = 0.0
    s.ints[ROWS] += 1


def tell_zone(s: State, stage: int, slot: int) -> None:
    """Make a zone known, or what happened to it."""
    zone, numbers = slot * ZONE_INTS, slot * ZONE_FLOATS
    kind = s.zone_ints[zone + KIND]
    near, far = s.zone_floats[numbers + NEAR], s.zone_floats[numbers + FAR]
    _write_zone(s, stage, kind, s.zone_ints[zone + SIDE], near, far)
    row = s.ints[ROWS] * OUT_INTS
    s.out_ints[row + OUT_AT] = s.zone_ints[zone + AT]
    s.out_ints[row + OUT_AT_TIME] = s.zone_ints[zone + AT_TIME]
    s.out_ints[row + OUT_KNOWN] = s.zone_ints[zone + KNOWN]
    s.out_ints[row + OUT_KNOWN_TIME] = s.zone_ints[zone + KNOWN_TIME]
    s.out_ints[row + OUT_SOURCE] = s.zone_ints[zone + SOURCE]
    s.out_ints[row + OUT_SIZE] = s.zone_ints[zone + COUNT] if kind == POOL else 0
    quality = s.zone_floats[numbers + QUALITY]
    s.out_floats[s.ints[ROWS] * OUT_FLOATS + OUT_QUALITY] = quality
    s.ints[ROWS] += 1


def _write_zone(s: State, stage: int, kind: int, side: int, near: float, far: float) -> None:
    row, numbers = s.ints[ROWS] * OUT_INTS, s.ints[ROWS] * OUT_FLOATS
    s.out_ints[row + OUT_STAGE] = stage
    s.out_ints[row + OUT_KIND] = kind
    s.out_ints[row + OUT_SIDE] = side
    s.out_ints[row + OUT_NOW] = s.ints[NOW]
    s.out_ints[row + OUT_NOW_TIME] = s.ints[NOW_TIME]
    s.out_floats[numbers + OUT_TOP] = near if side == 0 else -far
    s.out_floats[numbers + OUT_BOTTOM] = far if side == 0 else -near


def put_zone(
    s: State, slot: int, kind: int, side: int, near: float, far: float, at: int, source: int
) -> None:
    """Fill a slot with a zone that this close made known; its `at` time is still to be set."""
    zone, numbers = slot * ZONE_INTS, slot * ZONE_FLOATS
    s.zone_ints[zone + KIND], s.zone_ints[zone + SIDE] = kind, side
    s.zone_ints[zone + AT], s.zone_ints[zone + SOURCE] = at, source
    s.zone_ints[zone + KNOWN] = s.ints[NOW]
    s.zone_ints[zone + KNOWN_TIME] = s.ints[NOW_TIME]
    s.zone_ints[zone + COUNT] = 0
    s.zone_floats[numbers + NEAR], s.zone_floats[numbers + FAR] = near, far
    s.zone_floats[numbers + QUALITY] = 0.0
