"""Where the pass keeps what it knows: flat tables of numbers, and the names of their places.

Every table is a list (plain Python) or an array (compiled) of the same numbers. What happens to
highs is what happens to lows seen in a mirror, so each rule is written once, for the bullish side:
side 0 looks at prices as they are, side 1 at their negatives. A zone's `near` edge is the one that
price comes to first, its `far` edge the one behind it; `near >= far` on either side.
"""

from typing import Any, NamedTuple

type Table = Any
"""A list of numbers, or an array of them."""
type Bars = tuple[Table, Table, Table, Table, Table]
"""Open times (epoch seconds), opens, highs, lows, closes, oldest first."""


class State(NamedTuple):
    """Everything the pass knows between two bars.

    Attributes
    ----------
    ints, floats : table
        Single values by the names below; those of a pair are at name + side.
    times, ranges : table
        Open times and true ranges of the last bars, at bar & (length - 1).
    lows : table
        Lows of the last bars, then, mirrored, their highs.
    zone_ints, zone_floats : table
        Zones by slot, `ZONE_INTS` and `ZONE_FLOATS` numbers each.
    free : table
        Slots that were given back; its length is the number of slots there are.
    sizes, levels, members : table
        Ladders: zones ordered by the price at which something happens to them, nearest last.
    ends : table
        The level of the last one of each ladder, -inf without one.
    out_ints, out_floats : table
        What was made known, `OUT_INTS` and `OUT_FLOATS` numbers a row.
    """

    ints: Table
    floats: Table
    times: Table
    ranges: Table
    lows: Table
    zone_ints: Table
    zone_floats: Table
    free: Table
    sizes: Table
    levels: Table
    members: Table
    ends: Table
    out_ints: Table
    out_floats: Table


# Single values.
NOW, NOW_TIME, TREND, SLOTS, FREE, ROWS = range(6)
LEVEL_AT = 6  # pair: the unbroken swing, -1 without one
SWING_AT, SWING_KNOWN = 8, 10  # pairs: the newest swing
LEFT, BEATEN_AT = 12, 14  # pairs: bars before it that it dominates; the bar that reached it, or -1
BOS_AT, CHOCH_AT = 16, 18  # pairs: the newest breaks, -1 without one
LEG_AT, LEG_TIME = 20, 22  # pairs: the lowest bar since the swing that may break, -1 without one
GAP_AT, SWEEP_AT = 24, 26  # pairs: the newest gap and sweep, -1 without one
INTS = 28
PREVIOUS_CLOSE, MIDDLE_CHANGE = 0, 1
LEVEL = 2  # pair: price of the unbroken swing, -inf without one
SWING = 4  # pair: price of the newest swing
RANGE = 6  # pair: the lowest price since the bar of the newest swing low
LEG_LOW, LEG_HIGH = 8, 10
SWEEP_LEVEL = 12
FLOATS = 14

# A zone.
KIND, SIDE, AT, KNOWN, SOURCE, AT_TIME, KNOWN_TIME, COUNT, LEFT_GAP, SWEPT_BEFORE = range(10)
ZONE_INTS = 10
NEAR, FAR, DEEPEST, QUALITY = range(4)
ZONE_FLOATS = 4

# A row of what was made known.
(
    OUT_STAGE,
    OUT_KIND,
    OUT_SIDE,
    OUT_AT,
    OUT_KNOWN,
    OUT_SOURCE,
    OUT_NOW,
    OUT_AT_TIME,
    OUT_KNOWN_TIME,
    OUT_NOW_TIME,
    OUT_SIZE,
) = range(11)
OUT_INTS = 11
OUT_TOP, OUT_BOTTOM, OUT_QUALITY = range(3)
OUT_FLOATS = 3

# Kinds and stages in the order of `Kind` and `Stage`.
SWING_HIGH, SWING_LOW, BOS, CHOCH, ORDER_BLOCK, GAP, BREAKER, POOL, SWEEP = range(9)
CONFIRMED, TOUCHED, HALF_FILLED, FILLED, MITIGATED, FAILED, SWEPT, TAKEN, GROWN = range(9)

# Ladders of a side.
(
    BLOCK_TOUCH,
    BLOCK_THROUGH,
    BLOCK_CLOSED,
    BREAKER_TOUCH,
    BREAKER_THROUGH,
    GAP_TOUCH,
    GAP_HALF,
    GAP_FILL,
    POOL_BEYOND,
) = range(9)
LADDERS = 9

MEMORY = 384
"""Bars after which columns and scores forget a confirmed thing."""
STRENGTH_BOUND = 50
"""A swing's strength counts so many bars on either side at most."""
SWEEP_MEMORY = 192
"""Bars after which columns forget a sweep, and what a pool may be old to count when it is swept."""
RANGE_BARS = 14
"""True ranges whose mean is the measure of equal highs and lows."""
TOLERANCE = 0.1
"""Equal highs and lows differ by at most this share of the mean true range."""
POOL_SPAN = 96
"""Bars from the first swing of a pool to the last."""
STRUCTURE_PART, GAP_PART, DISCOUNT_PART, SWEEP_PART, FRESH_PART = 0.30, 0.20, 0.20, 0.15, 0.15
"""Parts of an order block's quality; together 1."""
NEW_SLOTS = 8
"""More slots than one bar can take."""
