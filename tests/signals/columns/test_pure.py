"""The engine stands alone, and its memory may be shared."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from signals.columns import EvaluationCache, evaluate
from tests.signals.columns.samples import Crossing, Until, market
from tests.signals.real_bars import REPO


def test_it_imports_no_framework_and_no_table_library():
    code = (
        "import sys, signals.strategies.registry, signals.smc, signals.indicators.macd\n"
        "import signals.indicators.bollinger, signals.columns\n"
        "heavy = ('django', 'pandas', 'ta', 'talib', 'numba', 'celery', 'rest_framework')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(  # the interpreter that runs the tests
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_threads_that_share_a_memory_conclude_the_same():
    provider, begin = market(days=3)
    strategy, cache = Crossing(), EvaluationCache()
    start = begin + 86400
    span = {"instrument": 1, "from_open": begin, "through_open": start + 600 * 60}
    whole = {one.bar_open: one for one in evaluate(strategy, provider, **span)}

    def follow(offset):
        found = []
        for minute in range(offset, 600, 3):
            bar = start + minute * 60
            found += evaluate(
                strategy,
                Until(provider, bar + 60),
                instrument=1,
                from_open=bar,
                through_open=bar,
                cache=cache,
            )
        return found

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(follow, (0, 1, 2, 0, 1, 2)))
    assert sum(len(one) for one in results) > 1000
    for found in results:
        assert found == [whole[one.bar_open] for one in found]
