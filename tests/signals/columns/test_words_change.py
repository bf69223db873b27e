"""Changes and functions of a column against TA-Lib and the C library."""

import math

import numpy as np
import pytest

from signals.columns import ArrayBars, ColumnError, Space
from signals.columns.clock import Clock
from signals.columns.graph import Graph
from tests.signals.columns.columns_of import calculated, described
from tests.signals.real_bars import daily_quotes

DAY = 86400


def series(*values):
    made = np.array(values, dtype=np.float64)
    return ArrayBars(np.arange(len(made)) * DAY, *[made] * 5)


@pytest.mark.parametrize("length", [1, 10])
def test_changes_equal_talib(length):
    talib = pytest.importorskip("talib")
    bars = daily_quotes()
    for describe, theirs in (
        (lambda x: x.close.change(length), talib.MOM(bars.close, length)),
        (lambda x: x.close.roc(length), talib.ROC(bars.close, length)),
        (lambda x: x.close.log(), talib.LN(bars.close)),
        (lambda x: x.close.sqrt(), talib.SQRT(bars.close)),
        (lambda x: x.close.roc().exp(), talib.EXP(talib.ROC(bars.close, 1))),
    ):
        ours = calculated(describe, bars, DAY)
        assert np.array_equal(np.isnan(ours), np.isnan(theirs))
        assert np.nanmax(np.abs(ours - theirs)) < 1e-9
    ours = calculated(lambda x: x.close.log_return(length), bars, DAY)
    theirs = np.log(bars.close[length:]) - np.log(bars.close[:-length])
    assert np.abs(ours[length:] - theirs).max() < 1e-12
    assert described(lambda x: x.close.log_return(length), DAY).node.need == length


@pytest.mark.parametrize(
    ("describe", "values"),
    [
        (lambda x: x.close.log(), {math.e: 1.0, 1: 0.0, 0: None, -1: None}),
        (lambda x: x.close.exp(), {0: 1.0, 1: math.e, 709: math.exp(709), 710: None, -800: 0.0}),
        (lambda x: x.close.sqrt(), {9: 3.0, 0: 0.0, -1: None}),
        (lambda x: x.close.sign(), {7: 1.0, -0.2: -1.0, 0: 0.0}),
        (lambda x: x.close.power(2), {3: 9.0, -3: 9.0, 1e200: None}),
        (lambda x: x.close.power(-1), {4: 0.25, 0: None}),
        (lambda x: x.close.power(0.5), {4: 2.0, -4: None}),
    ],
    ids=["log", "exp", "sqrt", "sign", "square", "reciprocal", "root"],
)
def test_functions_have_no_value_where_there_is_no_number(describe, values):
    ours = calculated(describe, series(*values, np.nan), DAY)
    wanted = [np.nan if one is None else one for one in values.values()]
    assert np.array_equal(ours, [*wanted, np.nan], equal_nan=True)


def test_a_change_from_zero_is_missing():
    ours = calculated(lambda x: x.close.roc(), series(0, 4, 5), DAY)
    assert np.array_equal(ours, [np.nan, np.nan, 25.0], equal_nan=True)


REFUSED = {
    "change(0)": (lambda x: x.close.change(0), "at least 1"),
    "roc(-1)": (lambda x: x.close.roc(-1), "at least 1"),
    "log_return(1.5)": (lambda x: x.close.log_return(1.5), "whole number of bars"),
    "power(x.open)": (lambda x: x.close.power(x.open), "a column or a finite number"),
    "power(float('inf'))": (lambda x: x.close.power(float("inf")), "a column or a finite number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_use_is_refused(name):
    attempt, sentence = REFUSED[name]
    with pytest.raises(ColumnError, match=sentence):
        attempt(Space(Graph(), Clock(None, 300)))
