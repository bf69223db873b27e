"""The windows of a walk-forward: in order, apart, and never over each other."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.backtest.folds import (
    DAY_S,
    WalkError,
    Windows,
    fold_spans,
    gap_bars,
    windows_read,
)

HOUR = 3_600
BEGIN = 1_700_006_400  # 2023-11-15 00:00 UTC


def cut(windows, days, *, gap=0, timeframe=HOUR):
    through = BEGIN + days * DAY_S - timeframe
    return fold_spans(windows, from_open=BEGIN, through_open=through, timeframe=timeframe, gap=gap)


def in_days(spans):
    """Return (train from, train end, test from, test end) in days, ends not included."""
    return [
        tuple(
            (moment - BEGIN) / DAY_S
            for moment in (
                one.train_from,
                one.train_through + HOUR,
                one.test_from,
                one.test_through + HOUR,
            )
        )
        for one in spans
    ]


def test_rolling_by_hand():
    spans = cut(Windows(train_days=60, test_days=20), 125)
    assert in_days(spans) == [(0, 60, 60, 80), (20, 80, 80, 100), (40, 100, 100, 120)]
    assert [one.number for one in spans] == [1, 2, 3]


def test_anchored_by_hand():
    spans = cut(Windows(scheme="anchored", train_days=60, test_days=20), 125)
    assert in_days(spans) == [(0, 60, 60, 80), (0, 80, 80, 100), (0, 100, 100, 120)]


def test_the_gap_lies_before_every_test():
    spans = cut(Windows(train_days=60, test_days=20), 125, gap=48)
    assert in_days(spans) == [(0, 60, 62, 82), (20, 80, 82, 102), (40, 100, 102, 122)]


@pytest.mark.parametrize(
    ("windows", "need", "bars"),
    [
        (Windows(), 0, 0),
        (Windows(), 300, 300),
        (Windows(purge_bars=400), 300, 400),
        (Windows(purge_bars=10, hold_bars=500), 300, 500),
        (Windows(embargo_days=2), 300, 348),
    ],
)
def test_the_gap_is_the_longest_look_and_the_embargo(windows, need, bars):
    assert gap_bars(windows, column_need=need, timeframe=HOUR) == bars


@given(
    scheme=st.sampled_from(("rolling", "anchored")), train=st.integers(1, 40),
    test=st.integers(1, 20), days=st.integers(30, 300), gap=st.integers(0, 200),
    timeframe=st.sampled_from((300, 900, HOUR, 4 * HOUR, DAY_S)), shift=st.integers(0, 500),
)  # fmt: skip
def test_folds_never_overlap(scheme, train, test, days, gap, timeframe, shift):
    begin = BEGIN + shift * timeframe
    through = begin + (days * DAY_S // timeframe - 1) * timeframe
    windows = Windows(scheme=scheme, train_days=train, test_days=test)
    try:
        spans = fold_spans(
            windows, from_open=begin, through_open=through, timeframe=timeframe, gap=gap
        )
    except WalkError:
        return
    for one in spans:
        assert begin <= one.train_from <= one.train_through < one.test_from <= one.test_through
        assert one.test_through <= through
        assert one.test_from - one.train_through == (gap + 1) * timeframe
        length = (one.train_through - one.train_from) // timeframe + 1
        assert length >= train * DAY_S // timeframe
        assert scheme == "anchored" or length == max(1, train * DAY_S // timeframe)
    for one, following in pairwise(spans):
        assert following.test_from == one.test_through + timeframe
        assert following.train_through < following.test_from
    left = (through - spans[-1].test_through) // timeframe
    assert left < max(1, test * DAY_S // timeframe)


@pytest.mark.parametrize(
    ("told", "place", "said"),
    [
        ({"scheme": "expanding"}, "/walk/scheme", "rolling or anchored"),
        ({"train_days": 0}, "/walk/train_days", "a whole number from 1"),
        ({"test_days": 1.5}, "/walk/test_days", "a whole number from 1"),
        ({"purge_bars": -1}, "/walk/purge_bars", "a whole number from 0"),
        ({"choose": "luck"}, "/walk/choose", "stability or best"),
        ({"folds": 3}, "/walk/folds", "there is no folds"),
    ],
)
def test_windows_that_cannot_be_say_where(told, place, said):
    with pytest.raises(WalkError, match=said) as caught:
        windows_read(told)
    assert caught.value.place == place


def test_a_span_without_room_says_how_much_it_takes():
    with pytest.raises(WalkError, match=r"the span has 70.0 days; one fold takes 60 .* 2.0 left"):
        cut(Windows(train_days=60, test_days=20), 70, gap=48)


def test_too_many_folds_are_refused():
    with pytest.raises(WalkError, match="90 folds; 60 are allowed"):
        cut(Windows(train_days=10, test_days=1), 100)
