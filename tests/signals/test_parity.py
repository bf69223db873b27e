"""Live and backtest agree bit for bit, for every strategy that comes with Mystic.

The backtest evaluates the whole span at once. The live side begins at a random bar, is fed with
bars as they close in irregular steps, is restarted with an empty memory, and gets the other symbol
and the feeds a little later than its own bars. Every field of every decision is compared.
"""

import random
import struct
from collections import Counter

import numpy as np
import pytest

from markets.types import TIMEFRAME_SECONDS
from signals.columns import EvaluationCache, Verdict, evaluate
from signals.columns.compiled import compile_strategy
from signals.strategies.registry import BUILT_IN
from tests.signals.strategies.world import DAY, MINUTE, SAMPLES, Arriving, sample, world

NAMES = sorted(SAMPLES)
# Days by timeframe: first the whole proof, at least 50,000 bars of a minute, then the quick one.
DAYS = {"1m": 38, "5m": 76, "15m": 182, "1h": 182}
FEW_DAYS = {"1m": 3, "5m": 10, "15m": 28, "1h": 48}


def test_every_strategy_has_its_proof():
    assert sorted(cls.__name__ for cls in BUILT_IN) == NAMES


def steps(dice):
    """Yield how many bars close before the next evaluation: mostly some, at times one by one."""
    while True:
        if dice.random() < 0.02:
            yield from [1] * 40
        yield dice.randint(1, 30)


def live(strategy, provider, symbol, first, end, *, seed):
    """Return the decisions of a process that follows the bars, and how often it was asked."""
    dice = random.Random(seed)  # noqa: S311
    step = TIMEFRAME_SECONDS[strategy.timeframe]
    cache, moment, at = EvaluationCache(), first, first
    decisions = []
    restarts = {(first + end) // 2 // step, (first + 3 * end) // 4 // step}
    for asked, bars in enumerate(steps(dice), 1):
        before, moment = moment, min(end, moment + bars * step)
        if any(before // step <= one < moment // step for one in restarts):
            cache = EvaluationCache()
        late_s = 0 if moment == end else dice.choice((0, 0, 0, 7, 80, 400))
        now = Arriving(provider, symbol, moment, late_s=late_s)
        found = evaluate(
            strategy, now, instrument=symbol, from_open=at, through_open=moment - step, cache=cache
        )
        decisions += found
        if found:
            at = found[-1].bar_open + step
        if moment >= end:
            return decisions, asked
    raise AssertionError


def bits(decision):
    """Return every field, numbers as their bits."""
    numbers = (decision.confidence, decision.stop, decision.take, decision.price)
    packed = [None if one is None else struct.pack("<d", one) for one in numbers]
    values = {name: (type(one), struct.pack("<d", one)) for name, one in decision.values.items()}
    return decision.bar_open, decision.verdict, decision.reason, packed, values


def prove(name, days_by_timeframe):
    symbol, strategy = sample(name)
    days = days_by_timeframe[strategy.timeframe]
    step = TIMEFRAME_SECONDS[strategy.timeframe]
    provider, begin = world()
    end = begin + days * DAY
    first = begin + random.Random(name).randrange(days * DAY // step // 5) * step  # noqa: S311
    whole = evaluate(
        strategy, provider, instrument=symbol, from_open=begin, through_open=end - step
    )
    expected = [one for one in whole if one.bar_open >= first]
    decisions, asked = live(strategy, provider, symbol, first, end, seed=name)
    assert len(decisions) == len(expected)
    for found, wanted in zip(decisions, expected, strict=True):
        assert bits(found) == bits(wanted)
    minutes = provider.bars(symbol, MINUTE, begin, end)
    return Counter(one.verdict for one in decisions), asked, minutes


def clocks(plan):
    return {(one.symbol, one.timeframe) for one in [plan.clock]}.union(
        *(clocks(parent) for parent in plan.parents)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_live_and_backtest_agree_to_the_bit(name, record_property):
    verdicts, asked, minutes = prove(name, DAYS)
    record_property("verdicts", dict(verdicts))
    assert len(minutes.open_time) >= 50_000
    gaps = int(np.count_nonzero(np.diff(minutes.open_time) > MINUTE))
    assert gaps > 300
    assert asked > 150
    assert verdicts[Verdict.ENTER_LONG] >= 20
    assert verdicts[Verdict.EXIT] >= 20
    assert verdicts[Verdict.ERROR] == 0


@pytest.mark.parametrize("name", NAMES)
def test_live_and_backtest_agree_on_a_few_days(name):
    verdicts, _, _ = prove(name, FEW_DAYS)
    assert verdicts[Verdict.ENTER_LONG] >= 1
    assert verdicts[Verdict.EXIT] >= 1


def test_among_them_are_other_symbols_longer_charts_and_feeds():
    seen, feeds = set(), set()
    for name in NAMES:
        _, strategy = sample(name)
        plan = compile_strategy(strategy).plan
        seen |= {(one is None, frame) for one, frame in clocks(plan)}
        feeds |= {str(node.args[0]).partition(".")[0] for node in plan.nodes if node.op == "feed"}
    assert {(True, 60), (True, 300), (True, 900), (True, 3600), (False, 300)} <= seen
    assert {"fear_greed", "news", "market_news", "unusual_options", "book"} <= feeds
