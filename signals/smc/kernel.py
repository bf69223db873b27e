"""The one pass over the bars: every close once, in the order in which things become known.

These functions and those of the modules they use are plain Python on tables of numbers, and the
specification: `signals.smc.compiled` has numba translate the very same functions for long series.
"""

from math import nan

from signals.smc.layout import (
    AT,
    BEATEN_AT,
    BLOCK_THROUGH,
    BOS_AT,
    BREAKER_THROUGH,
    CHOCH_AT,
    COUNT,
    DEEPEST,
    FAR,
    FREE,
    GAP_FILL,
    GAP_TOUCH,
    KNOWN,
    LADDERS,
    LEFT,
    LEFT_GAP,
    LEG_LOW,
    LEVEL,
    LEVEL_AT,
    MEMORY,
    MIDDLE_CHANGE,
    NEAR,
    NEW_SLOTS,
    NOW,
    NOW_TIME,
    OUT_INTS,
    POOL_BEYOND,
    PREVIOUS_CLOSE,
    RANGE,
    ROWS,
    SLOTS,
    SOURCE,
    STRENGTH_BOUND,
    SWEEP_AT,
    SWEEP_LEVEL,
    SWEEP_MEMORY,
    SWING,
    SWING_AT,
    SWING_KNOWN,
    TREND,
    ZONE_FLOATS,
    ZONE_INTS,
    Bars,
    State,
    Table,
)
from signals.smc.structure import (
    block_quality,
    break_structure,
    confirm_swings,
    extend_leg,
    find_gap,
    has_range,
)
from signals.smc.zones import fail_blocks, follow_gaps, follow_zones

WIDTH = 71
"""Numbers that `describe` writes for a bar."""


def walk(s: State, length: int, bars: Bars, start: int, table: Table) -> int:
    """Take bars from `start` on; return how many of all were taken before room ran out.

    `table` takes `WIDTH` numbers a bar, or is empty: then what was made known is kept instead.
    """
    times, opens, highs, lows, closes = bars
    for bar in range(start, len(times)):
        if len(table) > 0:
            s.ints[ROWS] = 0
        if not has_room(s):
            return bar
        take_bar(s, length, times[bar], opens[bar], highs[bar], lows[bar], closes[bar])
        if len(table) > 0:
            describe(s, table, bar * WIDTH, closes[bar])
    return len(times)


def has_room(s: State) -> bool:
    """Say whether the tables can take whatever the next bar may bring."""
    used = s.ints[SLOTS] - s.ints[FREE]
    rows = len(s.out_ints) // OUT_INTS - s.ints[ROWS]
    return bool(len(s.free) - used >= NEW_SLOTS and rows >= 4 * used + 2 * NEW_SLOTS)


def take_bar(
    s: State, length: int, time: int, open_: float, high: float, low: float, close: float
) -> None:
    """Take the bar that just closed."""
    s.ints[NOW] += 1
    s.ints[NOW_TIME] = time
    now, size = s.ints[NOW], len(s.times)
    place = now & (size - 1)
    s.times[place], s.lows[place], s.lows[size + place] = time, low, -high
    true_range = high - low
    if now > 0:
        before = s.floats[PREVIOUS_CLOSE]
        true_range = max(true_range, abs(high - before), abs(low - before))
    s.ranges[place] = true_range
    follow_zones(s, 0, low, close)
    follow_zones(s, 1, -high, -close)
    follow_gaps(s, 0, low)
    follow_gaps(s, 1, -high)
    fail_blocks(s, 0, close)
    fail_blocks(s, 1, -close)
    reach_swing(s, 0, low)
    reach_swing(s, 1, -high)
    confirm_swings(s, length)
    if now >= 2:
        before = (now - 2) & (size - 1)
        if low > -s.lows[size + before]:
            find_gap(s, 0)
        elif high < s.lows[before]:
            find_gap(s, 1)
    if -close < s.floats[LEVEL + 1]:
        break_structure(s, 0)
    elif close < s.floats[LEVEL]:
        break_structure(s, 1)
    if s.ints[LEVEL_AT + 1] >= 0 and low <= s.floats[LEG_LOW]:
        extend_leg(s, 0, now)
    if s.ints[LEVEL_AT] >= 0 and -high <= s.floats[LEG_LOW + 1]:
        extend_leg(s, 1, now)
    s.floats[PREVIOUS_CLOSE], s.floats[MIDDLE_CHANGE] = close, close - open_


def reach_swing(s: State, side: int, low: float) -> None:
    """Note how far price has gone since the newest swing, and where it came back to it."""
    s.floats[RANGE + side] = min(s.floats[RANGE + side], low)
    if s.ints[BEATEN_AT + side] < 0 and low <= s.floats[SWING + side]:
        s.ints[BEATEN_AT + side] = s.ints[NOW]


def describe(s: State, table: Table, place: int, close: float) -> None:
    """Write what is known after a close, in the order of `signals.columns.smc_fields.FIELDS`."""
    known = False
    for number, first in enumerate((BOS_AT, CHOCH_AT)):
        for side in (0, 1):
            age = age_of(s, s.ints[first + side], MEMORY)
            table[place + 5 + 2 * number + side] = age
            known = known or age == age
    table[place] = float(s.ints[TREND]) if known else nan
    for side in (1, 0):
        describe_swing(s, table, place + 3 - 2 * side, place + 30 - side, side)
    for side in (0, 1):
        describe_block(s, table, place + 9 + 6 * side, place + 37 + side, side)
        describe_zone(s, table, place + 21 + 4 * side, side, GAP_TOUCH)
        describe_zone(s, table, place + 39 + 4 * side, side, BREAKER_THROUGH)
        describe_open_gap(s, table, place + 47 + 5 * side, side)
        describe_pool(s, table, place + 62 - 5 * side, side)
        age = age_of(s, s.ints[SWEEP_AT + side], SWEEP_MEMORY)
        level = s.floats[SWEEP_LEVEL + side]
        table[place + 67 + 2 * side] = age
        table[place + 68 + 2 * side] = nan if age != age else level if side == 0 else -level
    describe_range(s, table, place + 31, close)


def age_of(s: State, known: int, memory: int) -> float:
    """Return the bars since something was confirmed; missing if it is forgotten, or never was."""
    if known < 0 or s.ints[NOW] - known > memory:
        return nan
    return float(s.ints[NOW] - known)


def describe_swing(s: State, table: Table, place: int, strength: int, side: int) -> None:
    age = age_of(s, s.ints[SWING_KNOWN + side], MEMORY)
    price = s.floats[SWING + side]
    table[place] = nan if age != age else price if side == 0 else -price
    table[place + 1] = age
    beaten, at = s.ints[BEATEN_AT + side], s.ints[SWING_AT + side]
    right = (beaten - 1 if beaten >= 0 else s.ints[NOW]) - at
    bounded = float(min(s.ints[LEFT + side], right, STRENGTH_BOUND))
    table[strength] = nan if age != age else bounded


def describe_range(s: State, table: Table, place: int, close: float) -> None:
    """Write high, low, equilibrium and position of the dealing range, premium and discount."""
    high, low = -s.floats[RANGE + 1], s.floats[RANGE]
    if not has_range(s) or high <= low:
        for number in range(6):
            table[place + number] = nan
        return
    position = (close - low) / (high - low)
    table[place], table[place + 1], table[place + 2] = high, low, (high + low) / 2
    table[place + 3] = position
    table[place + 4] = 1.0 if position > 0.5 else 0.0
    table[place + 5] = 1.0 if position < 0.5 else 0.0


def nearest(s: State, ladder: int, since: int, least: int) -> int:
    """Return the nearest zone that is not forgotten and has a count of `least`, or -1.

    What made it must be remembered too: `since` is the place of the bar that counts.
    """
    place = ladder * len(s.free) + s.sizes[ladder]
    for _ in range(s.sizes[ladder]):
        place -= 1
        zone = s.members[place] * ZONE_INTS
        is_recent = s.ints[NOW] - s.zone_ints[zone + since] <= MEMORY
        if is_recent and s.zone_ints[zone + COUNT] >= least:
            return int(s.members[place])
    return -1


def describe_zone(s: State, table: Table, place: int, side: int, ladder: int) -> int:
    """Write whether there is a zone, the nearest one's top, bottom and age; return its slot."""
    since, least = KNOWN, 0
    if ladder == POOL_BEYOND:
        since, least = AT, 2
    elif ladder == BREAKER_THROUGH:
        since = SOURCE
    slot = nearest(s, side * LADDERS + ladder, since, least)
    if slot < 0:
        table[place] = 0.0
        for number in range(1, 4):
            table[place + number] = nan
        return slot
    near = s.zone_floats[slot * ZONE_FLOATS + NEAR]
    far = s.zone_floats[slot * ZONE_FLOATS + FAR]
    table[place] = 1.0
    table[place + 1] = near if side == 0 else -far
    table[place + 2] = far if side == 0 else -near
    table[place + 3] = float(s.ints[NOW] - s.zone_ints[slot * ZONE_INTS + KNOWN])
    return slot


def describe_block(s: State, table: Table, place: int, quality: int, side: int) -> None:
    slot = describe_zone(s, table, place, side, BLOCK_THROUGH)
    zone = slot * ZONE_INTS
    table[place + 4] = float(s.zone_ints[zone + COUNT]) if slot >= 0 else nan
    table[place + 5] = float(s.zone_ints[zone + LEFT_GAP]) if slot >= 0 else nan
    table[quality] = block_quality(s, slot) if slot >= 0 else nan


def describe_open_gap(s: State, table: Table, place: int, side: int) -> None:
    """Write the nearest gap that is not filled, and the share of it that price has filled."""
    slot = describe_zone(s, table, place, side, GAP_FILL)
    table[place + 4] = nan
    if slot < 0:
        return
    ladder = side * LADDERS + GAP_FILL
    at = ladder * len(s.free) + s.sizes[ladder] - 1
    near = s.zone_floats[slot * ZONE_FLOATS + NEAR]
    far = s.zone_floats[slot * ZONE_FLOATS + FAR]
    deepest = min(near, s.zone_floats[s.members[at] * ZONE_FLOATS + DEEPEST])
    while s.members[at] != slot:
        at -= 1
        deepest = min(deepest, s.zone_floats[s.members[at] * ZONE_FLOATS + DEEPEST])
    table[place + 4] = (near - deepest) / (near - far)


def describe_pool(s: State, table: Table, place: int, side: int) -> None:
    slot = describe_zone(s, table, place, side, POOL_BEYOND)
    table[place + 4] = float(s.zone_ints[slot * ZONE_INTS + COUNT]) if slot >= 0 else nan
