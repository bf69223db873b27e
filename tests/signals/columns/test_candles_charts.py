"""`x.chart`: patterns drawn by hand to the bar, their mirror images, cuts and beginnings."""

from itertools import pairwise

import numpy as np
import pytest

from signals.columns import ArrayBars, ColumnError, assert_causal
from signals.columns.words.chart_kernel import ChartPatterns, chart_history
from signals.columns.words.chart_shapes import SHAPES
from signals.strategies import Strategy, nothing
from tests.signals.columns.columns_of import calculated, described
from tests.signals.columns.samples import walk
from tests.signals.real_bars import REPO, btc_1m

QUARTER = 900
FIELDS = ("age", "level", "target", "stop", "direction")


def drawn(*points):
    """Bars whose closes follow the lines between points (bar, price), with wicks of 0.1."""
    bars, prices = zip(*points, strict=True)
    close = np.interp(np.arange(bars[-1] + 1), bars, prices)
    return _around(close)


def _around(close):
    opens = np.arange(len(close), dtype=np.int64) * QUARTER
    return ArrayBars(opens, close, close + 0.1, close - 0.1, close, np.ones(len(close)))


def upside_down(bars):
    return _around(200 - bars.close)


# Swings of two bars on either side: a high or low at bar b is known at b + 2. The prices of swings
# are the points given here plus or minus the wick of 0.1.
DOUBLE_TOP = drawn((0, 103), (4, 100), (14, 110), (19, 105), (24, 110), (34, 100))
HEAD = drawn((0, 103), (4, 100), (10, 106), (14, 103), (20, 109), (26, 103), (30, 106), (40, 96))
ASCENDING = drawn((0, 104), (10, 110), (16, 104), (22, 110), (25, 107), (35, 117))
SYMMETRICAL = drawn((0, 103), (10, 112), (16, 102), (21, 109), (25, 105), (35, 115))
RECTANGLE = drawn((0, 104), (10, 110), (16, 104), (22, 110), (28, 104), (38, 114))
WEDGE = drawn((0, 100), (10, 108), (16, 102), (22, 110), (27, 107.5), (30, 109), (40, 99))
FLAG = drawn((0, 103), (4, 100), (10, 112), (14, 109), (17, 110), (20, 108.5), (30, 118.5))
CUP = drawn(
    *((0, 100), (10, 110), (14, 106), (20, 103.8), (26, 106), (30, 110), (34, 108.5), (44, 118.5))
)
# By name: the bars, the bar whose close confirms, level, target, stop, direction.
CASES = {
    # The low between is 104.9; closes fall by 1 a bar from 110 at bar 24.
    "double_top": (DOUBLE_TOP, 30, 104.9, 104.9 - 5.2, 110.1, -1),
    # The neckline is flat at 102.9, the head 6.2 above it.
    "head_and_shoulders": (HEAD, 34, 102.9, 102.9 - 6.2, 106.1, -1),
    # The lower border rises from 103.9 by 3 in 9 bars: 101.9 at bar 10, where the height is 8.2.
    "ascending_triangle": (ASCENDING, 29, 110.1, 110.1 + 8.2, 106.9, 1),
    # The upper border falls from 112.1 by 3 in 11 bars; the height at bar 10 is 12.2.
    "symmetrical_triangle": (
        *(SYMMETRICAL, 28, 112.1 - 18 * 3 / 11, 112.1 - 18 * 3 / 11 + 12.2, 104.9, 1),
    ),
    "rectangle": (RECTANGLE, 35, 110.1, 110.1 + 6.2, 103.9, 1),
    # The lower border rises from 101.9 at bar 16 by half a point a bar; the height is 9.2.
    "rising_wedge": (WEDGE, 31, 109.4, 109.4 - 9.2, 110.1, -1),
    # The flag falls from 112.1 at bar 10 by 2 in 7 bars; its pole is 12.2 high.
    "bull_flag": (FLAG, 21, 112.1 - 22 / 7, 112.1 - 22 / 7 + 12.2, 108.9, 1),
    # Rims at 110.1, the bottom at 103.7; the handle's low is known at bar 36.
    "cup_and_handle": (CUP, 36, 110.1, 110.1 + 6.4, 108.4, 1),
}
MIRRORED = {
    "double_top": "double_bottom",
    "head_and_shoulders": "inverse_head_and_shoulders",
    "ascending_triangle": "descending_triangle",
    "symmetrical_triangle": "symmetrical_triangle",
    "rectangle": "rectangle",
    "rising_wedge": "falling_wedge",
    "bull_flag": "bear_flag",
}


def field(name, what, swing=2):
    return lambda x: getattr(getattr(x.chart(swing=swing), name), what)


def values(name, bars):
    return {what: calculated(field(name, what), bars, QUARTER) for what in FIELDS}


def check(name, bars, at, expected):
    found = values(name, bars)
    assert np.flatnonzero(found["age"] == 0).tolist() == [at]
    assert np.isnan(found["age"][:at]).all()
    assert np.array_equal(found["age"][at:], np.arange(len(bars.close) - at))
    for what, number in zip(FIELDS[1:], expected, strict=True):
        assert found[what][at:] == pytest.approx(number, abs=1e-9), what
    confirmed = calculated(field(name, "confirmed"), bars, QUARTER)
    assert np.flatnonzero(confirmed).tolist() == [at]
    assert not np.isnan(confirmed).any()


@pytest.mark.parametrize("name", CASES)
def test_a_pattern_is_confirmed_by_the_close_beyond_its_border(name):
    bars, at, *expected = CASES[name]
    check(name, bars, at, expected)


@pytest.mark.parametrize("name", MIRRORED)
def test_upside_down_it_is_its_mirror_image(name):
    bars, at, level, target, stop, direction = CASES[name]
    mirrored = 200 - level, 200 - target, 200 - stop, -direction
    check(MIRRORED[name], upside_down(bars), at, mirrored)


NOT_YET = {
    # The same pictures without the last step.
    "double_top": (DOUBLE_TOP, 30),
    "head_and_shoulders": (HEAD, 34),
    "rectangle": (RECTANGLE, 35),
}


@pytest.mark.parametrize("name", NOT_YET)
def test_one_bar_earlier_nothing_is_known(name):
    bars, at = NOT_YET[name]
    found = values(name, ArrayBars.of(bars, slice(0, at)))
    assert np.isnan(found["age"]).all()


SPOILED = {
    "tops too far apart": (
        "double_top",
        drawn((0, 103), (4, 100), (14, 110), (19, 105), (24, 109), (34, 99)),
    ),
    "no rise before": (
        "double_top",
        drawn((0, 107), (4, 106), (14, 110), (19, 105), (24, 110), (34, 100)),
    ),
    "a close above the tops first": (
        "double_top",
        drawn((0, 103), (4, 100), (14, 110), (19, 105), (24, 110), (27, 108), (30, 111), (44, 97)),
    ),
    "a shoulder as high as the head": (
        "head_and_shoulders",
        drawn(
            (0, 103), (4, 100), (10, 108.5), (14, 103), (20, 109), (26, 103), (30, 108), (40, 96)
        ),
    ),
    "one side far longer": (
        "head_and_shoulders",
        drawn((0, 103), (4, 100), (10, 106), (14, 103), (20, 109), (46, 103), (60, 106), (70, 96)),
    ),
    "the lows do not rise": (
        "ascending_triangle",
        drawn((0, 104), (10, 110), (16, 104), (22, 110), (28, 104), (38, 114)),
    ),
    "past its apex": (
        "symmetrical_triangle",
        drawn(
            (0, 103),
            (10, 112),
            (16, 102),
            (21, 109),
            (25, 105),
            (28, 106.9),
            (30, 106.6),
            (50, 106.5),
            (60, 116),
        ),
    ),
    "a pole too slow": (
        "bull_flag",
        drawn((0, 103), (4, 100), (16, 112), (20, 109), (23, 110), (26, 108.5), (36, 118.5)),
    ),
    "more than half given back": (
        "bull_flag",
        drawn((0, 103), (4, 100), (10, 112), (15, 105), (19, 110), (22, 108.5), (32, 118.5)),
    ),
    "a cup like a V": (
        "cup_and_handle",
        drawn(
            (0, 100),
            (10, 110),
            (17, 109),
            (20, 103.8),
            (23, 109),
            (30, 110),
            (34, 108.5),
            (44, 118),
        ),
    ),
    "a handle too deep": (
        "cup_and_handle",
        drawn(
            (0, 100), (10, 110), (14, 106), (20, 103.8), (26, 106), (30, 110), (34, 105), (44, 118)
        ),
    ),
}


@pytest.mark.parametrize("case", SPOILED)
def test_what_breaks_the_definition_is_no_pattern(case):
    name, bars = SPOILED[case]
    assert np.isnan(values(name, bars)["age"]).all()


def test_it_is_forgotten_after_twenty_swing_lengths():
    bars, at, *_ = CASES["double_top"]
    longer = _around(np.concatenate((bars.close, np.full(60, 100.0))))
    age = values("double_top", longer)["age"]
    assert age[at + 40] == 40
    assert np.isnan(age[at + 41 :]).all()


@pytest.fixture(scope="module")
def quarters():
    return btc_1m(0, 120).resampled(QUARTER)


def pushed(swing, bars, rows, cuts=()):
    state = ChartPatterns(swing)
    edges = [rows.start, *cuts, rows.stop]
    pieces = [
        state.push([bars.high[a:b], bars.low[a:b], bars.close[a:b]]) for a, b in pairwise(edges)
    ]
    return np.concatenate(pieces)


def test_on_recorded_bars_every_pattern_occurs_with_sensible_figures(quarters):
    table = pushed(3, quarters, slice(0, len(quarters.close)))
    counts = {}
    for index, name in enumerate(SHAPES):
        age, level, target, stop, way = table[:, index * 5 : index * 5 + 5].T
        rows = np.flatnonzero(age == 0)
        counts[name] = len(rows)
        close, before = quarters.close[rows], quarters.close[rows - 1]
        assert (way[rows] * (close - level[rows]) > 0).all(), "the close lies beyond the border"
        assert (way[rows] * (target[rows] - level[rows]) > 0).all()
        assert (way[rows] * (stop[rows] - close) < 0).all()
        assert len(before) == len(rows)
    assert min(counts.values()) >= 5, counts
    assert sum(counts.values()) < len(quarters.close) / 5, counts


def test_pieces_of_any_size_give_the_same_bits(quarters):
    rows = slice(0, 3000)
    whole = pushed(3, quarters, rows)
    dice = np.random.default_rng(4)
    for cuts in (np.unique(dice.integers(1, 3000, 60)).tolist(), range(1, 3000)):
        assert np.array_equal(pushed(3, quarters, rows, cuts), whole, equal_nan=True)


def test_the_beginning_has_no_influence_after_the_derived_history(quarters):
    need = chart_history(3)
    assert described(field("rectangle", "age", 3), QUARTER).node.need == need
    whole = pushed(3, quarters, slice(0, 11000))
    for row in range(need, 11000, 97):
        near = pushed(3, quarters, slice(row - need, row + 1))[-1]
        assert np.array_equal(near, whole[row], equal_nan=True), row


def watching(name):
    class Watching(Strategy):
        """Stores a pattern's confirmation, whose changes are cut at."""

        timeframe = "15m"

        def columns(self, x):
            found = getattr(x.chart(swing=2), name)
            return {"confirmed": found.confirmed, "age": found.age, "level": found.level}

        def decide(self, b):
            return nothing("watching")

    return Watching()


@pytest.mark.parametrize("name", SHAPES)
def test_every_pattern_is_causal(name, quarters):
    bars = ArrayBars.of(quarters, slice(0, 1300))
    assert assert_causal(watching(name), bars, QUARTER, cuts=2) >= 1


def test_the_work_on_a_bar_does_not_grow_with_the_bars_before_it():
    """Shapes look at the swings of a fixed span; the list of them does not grow."""
    state = ChartPatterns(2)
    bars = walk(6000, seed=3)
    lengths = []
    for begin in range(0, 6000, 500):
        state.push([one[begin : begin + 500] for one in (bars.high, bars.low, bars.close)])
        lengths.append(len(state._swings))
    assert max(lengths) <= 40


REFUSALS = [
    (lambda x: x.chart.double_tops, "Did you mean double_top?"),
    (lambda x: x.chart(swing=1), "at least 2"),
    (lambda x: x.chart(swing=21), "at most 20 bars"),
    (lambda x: x.chart(swing=2.0), "whole number"),
]


@pytest.mark.parametrize(("ask", "sentence"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_cannot_be_is_refused_with_a_sentence(ask, sentence):
    with pytest.raises(ColumnError, match=sentence):
        described(ask, QUARTER)


def test_every_pattern_stands_in_the_documentation():
    page = (REPO / "docs" / "candlesticks.md").read_text()
    assert [name for name in SHAPES if f"`{name}`" not in page] == []
