"""What happened within the last bars, by hand and against TA-Lib's ages of extremes."""

import numpy as np
import pytest

from signals.columns import ArrayBars, ColumnError, Space
from signals.columns.clock import Clock
from signals.columns.graph import Graph
from tests.signals.columns.columns_of import calculated, described
from tests.signals.real_bars import btc_1m

DAY = 86400
NAN = float("nan")


def series(*values, other=None):
    made = np.array(values, dtype=np.float64)
    low = made if other is None else np.array(other, dtype=np.float64)
    return ArrayBars(np.arange(len(made)) * DAY, made, made, low, made, made)


def up(x):
    """True for 1, false for 0, missing where the value is."""
    return x.close > 0.5


def answers(describe, *values, other=None):
    return calculated(describe, series(*values, other=other), DAY)


def assert_is(found, *wanted):
    assert np.array_equal(found, np.array(wanted, dtype=np.float64), equal_nan=True), found


def test_any_is_true_whatever_is_missing():
    found = answers(lambda x: up(x).any_of_last(3), 0, 0, 0, 1, 0, 0, 0, NAN, 1, 0, NAN)
    assert_is(found, NAN, NAN, 0, 1, 1, 1, 0, NAN, 1, 1, 1)
    assert_is(answers(lambda x: up(x).any_of_last(2), 1, 0, 0, NAN, 0, 0), 1, 1, 0, NAN, NAN, 0)


def test_all_is_false_whatever_is_missing():
    found = answers(lambda x: up(x).all_of_last(3), 1, 1, 1, NAN, 1, 0, 1, 1, 1)
    assert_is(found, NAN, NAN, 1, NAN, NAN, 0, 0, 0, 1)


def test_counting_needs_every_bar():
    found = answers(lambda x: up(x).count_true(3), 1, 0, 1, 1, NAN, 1, 1, 1)
    assert_is(found, NAN, NAN, 2, 2, NAN, NAN, NAN, 3)


def test_bars_since_has_a_bound_and_stops_at_a_missing_bar():
    found = answers(lambda x: up(x).bars_since(within=2), 0, 1, 0, 0, 0, 0, 1, NAN, 0, 1)
    assert_is(found, NAN, 0, 1, 2, NAN, NAN, 0, NAN, NAN, 0)


def test_the_value_at_the_last_time():
    flags = [0, 1, 0, 0, 0, 1, 0, NAN, 0, 1]
    found = calculated(
        lambda x: x.close.value_when(x.low > 0.5, within=2),
        series(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, other=flags),
        DAY,
    )
    assert_is(found, NAN, 11, 11, 11, NAN, 15, 15, NAN, NAN, 19)
    flag = described(lambda x: up(x).value_when(x.low > 0, within=2), DAY)
    assert flag.node.is_flag
    assert flag.node.need == 2


def test_ages_by_hand_the_latest_of_equal_ones_counts():
    values = 3, 5, 5, 2, 1, 1, NAN, 4, 2, 3
    assert_is(
        answers(lambda x: x.close.highest_age(3), *values),
        *(NAN, NAN, 0, 1, 2, 2, NAN, NAN, NAN, 2),
    )
    assert_is(
        answers(lambda x: x.close.lowest_age(3), *values),
        *(NAN, NAN, 2, 0, 0, 0, NAN, NAN, NAN, 1),
    )


@pytest.mark.parametrize("length", [2, 14, 25])
def test_ages_equal_those_of_talibs_aroon(length):
    talib = pytest.importorskip("talib")
    bars = btc_1m(40, 2)
    down, rise = talib.AROON(bars.high, bars.low, length)
    for describe, aroon in (
        (lambda x: x.high.highest_age(length + 1), rise),
        (lambda x: x.low.lowest_age(length + 1), down),
    ):
        ours = 100 * (length - calculated(describe, bars, DAY)) / length
        assert np.array_equal(np.isnan(ours), np.isnan(aroon))
        assert np.nanmax(np.abs(ours - aroon)) < 1e-9


def test_rising_and_falling_look_at_every_step():
    values = 1, 2, 3, 3, 4, 5, 1
    assert_is(answers(lambda x: x.close.rising(2), *values), NAN, NAN, 1, 0, 0, 1, 0)
    assert_is(answers(lambda x: x.close.falling(1), *values), NAN, 0, 0, 0, 0, 0, 1)
    assert described(lambda x: x.close.rising(2), DAY).node.need == 2


def test_between_crossed_and_then():
    assert_is(answers(lambda x: x.close.between(1, 2), 0, 1, 1.5, 2, 3, NAN), 0, 1, 1, 1, 0, NAN)
    assert_is(answers(lambda x: x.close.crossed(2), 1, 3, 3, 2, 1, 2), NAN, 1, 0, 0, 1, 0)
    assert_is(answers(lambda x: up(x).then(x.close + 7, -1), 1, 0, NAN), 8, -1, NAN)
    assert described(lambda x: up(x).then(x.low > 1, x.low > 2), DAY).node.is_flag
    assert not described(lambda x: up(x).then(x.low > 1, 2), DAY).node.is_flag


REFUSED = {
    "any_of_last(3)": (
        lambda x: x.close.any_of_last(3),
        "asks about a condition; this column is a number",
    ),
    "count_true(3)": (lambda x: x.close.count_true(3), "asks about a condition"),
    "bars_since(within=3)": (lambda x: x.close.bars_since(within=3), "asks about a condition"),
    "then(1, 2)": (lambda x: x.close.then(1, 2), "asks about a condition"),
    "value_when(x.open, within=3)": (
        lambda x: x.close.value_when(x.open, within=3),
        "asks about a condition",
    ),
    "value_when(5, within=3)": (
        lambda x: x.close.value_when(5, within=3),
        "takes a condition, not 5",
    ),
    "up(x).bars_since(within=0)": (lambda x: up(x).bars_since(within=0), "at least 1"),
    "up(x).all_of_last(10**6)": (lambda x: up(x).all_of_last(10**6), "at most 2000"),
    "rising(0)": (lambda x: x.close.rising(0), "at least 1"),
    "up(x).then('a', 1)": (lambda x: up(x).then("a", 1), "a column or a finite number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_use_is_refused(name):
    attempt, sentence = REFUSED[name]
    with pytest.raises(ColumnError, match=sentence):
        attempt(Space(Graph(), Clock(None, 300)))


def test_the_bound_is_not_optional():
    x = Space(Graph(), Clock(None, 300))
    with pytest.raises(TypeError, match="within"):
        up(x).bars_since()
