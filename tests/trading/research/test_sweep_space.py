"""The space of a search: what it takes from a strategy's parameters, and the points it has."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.strategies.base import Strategy
from signals.strategies.params import Param, TextParam
from trading.backtest.assumptions import Assumptions
from trading.backtest.space import SpaceError, applied, grid_points, space_read


class Averages(Strategy):
    fast = Param(12, low=5, high=9)
    slow = Param(26, low=15, high=80, step=20)
    depth = Param(0.5, low=0.0, high=0.3, step=0.1)
    free = Param(1.0, low=0.0, high=2.0)
    other = TextParam("ETH/USDT")


SPECS = Averages.param_specs


def grid(told):
    return grid_points(space_read(told, SPECS))


def test_grid_takes_bounds_and_steps_from_the_parameters():
    points = grid({"fast": {}, "slow": {}, "depth": {"low": 0.1}})
    wanted = product((5, 6, 7, 8, 9), (15, 35, 55, 75), (0.1, 0.2, 0.3))
    assert [tuple(one.values()) for one in points] == list(wanted)
    assert list(points[0]) == ["fast", "slow", "depth"]
    assert all(type(one["fast"]) is int and type(one["depth"]) is float for one in points)


def test_grid_takes_what_is_told_instead():
    points = grid({"fast": {"low": 5, "high": 9, "step": 2}, "slow": {"values": [80, 20, 50]}})
    assert [(one["fast"], one["slow"]) for one in points] == [
        *((5, 20), (5, 50), (5, 80), (7, 20), (7, 50), (7, 80), (9, 20), (9, 50), (9, 80))
    ]


def test_conditions_leave_points_out():
    told = {"fast": {"values": [5, 7, 9]}, "slow": {"values": [15, 16]}, "where": ["fast != 7"]}
    assert [one["fast"] for one in grid(told)] == [5, 5, 9, 9]
    told["where"] = ["slow > fast", "fast <= 5"]
    assert grid(told) == [{"fast": 5, "slow": 15}, {"fast": 5, "slow": 16}]


def test_choices_of_the_trader_vary_too():
    points = grid(
        {
            "assumptions.stop_ppm": {"low": 10_000, "high": 30_000, "step": 10_000},
            "assumptions.entry": {"values": ["limit", "market"]},
        }
    )
    assert len(points) == 6
    params, changed = applied(points[0], {"fast": 7}, Assumptions())
    assert (params, changed.limits.stop_ppm, changed.entry) == ({"fast": 7}, 10_000, "limit")
    assert changed.limits.position_ppm == Assumptions().limits.position_ppm


@pytest.mark.parametrize(
    ("told", "place", "said"),
    [
        ({}, "/space", "say what varies"),
        ({"quick": {}}, "/space/quick", "there is no parameter quick; there are fast, slow"),
        ({"fast": 7}, "/space/fast", "fast wants"),
        ({"fast": {"steps": 2}}, "/space/fast/steps", "not steps"),
        ({"fast": {"low": 4}}, "/space/fast/low", "must lie between 5 and 9"),
        ({"fast": {"low": 8, "high": 6}}, "/space/fast/high", "low comes first"),
        ({"fast": {"step": 0}}, "/space/fast/step", "a whole number above 0"),
        ({"fast": {"step": 0.5}}, "/space/fast/step", "a whole number above 0"),
        ({"fast": {"low": "5"}}, "/space/fast/low", "is a number, not '5'"),
        ({"fast": {"values": []}}, "/space/fast/values", "a list of at least one"),
        ({"fast": {"values": [6, 6]}}, "/space/fast/values", "named twice"),
        ({"fast": {"values": [6, 99]}}, "/space/fast/values/1", "not 99"),
        ({"fast": {"values": [True]}}, "/space/fast/values/0", "must be a number"),
        ({"free": {}}, "/space/free/step", "give a step or values for a grid"),
        ({"other": {}}, "/space/other", "list its values"),
        ({"assumptions.stop_ppm": {}}, "/space/assumptions.stop_ppm/low", "give low"),
        ({"assumptions.fee_milli": {}}, "/space/assumptions.fee_milli", "nothing to search over"),
        ({"assumptions.entry": {"values": ["x"]}}, "/space/assumptions.entry/values/0", "market"),
        ({"fast": {}, "where": ["fast ~ 3"]}, "/space/where/0", "compares two sides"),
        ({"fast": {}, "where": ["fast < slow"]}, "/space/where/0", "slow does not vary here"),
        ({"fast": {}, "where": ["fast > 9"]}, "/space/where", "no point meets"),
        (
            {"free": {"low": 0, "high": 2, "step": 0.001}},
            "/space/free/step",
            "2001 values; 1000 are allowed",
        ),
        (
            {"fast": {}, "slow": {"step": 1}, "depth": {}, "free": {"step": 0.1}},
            "/space",
            "the grid has 27,720 points; 20,000 are allowed",
        ),
    ],
)
def test_what_cannot_be_says_where(told, place, said):
    with pytest.raises(SpaceError) as caught:
        grid(told)
    assert caught.value.place == place
    assert said in str(caught.value)


def test_random_points_are_different_and_the_same_for_a_seed():
    space = space_read({"fast": {}, "free": {}, "where": ["free > 1"]}, SPECS)
    points = space.random(50, seed=3)
    assert points == space.random(50, seed=3)
    assert points != space.random(50, seed=4)
    assert len({tuple(one.values()) for one in points}) == 50
    assert all(1 < one["free"] <= 2 and 5 <= one["fast"] <= 9 for one in points)


def test_a_random_search_of_more_points_than_there_are_makes_each_once():
    space = space_read({"fast": {}, "slow": {}, "where": ["fast < 8"]}, SPECS)
    points = space.random(1_000, seed=1)
    assert sorted(tuple(one.values()) for one in points) == sorted(
        product((5, 6, 7), (15, 35, 55, 75))
    )


@given(
    low=st.integers(0, 100), count=st.integers(1, 60), step=st.integers(1, 9),
    wanted=st.integers(1, 80), seed=st.integers(0, 1_000),
)  # fmt: skip
def test_every_random_point_is_one_of_the_grid(low, count, step, wanted, seed):
    told = {"assumptions.entry_offset_ppm": {"low": low, "high": low + count * step, "step": step}}
    space = space_read(told, {})
    assert space.size == count + 1
    every = {one["assumptions.entry_offset_ppm"] for one in space.grid()}
    assert every == {low + n * step for n in range(count + 1)}
    found = [one["assumptions.entry_offset_ppm"] for one in space.random(wanted, seed)]
    assert len(found) == len(set(found)) == min(wanted, count + 1)
    assert set(found) <= every
