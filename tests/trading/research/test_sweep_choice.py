"""The recommended point lies on a plateau and not on a spike; TPE asks by what the rows say."""

from statistics import median

import pytest

from signals.strategies.params import Param
from trading.backtest.space import space_read
from trading.backtest.stability import Scored, distribution, drift, recommended, stabilities
from trading.backtest.tpe import GENERATION, Known, asked, generation_of

OFFSET, PATIENCE = "assumptions.entry_offset_ppm", "assumptions.patience_s"
WIDE = {OFFSET: {"low": 0, "high": 9}, PATIENCE: {"low": 0, "high": 9}}


def scored(points, value):
    return [
        Scored(number, one, value(one[OFFSET], one[PATIENCE]))
        for number, one in enumerate(points, 1)
    ]


def landscape(a, b):
    """A plateau of 3 around (7, 7); a spike of 100 at (2, 2); 0 elsewhere."""
    if (a, b) == (2, 2):
        return 100.0
    return 3.0 if max(abs(a - 7), abs(b - 7)) <= 1 else 0.0


@pytest.mark.parametrize("is_grid", [True, False])
def test_the_plateau_is_recommended_and_not_the_spike(is_grid):
    space = space_read(WIDE, {})
    points = scored(space.grid(), landscape)
    found = stabilities(space, points, is_grid=is_grid)
    by_number = {one.number: one for one in points}
    best = max(points, key=lambda one: one.objective)
    assert tuple(best.point.values()) == (2, 2)
    chosen = by_number[recommended(found).number]
    assert tuple(chosen.point.values()) == (7, 7)
    assert found[chosen.number].median == 3.0


def test_neighbours_by_hand():
    space = space_read(WIDE, {})
    points = scored(space.grid(), lambda a, b: float(10 * a + b))
    found = stabilities(space, points, is_grid=True)
    inner, corner = found[3 * 10 + 5 + 1], found[1]
    around = [10 * a + b for a in (2, 3, 4) for b in (4, 5, 6)]
    assert (inner.median, inner.mean, inner.low, inner.neighbours) == (
        median(around),
        sum(around) / 9,
        24.0,
        8,
    )
    assert (corner.median, corner.low, corner.neighbours) == (5.5, 0.0, 3)


def test_a_point_among_unranked_ones_is_no_plateau():
    space = space_read({OFFSET: {"low": 0, "high": 6}}, {})
    values = [None, 9.0, None, 1.0, 5.0, 5.0, 5.0]
    points = [Scored(n, {OFFSET: n}, value) for n, value in enumerate(values)]
    found = stabilities(space, points, is_grid=True)
    assert sorted(found) == [1, 3, 4, 5, 6]
    assert found[1].median == 1.0  # the worst of the search stands for those without one
    assert recommended(found).number == 5


def test_texts_have_no_order():
    space = space_read({"assumptions.entry": {}, OFFSET: {"low": 0, "high": 2}}, {})
    points = [Scored(n, one, float(n)) for n, one in enumerate(space.grid())]
    found = stabilities(space, points, is_grid=True)
    assert found[1].neighbours == 2


def test_nothing_ranked_recommends_nothing():
    space = space_read({OFFSET: {"low": 0, "high": 1}}, {})
    assert recommended(stabilities(space, [Scored(1, {OFFSET: 0}, None)], is_grid=True)) is None


def test_distribution_by_hand():
    found = distribution([float(one) for one in range(1, 102)], bins=4)
    quarters = ("low", "first_quarter", "median", "third_quarter", "high")
    assert [found[name] for name in quarters] == [1, 26, 51, 76, 101]
    assert found["counts"] == [25, 25, 25, 26]
    assert distribution([]) == {}


def test_drift_counts_changes():
    chosen = [{"fast": 8, "slow": 30}, {"fast": 8, "slow": 50}, {"fast": 9, "slow": 30}]
    assert drift(chosen) == {
        "fast": {"values": [8, 8, 9], "changes": 1},
        "slow": {"values": [30, 50, 30], "changes": 2},
    }


def search(space, value, count, *, seed=7):
    """Return the points of a whole TPE search made by one worker."""
    known = []
    while len(known) < count:
        coming = generation_of(len(known) + 1)
        told = [
            Known(one, value(one), is_under_way=generation_of(n) == coming - 1)
            for n, one in enumerate(known, 1)
        ]
        known += asked(space, told, count=min(GENERATION, count - len(known)), seed=seed)
    return known


def bowl(point):
    return -float((point[OFFSET] - 23) ** 2 + (point[PATIENCE] - 71) ** 2)


BIG = {OFFSET: {"low": 0, "high": 99}, PATIENCE: {"low": 0, "high": 99}}


def test_tpe_is_settled_by_its_seed_and_its_rows():
    space = space_read(BIG, {})
    first = search(space, bowl, 48)
    assert first == search(space, bowl, 48)
    assert first != search(space, bowl, 48, seed=8)
    assert len({tuple(one.values()) for one in first}) == 48


def test_tpe_goes_on_from_rows_as_if_nothing_had_happened():
    space = space_read(BIG, {})
    whole = search(space, bowl, 56)
    told = [
        Known(one, bowl(one), is_under_way=generation_of(n) == 4)
        for n, one in enumerate(whole[:40], 1)
    ]
    assert asked(space, told, count=GENERATION, seed=7) == whole[40:48]


def test_what_is_under_way_does_not_count_yet():
    """Whatever the generation just before gives, the next one asks for the same points."""
    space = space_read(BIG, {})
    whole = search(space, bowl, 40)
    told = [Known(one, bowl(one)) for one in whole[:32]]
    lies = [Known(one, None, is_under_way=True) for one in whole[32:]]
    truths = [Known(one, bowl(one), is_under_way=True) for one in whole[32:]]
    assert asked(space, told + lies, count=8, seed=7) == asked(
        space, told + truths, count=8, seed=7
    )


def test_tpe_comes_closer_than_chance():
    space = space_read(BIG, {})
    guided = max(bowl(one) for one in search(space, bowl, 96))
    chance = [max(bowl(one) for one in space.random(96, seed)) for seed in range(9)]
    assert guided > median(chance)


def test_tpe_keeps_to_conditions_and_ends_where_the_space_ends():
    told = {OFFSET: {"low": 0, "high": 3}, PATIENCE: {"low": 0, "high": 3}}
    space = space_read({**told, "where": [f"{OFFSET} < {PATIENCE}"]}, {})
    known = []
    while found := asked(space, [Known(one, 0.0) for one in known], count=4, seed=1):
        known += found
    assert sorted(tuple(one.values()) for one in known) == [
        *((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    ]


def test_tpe_takes_texts_and_numbers_without_steps():
    spec = Param(0.5, low=0.0, high=1.0)
    spec.name = "depth"
    space = space_read({"depth": {}, "assumptions.entry": {}}, {"depth": spec})
    points = search(space, lambda one: -abs(one["depth"] - 0.3), 40)
    assert all(0 <= one["depth"] <= 1 for one in points)
    assert {one["assumptions.entry"] for one in points} == {"market", "limit", "stop", "stop_limit"}
