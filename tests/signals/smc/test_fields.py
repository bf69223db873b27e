"""Every number of `x.smc` against what the events say it is, bar by bar."""

from math import isnan, nan

import numpy as np
import pytest

from signals.columns import ArrayBars
from signals.columns.smc_fields import FIELDS, FLAGS, MEMORY, history
from signals.smc import Pass, detect
from tests.signals.real_bars import btc_1m, eurusd_15m
from tests.signals.smc.test_compiled import columns

SIDES = (("bullish", 1), ("bearish", -1))
SWINGS = (("swing_high", -1), ("swing_low", 1))


class Told:
    """What the events up to a bar say."""

    def __init__(self, bars, swing):
        found = detect(bars, swing=swing)
        self.bars, self.events = bars, found.events
        self.ended = {}
        for one in found.changes:
            self.ended.setdefault(one.event, {})[str(one.stage)] = one.index

    def known(self, now, kind, direction):
        return [
            one
            for one in self.events
            if one.kind == kind and one.direction == direction and one.confirmed_index <= now
        ]

    def sweeps(self, now, direction):
        """Return the sweeps of pools that were young enough to count."""
        found = self.known(now, "sweep", direction)
        return [one for one in found if one.index - one.source_index <= 192]

    def age(self, now, kind, direction):
        found = self.known(now, kind, direction)
        return age(found[-1], now) if found else nan

    def open(self, now, kind, direction, *ends):
        """Return the zones that stand, the nearest last; `ends` are the stages that end them."""
        standing = [
            one
            for one in self.known(now, kind, direction)
            if now - remembered(one) <= MEMORY
            and all(self.ended.get(one, {}).get(end, now + 1) > now for end in ends)
        ]
        edge = (lambda one: one.bottom) if direction > 0 else (lambda one: -one.top)
        return sorted(standing, key=edge)

    def reach(self, direction):
        return self.bars.low if direction > 0 else -self.bars.high


def age(event, now):
    found = now - event.confirmed_index
    return found if found <= MEMORY else nan


def remembered(event):
    """Return the bar from which a zone is forgotten: that of what made it."""
    places = {"breaker": event.source_index, "liquidity": event.index}
    return places.get(str(event.kind), event.confirmed_index)


def zone(name, found, now):
    if not found:
        return {name: 0, **{f"{name}_{part}": nan for part in ("top", "bottom", "age")}}
    one = found[-1]
    return {
        name: 1,
        f"{name}_top": one.top,
        f"{name}_bottom": one.bottom,
        f"{name}_age": now - one.confirmed_index,
    }


def structure(told, now):
    row = {}
    for side, direction in SIDES:
        for kind in ("bos", "choch"):
            row[f"{side}_{kind}_age"] = told.age(now, kind, direction)
    breaks = [one for one in told.events if one.kind in ("bos", "choch")]
    past = [one for one in breaks if one.confirmed_index <= now]
    is_known = past and not all(map(isnan, row.values()))
    row["trend"] = past[-1].direction if is_known else nan
    return row


def strength(told, direction, event, now):
    """Return how many bars on either side a swing dominates: the lesser, at most 50."""
    reach, at = told.reach(direction), event.index
    left = right = 0
    while left < 50 and left < at and reach[at - left - 1] >= reach[at]:
        left += 1
    while at + right < now and reach[at + right + 1] > reach[at]:
        right += 1
    return min(left, right, 50)


def swings(told, now):
    row, ends = {}, {}
    for kind, direction in SWINGS:
        found = told.known(now, kind, direction)
        recent = found and now - found[-1].confirmed_index <= MEMORY
        row[kind] = found[-1].top if recent else nan
        row[f"{kind}_age"] = now - found[-1].confirmed_index if recent else nan
        row[f"{kind}_strength"] = strength(told, direction, found[-1], now) if recent else nan
        if recent:
            reach = told.reach(direction)[found[-1].index : now + 1]
            ends[kind] = float(reach.min()) * direction
    names = ("range_high", "range_low", "equilibrium", "range_position", "premium", "discount")
    if len(ends) < 2 or ends["swing_high"] <= ends["swing_low"]:
        return row | dict.fromkeys(names, nan)
    high, low = ends["swing_high"], ends["swing_low"]
    position = (told.bars.close[now] - low) / (high - low)
    values = (high, low, (high + low) / 2, position, position > 0.5, position < 0.5)
    return row | dict(zip(names, values, strict=True))


def blocks(told, now, row):
    found = {}
    for side, direction in SIDES:
        name = f"{side}_ob"
        standing = told.open(now, "order_block", direction, "mitigated")
        found |= zone(name, standing, now)
        found |= {f"{name}_gap": nan, f"{name}_quality": nan}
        if not standing:
            continue
        block = standing[-1]
        # A gap of the close that made the block known counts.
        gaps = told.known(block.confirmed_index, "fvg", direction)
        left_gap = bool(gaps) and gaps[-1].index > block.index
        sweeps = told.sweeps(block.confirmed_index, direction)
        swept = bool(sweeps) and sweeps[-1].index > block.source_index
        middle = (block.top + block.bottom) / 2
        cheap = direction * middle < direction * row["equilibrium"]
        found[f"{name}_gap"] = left_gap
        found[f"{name}_quality"] = (
            0.30 * (told.trend == direction) + 0.20 * left_gap + 0.20 * cheap + 0.15 * swept
        )
    return found


def zones(told, now):
    row = {}
    for side, direction in SIDES:
        row |= zone(f"{side}_fvg", told.open(now, "fvg", direction, "touched"), now)
        row |= zone(f"{side}_breaker", told.open(now, "breaker", direction, "mitigated"), now)
        gaps = told.open(now, "fvg", direction, "filled")
        row |= zone(f"{side}_open_fvg", gaps, now)
        row[f"{side}_open_fvg_fill"] = nan
        if gaps:
            one = gaps[-1]
            later = told.reach(direction)[one.confirmed_index + 1 : now + 1]
            near = one.top if direction > 0 else -one.bottom
            depth = near - min(near, *later, near)
            row[f"{side}_open_fvg_fill"] = depth / (one.top - one.bottom)
        sweeps = told.sweeps(now, direction)
        recent = sweeps and now - sweeps[-1].index <= 192
        row[f"{side}_sweep_age"] = now - sweeps[-1].index if recent else nan
        level = (lambda one: one.top) if direction > 0 else (lambda one: one.bottom)
        row[f"{side}_sweep_level"] = level(sweeps[-1]) if recent else nan
    for name, direction in (("high_pool", -1), ("low_pool", 1)):
        pools = told.open(now, "liquidity", direction, "swept", "taken", "grown")
        row |= zone(name, pools, now)
        row[f"{name}_count"] = pools[-1].size if pools else nan
    return row


@pytest.mark.parametrize("series", [lambda: btc_1m(100, 3), eurusd_15m])
def test_every_field_says_what_the_events_say(series):
    bars = ArrayBars.of(series(), slice(0, 1500))
    told = Told(bars, 3)
    table = Pass(3).describe(columns(bars))
    seen = {name: set() for name in FIELDS}
    for now in range(7, len(bars.close), 7):
        row = structure(told, now) | swings(told, now) | zones(told, now)
        told.trend = row["trend"]
        row |= blocks(told, now, row)
        ours = dict(zip(FIELDS, table[now].tolist(), strict=True))
        for name, value in row.items():
            wanted, got = float(value), ours[name]
            if name.endswith("_quality") and not isnan(got):
                fresh = 0.15 * (ours[name.replace("quality", "touches")] <= 1)
                assert got == pytest.approx(wanted + fresh, abs=1e-12), (now, name)
            else:
                assert got == wanted or (isnan(got) and isnan(wanted)), (now, name)
            seen[name].add(got)
    counted = {name for name in FIELDS if name.endswith("ob_touches")}
    assert {name for name, values in seen.items() if len(values) < 2} <= counted
    assert set(row) == set(FIELDS) - counted


@pytest.mark.parametrize(("series", "swing"), [(lambda: btc_1m(100, 5), 5), (eurusd_15m, 10)])
def test_where_the_calculation_begins_changes_nothing(series, swing):
    """What lies further back than the history is of no consequence."""
    whole = Pass(swing).describe(columns(series()))
    for end in range(2000, 6000, 97):
        last = Pass(swing).describe(columns(series(), slice(end - history(swing), end + 1)))[-1]
        assert last.tobytes() == whole[end].tobytes(), end


def test_flags_are_conditions():
    bars = ArrayBars.of(btc_1m(100, 3), slice(0, 2000))
    table = Pass(3).describe(columns(bars))
    for number, name in enumerate(FIELDS):
        values = set(np.unique(table[:, number][~np.isnan(table[:, number])]).tolist())
        assert (values <= {0.0, 1.0}) >= (name in FLAGS), name
    assert {name for name in FLAGS if not name.startswith(("bullish", "bearish"))} == {
        "high_pool",
        "low_pool",
        "premium",
        "discount",
    }
