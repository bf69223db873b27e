"""A close of a hundred instruments is decided well within its second.

Thirty of them are tried here, in thirty hundredths of the time: to begin a hundred takes the tests
long, and the benchmarks measure the hundred.
"""

import time

import pytest

from signals.columns import ArraySeries, EvaluationCache, evaluate
from signals.strategies.smc_confluence import SmcConfluence
from signals.strategies.trend_pullback import TrendPullback
from tests.signals.columns.samples import Crossing
from tests.signals.real_bars import btc_1m

INSTRUMENTS = 30
HUNDRED_WITHIN_S = 0.3


@pytest.mark.slow
def test_one_close_of_many_instruments_and_two_strategies():
    bars = btc_1m(60, 6)
    provider = ArraySeries({(number, 60): bars for number in range(INSTRUMENTS)})
    cache = EvaluationCache()
    strategies = [SmcConfluence(), TrendPullback()]
    close = int(bars.open_time[0]) // 86400 * 86400 + 6 * 86400 - 3 * 3600

    def decide_all(close):
        begun = time.process_time()
        for strategy in strategies:
            step = {"1m": 60, "5m": 300}[strategy.timeframe]
            for number in range(INSTRUMENTS):
                found = evaluate(
                    strategy,
                    provider,
                    instrument=number,
                    from_open=close - step,
                    through_open=close - step,
                    cache=cache,
                )
                assert len(found) <= 1
        return time.process_time() - begun

    decide_all(close)
    spent = [decide_all(close + 300 * i) for i in range(1, 4)]
    assert min(spent) < HUNDRED_WITHIN_S * INSTRUMENTS / 100


def test_a_cache_that_is_empty_yet_is_filled():
    bars = btc_1m(60, 3)
    provider = ArraySeries({(1, 60): bars})

    class Counted(EvaluationCache):
        """One that python takes for nothing as long as it is empty."""

        def __len__(self):
            return len(self._runs)

    cache, strategy = Counted(), Crossing()
    close = int(bars.open_time[-1])
    span = {"instrument": 1, "from_open": close, "through_open": close}
    assert len(evaluate(strategy, provider, cache=cache, **span)) == 1
    assert len(cache) == 1
