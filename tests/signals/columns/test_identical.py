"""Backtest, paper and live: the same bits, however the evaluation is cut."""

import random
from functools import cache as kept

import pytest

from signals.columns import BLOCK, Coverage, EvaluationCache, Verdict, evaluate
from signals.strategies.smc_confluence import SmcConfluence
from signals.strategies.trend_pullback import TrendPullback
from tests.signals.columns.samples import Crossing, EveryColumn, Until, market

DAYS = 14
STRATEGIES = [EveryColumn, Crossing, SmcConfluence, TrendPullback]


def seconds(strategy):
    return {"1m": 60, "5m": 300}[strategy.timeframe]


@pytest.fixture(scope="module")
def world():
    return market(days=DAYS)


def backtest(strategy, provider, begin, days=DAYS):
    found = evaluate(
        strategy, provider, instrument=1, from_open=begin, through_open=begin + days * 86400
    )
    return {one.bar_open: one for one in found}


@pytest.fixture(scope="module")
def wholes(world):
    """The backtest of each strategy over the whole world, made once."""
    return kept(lambda cls: backtest(cls(), *world))


@pytest.mark.parametrize("cls", STRATEGIES)
def test_live_bars_with_and_without_memory_equal_the_backtest(cls, world, wholes):
    provider, _ = world
    strategy = cls()
    whole = wholes(cls)
    step = seconds(strategy)
    opens = sorted(whole)
    # Two stretches of live bars, one over the border of a block.
    border = next(one for one in opens[len(opens) * 3 // 4 :] if one % (BLOCK * step) == 0)
    live = [one for one in opens if border - 40 * step <= one < border + 60 * step]
    assert len(live) > 50
    cache, verdicts = EvaluationCache(), set()
    for number, bar_open in enumerate(live):
        now = Until(provider, bar_open + step)
        span = {"instrument": 1, "from_open": bar_open, "through_open": bar_open}
        assert evaluate(strategy, now, cache=cache, **span) == [whole[bar_open]]
        if number % 10 == 0:
            assert evaluate(strategy, now, **span) == [whole[bar_open]]
        verdicts.add(whole[bar_open].verdict)
    assert Verdict.WARMING_UP not in verdicts


@pytest.mark.parametrize("cls", STRATEGIES)
def test_random_ranges_and_restarts_equal_the_backtest(cls, world, wholes):
    provider, _ = world
    strategy = cls()
    whole = wholes(cls)
    step = seconds(strategy)
    opens = sorted(whole)
    dice = random.Random(11)  # noqa: S311
    cache = EvaluationCache()
    at = len(opens) * 3 // 4
    while at < len(opens) - 200:
        if dice.random() < 0.15:
            cache = EvaluationCache()
        if dice.random() < 0.1:
            at = max(len(opens) * 3 // 4, at - dice.randrange(40))
        end = min(at + dice.choice((0, 0, 1, 2, 7, 120, 300)), len(opens) - 1)
        found = evaluate(
            strategy,
            Until(provider, opens[end] + step),
            instrument=1,
            from_open=opens[at],
            through_open=opens[end],
            cache=cache,
        )
        assert found == [whole[one] for one in opens[at : end + 1]]
        at = end + 1


@pytest.mark.parametrize("cls", STRATEGIES[1:])
def test_where_the_stored_history_begins_changes_nothing(cls, world, wholes):
    """A longer history gives the same conclusions, and a shorter one the same or `warming_up`."""
    _, begin = world
    strategy = cls()
    whole = wholes(cls)
    shorter = market(first_day=201, days=DAYS - 1)[0]
    later = backtest(strategy, shorter, begin + 86400, days=DAYS - 1)
    same = [one for one, found in later.items() if found.verdict is not Verdict.WARMING_UP]
    assert len(same) > 500
    assert all(later[one] == whole[one] for one in same)


def test_a_continued_evaluation_asks_for_new_bars_only(world):
    provider, begin = world
    strategy, cache = Crossing(), EvaluationCache()
    start = begin + 2 * 86400
    now = Until(provider, start + 60)
    evaluate(strategy, now, instrument=1, from_open=start, through_open=start, cache=cache)
    asked = []
    plain = provider.bars

    class Spy(Until):
        def bars(self, instrument, timeframe, start_open, end_open):
            asked.append((start_open, end_open))
            return plain(instrument, timeframe, start_open, end_open)

    for minute in (1, 2, 3):
        bar = start + 60 * minute
        evaluate(
            strategy,
            Spy(provider, bar + 60),
            instrument=1,
            from_open=bar,
            through_open=bar,
            cache=cache,
        )
    assert asked == [(start + 60 * minute, start + 60 * minute) for minute in (1, 2, 3)]


def test_forgetting_an_instrument_begins_afresh(world):
    provider, begin = world
    strategy, cache = Crossing(), EvaluationCache()
    start = begin + 2 * 86400
    span = {"instrument": 1, "from_open": start, "through_open": start}
    evaluate(strategy, Until(provider, start + 60), cache=cache, **span)
    cache.forget(2)
    assert cache._runs
    cache.forget(1)
    assert not cache._runs
    evaluate(strategy, Until(provider, start + 60), cache=cache, **span)
    cache.forget()
    assert not cache._runs


def test_a_hole_that_opens_ends_what_was_remembered(world):
    """Bars behind an open gap are not fed to a calculation that has not seen the gap's bars."""
    provider, begin = world
    strategy, cache = Crossing(), EvaluationCache()
    start = begin + 2 * 86400

    class Broken(Until):
        first = 0

        def coverage(self, instrument, timeframe):
            span = super().coverage(instrument, timeframe)
            return Coverage(max(span.first_open, self.first), span.last_open)

    def conclude(minute, *, gap_end):
        now = Broken(provider, start + minute * 60 + 60)
        now.first = gap_end
        bar = start + minute * 60
        return evaluate(strategy, now, instrument=1, from_open=bar, through_open=bar, cache=cache)

    whole = backtest(strategy, provider, begin, days=3)
    assert conclude(0, gap_end=0) == [whole[start]]
    behind = conclude(20, gap_end=start + 15 * 60)
    assert [one.verdict for one in behind] == [Verdict.WARMING_UP]
    # The gap is filled: everything is as if it had never been.
    assert conclude(21, gap_end=0) == [whole[start + 21 * 60]]
