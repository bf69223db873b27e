"""No strategy that comes with Mystic looks ahead: cut anywhere, it says the same."""

import numpy as np
import pytest

from markets.types import TIMEFRAME_SECONDS
from signals.columns import ArrayBars, LookaheadError, Tape, Verdict, assert_causal, evaluate
from signals.columns.feeds import KINDS
from tests.signals.strategies.world import BTC, DAY, ETH, MINUTE, SAMPLES, sample, world

DAYS = {"1m": 3, "5m": 10, "15m": 24, "1h": 40}
CUTS = 4


def recorded(name):
    """Return the bars and tapes on which a strategy is cut."""
    symbol, strategy = sample(name)
    provider, begin = world()
    end = begin + DAYS[strategy.timeframe] * DAY
    bars = ArrayBars.of(provider.bars(symbol, MINUTE, begin, end - MINUTE))
    others = {one: provider.bars(one, MINUTE, begin, end - MINUTE) for one in (BTC, ETH)}
    tapes = {}
    for feed in (*KINDS, "macro:VIXCLS", "macro:T10Y2Y"):
        points = provider.points(feed, symbol, begin - 30 * DAY, end)
        whose = None if feed.startswith("macro:") or KINDS[feed].of_market else "series"
        tapes[feed, whose] = Tape(points.available_at, points.value, points.available_at)
    return strategy, bars, tapes, others


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_built_in_strategy_does_not_look_ahead(name):
    strategy, bars, tapes, others = recorded(name)
    assert assert_causal(strategy, bars, MINUTE, cuts=CUTS, feeds=tapes, others=others) == CUTS


@pytest.mark.parametrize(
    ("name", "feed"),
    [
        ("VoidFade", "book.void_below"),
        ("FeeAware", "book.spread"),
        ("UnusualOptions", "unusual_options"),
    ],
)
def test_a_feed_that_lies_about_when_it_was_known_is_found(name, feed):
    strategy, bars, tapes, others = recorded(name)
    honest = tapes[feed, "series"]
    later = honest.available_at + TIMEFRAME_SECONDS[strategy.timeframe]
    lying = tapes | {(feed, "series"): Tape(honest.available_at, honest.value, later)}
    with pytest.raises(LookaheadError, match="with later bars it gives"):
        assert_causal(strategy, bars, MINUTE, cuts=40, feeds=lying, others=others)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_an_entry_says_its_stop_its_target_and_why(name):
    symbol, strategy = sample(name)
    provider, begin = world()
    days = {"1m": 3, "5m": 14, "15m": 30, "1h": 60}[strategy.timeframe]
    span = {"from_open": begin, "through_open": begin + days * DAY}
    found = evaluate(strategy, provider, instrument=symbol, **span)
    entries = [one for one in found if one.verdict is Verdict.ENTER_LONG]
    assert entries
    for one in entries:
        assert 0 < one.stop < one.price < one.take
        assert 0 < one.confidence <= 1
        assert one.reason
    parts = [
        sum(value for part, value in one.values.items() if part.startswith("confidence."))
        for one in entries
    ]
    if name != "TrendPullback":  # the free form names no parts
        assert np.allclose([one.confidence for one in entries], np.clip(parts, 0, 1))
    distances = np.array([1 - one.stop / one.price for one in entries])
    assert 0.0003 < np.median(distances) < 0.06
    assert not [one for one in found if one.verdict is Verdict.ERROR]
    exits = [one for one in found if one.verdict is Verdict.EXIT]
    assert exits
    assert all(one.reason for one in exits)
