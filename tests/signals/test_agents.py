"""The weighted vote: weights from records, never typed."""

from math import exp, log

import pytest

from signals.agents.vote import BUY, HOLD, MOST_WEIGHT, SELL, Record, Vote, decide

GOOD = Record(hits=140, count=200, base_rate=0.5)
BAD = Record(hits=80, count=200, base_rate=0.5)


def vote(name, side, record=GOOD, reason="close > average", confidence=0.8):
    return Vote(name, side, confidence, reason, record)


def test_a_weight_is_the_log_odds_above_the_base_rate():
    rate = (140 + 15) / 230
    assert GOOD.weight == pytest.approx(log(rate / (1 - rate)))
    assert GOOD.weight == pytest.approx(0.725937, abs=1e-6)


def test_without_a_record_or_with_a_bad_one_it_is_nothing():
    assert Record(0, 0, 0.5).weight == 0
    assert BAD.weight == 0
    # Right 55 % of the time where the price rises 60 % of the time is no skill.
    assert Record(110, 200, 0.6).weight == 0


def test_it_is_bounded():
    assert Record(1000, 1000, 0.5).weight == MOST_WEIGHT


def test_a_short_record_weighs_little():
    assert (
        0 < Record(7, 10, 0.5).weight < Record(70, 100, 0.5).weight < Record(700, 1000, 0.5).weight
    )


def test_one_good_voter_decides():
    found = decide([vote("A", BUY), vote("B", HOLD)])
    assert (found.signal_type, found.reasoning) == (
        BUY,
        "A: close > average (70% right of 200 scored, chance 50%)",
    )
    assert found.confidence == pytest.approx(1 / (1 + exp(-GOOD.weight)))


def test_independent_voters_add_up_and_opposed_ones_cancel():
    two = decide([vote("A", SELL), vote("B", SELL)])
    assert two.signal_type == SELL
    assert two.confidence == pytest.approx(1 / (1 + exp(-2 * GOOD.weight)))
    even = decide([vote("A", BUY), vote("B", SELL)])
    assert even.signal_type == HOLD
    assert even.confidence == pytest.approx(1.0)
    assert even.reasoning == "the weighed votes reach 50% for a direction, 55% is asked"


def test_what_a_voter_claims_of_itself_counts_nothing():
    shy, bold = vote("A", BUY, confidence=0.1), vote("A", BUY, confidence=1.0)
    assert decide([shy]).confidence == decide([bold]).confidence


def test_unproven_voters_are_heard_and_not_followed():
    found = decide([vote("A", BUY, Record(0, 0, 0.5)), vote("B", SELL, BAD)])
    assert found.signal_type == HOLD
    assert found.reasoning == (
        "A says BUY (close > average), but no voter that asks for action has a record above "
        "chance yet (none scored)"
    )
    assert [one.name for one in found.votes] == ["A", "B"]


def test_nobody_asks():
    assert decide([vote("A", HOLD)]).reasoning == "no voter asks for action"
    assert decide([]).reasoning == "nobody votes on this timeframe"


def test_those_against_it_are_named():
    weak = Record(60, 100, 0.5)
    found = decide([vote("A", BUY), vote("B", BUY), vote("C", SELL, weak)])
    assert found.signal_type == BUY
    assert found.reasoning.endswith("; against it C")
