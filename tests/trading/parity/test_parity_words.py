"""What differs, what it comes from, and how it is said: values in, words out."""

import pytest

from trading.parity import (
    Facts,
    Word,
    cause_of,
    correction_text,
    differing,
    excerpt,
    fill_gap,
    joined,
    share_text,
    summary,
)

WAS = Word("none", "too low", None, {"rsi": 41.5, "is_up": True})


def word(**others):
    told = {"verdict": "none", "reason": "too low", "confidence": None, "values": WAS.values}
    return Word(**told | others)


@pytest.mark.parametrize(
    ("again", "names"),
    [
        (word(), ()),
        (None, ("verdict",)),
        (word(verdict="exit"), ("verdict",)),
        (word(reason="too high"), ("reason",)),
        (word(confidence=0.5), ("confidence",)),
        (word(stop=1.0), ("stop",)),
        (word(stop=1.0, has_levels=False), ()),
        (word(values={"rsi": 41.50000000000001, "is_up": True}), ("values.rsi",)),
        (word(values={"rsi": 41.5}), ("values.is_up",)),
        (word(values={"rsi": 41.5, "is_up": True, "more": 1.0}), ("values.more",)),
    ],
)
def test_the_least_bit_is_a_difference_and_has_a_name(again, names):
    assert differing(WAS, again) == names


def test_the_record_keeps_what_differs():
    assert excerpt(WAS, ("reason", "values.rsi", "values.more")) == {
        "verdict": "none",
        "reason": "too low",
        "values": {"rsi": 41.5},
    }
    assert excerpt(None, ("reason",)) == {}


def facts(**told):
    nothing = {
        "revised": 0,
        "late": 0,
        "matches_received": False,
        "matches_unseen": False,
        "is_other_code": False,
        "is_other_model": False,
    }
    return Facts(**nothing | told)


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        ({"matches_received": True, "revised": 1}, "data_revised"),
        ({"matches_received": True, "revised": 1, "late": 1}, "data_revised"),
        ({"matches_received": True, "late": 2}, "late_bar"),
        # A corrected bar is no excuse for a strategy that says otherwise of the bars it had.
        ({"revised": 1}, "unexplained"),
        ({"late": 1}, "unexplained"),
        ({"is_other_code": True, "revised": 1}, "code_version"),
        ({"is_other_code": True, "is_other_model": True}, "code_version"),
        ({"is_other_model": True}, "model"),
        ({"matches_received": True, "revised": 1, "is_other_code": True}, "data_revised"),
        ({"matches_unseen": True, "revised": 1}, "data_revised"),
        ({"matches_unseen": True, "late": 1}, "late_bar"),
        ({}, "unexplained"),
    ],
)
def test_the_cause_follows_from_what_is_known(told, cause):
    assert cause_of(facts(**told)) == cause


def test_a_share_is_never_rounded_up_to_all():
    assert share_text(100_000, 100_000) == "100 %"
    assert share_text(99_999, 100_000) == "99.99 %"
    assert share_text(1_428, 1_440) == "99.16 %"
    assert share_text(992, 1_000) == "99.2 %"
    assert share_text(0, 10) == "0 %"
    assert share_text(0, 0) == ""


def test_a_report_in_a_few_words():
    whole = summary(decisions=1_440, received=1_440, published=1_440, causes={"fill": 3})
    assert whole == "Parity 100 % · 1,440 decisions"
    twelve = summary(decisions=1_500, received=1_500, published=1_488, causes={"data_revised": 12})
    assert twelve == "Parity 99.2 %: 12 decisions differ, data revised"
    mixed = summary(
        decisions=10, received=9, published=7, causes={"late_bar": 1, "data_revised": 2, "fill": 5}
    )
    assert mixed == "Parity 70 %: 3 decisions differ, data revised, bars came late"
    one = summary(decisions=4, received=3, published=3, causes={"unexplained": 1})
    assert one == "Parity 75 %: 1 decision differs, not explained"
    assert summary(decisions=0, received=0, published=0, causes={}) == ""


def test_a_fill_that_costs_more_is_worse_on_both_sides():
    # By hand: 100.05 for 100 is 5 hundredths of a per cent, and selling at 99.95 is, too.
    assert fill_gap(side=1, filled=100.05, assumed=100.0).worse_bp == pytest.approx(5)
    assert fill_gap(side=-1, filled=99.95, assumed=100.0).worse_bp == pytest.approx(5)
    assert fill_gap(side=-1, filled=100.2, assumed=100.0).worse_bp == pytest.approx(-20)
    assert fill_gap(side=1, filled=100.05, assumed=100.0).is_within
    assert not fill_gap(side=-1, filled=100.2, assumed=100.0).is_within


def test_a_correction_names_bar_and_field():
    told = correction_text("BTC/USDT", 1_700_000_040, [("close", 60_000.0, 60_010.5)])
    assert told == "BTC/USDT 2023-11-14 22:14: close 60000.0 → 60010.5"
    assert joined(["a", "b", "c", "d"]) == "a; b; and 2 more"
