"""Conditions and stops that are calculated only where they decide, to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.columns.bulk import ColumnCache
from signals.strategies import Entry, Exit, Param, Strategy
from tests.signals.columns.bulk_cases import compared
from tests.signals.columns.test_bulk import HOLES, MINUTE, NAMES, SPAN, made
from tests.signals.columns.words_table import WORDS

LEVELS = {
    "now": lambda x, word: word(x),
    "then": lambda x, word: word(x).lag(3),
    "changed": lambda x, word: word(x) - word(x).lag(1),
    "scaled": lambda x, word: (word(x) * x.close / x.open).lag(2) + 1,
    "held": lambda x, word: (word(x).lag(2) > x.close.lag(40)).then(word(x), x.close),
    "smoothed": lambda x, word: (word(x) - x.close.lag(7)).sma(4),
}
CONDITIONS = {
    "above": lambda x, level: level > x.close.sma(5),
    "crossed": lambda x, level: level.crossed_above(x.close.lag(1)),
    "crossed below": lambda x, level: level.sma(3).crossed_below(x.open.sma(6)),
    "either": lambda x, level: (level > 1) | (x.close < x.close.lag(2)),
    "not": lambda x, level: ~(level <= x.close.sma(9)),
    "known": lambda x, level: (level / (x.volume > 5)).known(),
    "before": lambda x, level: (level > x.close.lag(30)).lag(2) > 0,
    "equal": lambda x, level: (level >= 0) & (x.open == x.open.sma(1)),
}


class Late(Strategy):
    timeframe = "1m"
    levels = ()
    conditions = ()

    def rules(self, x):
        levels = [LEVELS[form](x, WORDS[name]) for name, form in self.levels]
        asked = [CONDITIONS[name](x, level) for name, level in self.conditions_of(levels)]
        named = {f"c{number}": one for number, one in enumerate(asked)}
        first = dict(list(named.items())[:1])
        return (
            Entry(
                when=named,
                stop=x.close - abs(levels[0]).at_most(1),
                confidence={"a": levels[-1].lag(1) * 0.1, "b": x.close / x.open.lag(1)},
                threshold=0.3,
                why="late",
            ),
            Entry(when=first, stop=x.low.rolling_min(3) - 0.1, take=x.close + 1, confidence=0.7),
            Exit(when={"more": x.volume.lag(1) > 8, **named}),
        )

    def conditions_of(self, levels):
        return [(name, levels[number % len(levels)]) for number, name in enumerate(self.conditions)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(sorted(LEVELS))), min_size=1, max_size=3
    ),
    st.lists(st.sampled_from(sorted(CONDITIONS)), min_size=1, max_size=3),
    st.sampled_from(HOLES),
)
def test_random_rules(levels, conditions, holes):
    strategy = Late()
    strategy.levels, strategy.conditions = levels, conditions
    provider = made(3_000, holes=[one for one in holes if one[1] < 3000])
    compared(strategy, provider, (SPAN[0] + 1000 * MINUTE, SPAN[0] + 3000 * MINUTE))


class FarBack(Strategy):
    """What lies on the series itself looks further back than what begins with each block."""

    timeframe = "1m"

    def rules(self, x):
        mean = x.close.sma(4)
        return (
            Entry(
                when={
                    "far": x.close.lag(300) < mean,
                    "cross": mean.crossed_above(x.close.lag(200)),
                },
                stop=x.close.lag(300) - mean,
            ),
            Exit(when={"flat": x.close.lag(250) > x.open.lag(100)}),
        )


@pytest.mark.parametrize("holes", HOLES)
@pytest.mark.parametrize("first", [0, 305, 1023, 1024, 1300])
def test_flat_values_from_far_before_near_ones(first, holes):
    found = compared(FarBack(), made(holes=holes), (SPAN[0] + first * MINUTE, SPAN[1]))
    assert {1, 2} & set(np.unique(found.verdict).tolist())


class Two(Strategy):
    timeframe = "1m"
    fast = Param(6, low=2, high=100)
    slow = Param(20, low=2, high=200)

    def rules(self, x):
        fast, slow = x.close.sma(self.fast), x.close.sma(self.slow)
        return (
            Entry(when={"up": fast.crossed_above(slow)}, stop=x.close - x.high.stdev(self.fast)),
            Exit(when={"down": fast.crossed_below(slow)}),
        )


@pytest.mark.parametrize("holes", HOLES)
def test_windows_are_shared_only_where_they_begin_alike(holes):
    provider, cache = made(holes=holes), ColumnCache()
    for fast in (6, 7):
        for slow in range(20, 44, 2):
            compared(Two(fast=fast, slow=slow), provider, SPAN, cache=cache)
