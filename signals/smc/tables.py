"""The tables of a pass: made, made larger, handed from plain Python to numba and back."""

from math import inf

import numpy as np

from signals.smc import layout as at
from signals.smc.layout import State, Table

SLOTS = 32
ROWS = 4 * SLOTS + 4 * at.NEW_SLOTS
INT_TABLES = frozenset(
    ("ints", "times", "zone_ints", "free", "sizes", "members", "out_ints"),
)


def new_state(length: int) -> State:
    """Return the state before the first bar, as lists."""
    size = 1
    while size < max(2 * length, length + at.STRENGTH_BOUND, at.RANGE_BARS) + 2:
        size *= 2
    ints, floats = [0] * at.INTS, [0.0] * at.FLOATS
    ints[at.NOW] = -1
    ladders = 2 * at.LADDERS
    for side in (0, 1):
        for name in (
            at.LEVEL_AT,
            at.SWING_AT,
            at.SWING_KNOWN,
            at.BEATEN_AT,
            at.BOS_AT,
            at.CHOCH_AT,
            at.LEG_AT,
            at.GAP_AT,
            at.SWEEP_AT,
        ):
            ints[name + side] = -1
        for name in (at.LEVEL, at.SWING):
            floats[name + side] = -inf
        for name in (at.RANGE, at.LEG_LOW):
            floats[name + side] = inf
    return State(
        ints,
        floats,
        [0] * size,
        [0.0] * size,
        [0.0] * (2 * size),
        [0] * (SLOTS * at.ZONE_INTS),
        [0.0] * (SLOTS * at.ZONE_FLOATS),
        [0] * SLOTS,
        [0] * ladders,
        [0.0] * (SLOTS * ladders),
        [0] * (SLOTS * ladders),
        [-inf] * ladders,
        [0] * (ROWS * at.OUT_INTS),
        [0.0] * (ROWS * at.OUT_FLOATS),
    )


def as_arrays(state: State) -> State:
    """Return the state as arrays."""
    return State(
        *(
            np.asarray(table, dtype=np.int64 if name in INT_TABLES else np.float64)
            for name, table in zip(State._fields, state, strict=True)
        )
    )


def as_lists(state: State) -> State:
    """Return the state as lists."""
    return State(*(table if isinstance(table, list) else table.tolist() for table in state))


def with_room(state: State) -> State:
    """Return the state with twice the slots, or twice the rows: of whichever there are too few."""
    used = int(state.ints[at.SLOTS] - state.ints[at.FREE])
    slots = len(state.free)
    changed: dict[str, Table] = {}
    if slots - used < at.NEW_SLOTS:
        ladders = len(state.sizes)
        changed = {
            "zone_ints": _longer(state.zone_ints, 1),
            "zone_floats": _longer(state.zone_floats, 1),
            "free": _longer(state.free, 1),
            "levels": _longer(state.levels, ladders),
            "members": _longer(state.members, ladders),
        }
    else:
        changed = {
            "out_ints": _longer(state.out_ints, 1),
            "out_floats": _longer(state.out_floats, 1),
        }
    return state._replace(**changed)


def with_rows(state: State, rows: int) -> State:
    """Return a state with new rows: so many, or the least it needs."""
    rows = max(rows, 4 * len(state.free) + 4 * at.NEW_SLOTS)
    ints: Table = np.empty(rows * at.OUT_INTS, dtype=np.int64)
    floats: Table = np.empty(rows * at.OUT_FLOATS)
    if isinstance(state.ints, list):
        ints, floats = [0] * len(ints), [0.0] * len(floats)
    return state._replace(out_ints=ints, out_floats=floats)


def _longer(table: Table, parts: int) -> Table:
    """Return a table whose parts are each twice as long."""
    old = np.asarray(table).reshape(parts, -1)
    new = np.concatenate((old, np.zeros_like(old)), axis=1).reshape(-1)
    return new.tolist() if isinstance(table, list) else new
