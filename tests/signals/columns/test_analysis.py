"""Lookahead analysis: planted leaks are named with their column and bar, honest code passes."""

import sys

import numpy as np
import pytest

from signals.columns import ArrayBars, ArraySeries, ColumnError
from signals.columns.analysis import AGAIN, PREFIX, SAID, STEP, Answers, cut_rows, lookahead
from signals.strategies import Strategy, column, enter_long, nothing
from signals.strategies.smc_confluence import SmcConfluence
from signals.strategies.trend_pullback import TrendPullback
from tests.signals.columns.samples import Crossing, EveryColumn, market, walk
from tests.signals.real_bars import btc_1m

COUNT = 900
LAST = (COUNT - 1) * 60


@pytest.fixture(scope="module")
def bars():
    return walk(COUNT)


def looked(strategy, bars, **options):
    provider = ArraySeries({("BTC", 60): bars})
    span = {"instrument": "BTC", "from_open": 0, "through_open": int(bars.open_time[-1])}
    return lookahead(strategy, provider, **span, **options)


def ahead(bars_after=1):
    """Walk up the stack to the engine's own arrays and read a later close from them."""
    frame = sys._getframe()
    while "joined" not in frame.f_locals:
        frame = frame.f_back
    closes, end = frame.f_locals["joined"][3], frame.f_locals["end"]
    return np.roll(closes, -bars_after)[end - 1] if end - 1 + bars_after < len(closes) else None


class Leaky(Strategy):
    """A base for what is planted: `honest` beside the column that leaks."""

    timeframe = "1m"

    def columns(self, x):
        return {"honest": x.close.sma(5), "leaky": self.leaky(x)}

    def decide(self, b):
        return nothing("watching")


class NextClose(Leaky):
    @column(bars=3)
    def leaky(self, w):
        found = ahead()
        return w.close[-1] if found is None else found


class RareNextClose(Leaky):
    """It looks ahead on bars of rare volume only: cuts at random bars would miss it."""

    @column(bars=3)
    def leaky(self, w):
        found = ahead()
        return found if found is not None and w.volume[-1] > 9.9 else 0.0


def kept_in_a_list():
    seen = []

    class WholeSample(Leaky):
        @column(bars=2)
        def leaky(self, w):
            seen.append(float(w.close[-1]))
            return float(np.mean(seen))

    return WholeSample()


def kept_by_price():
    seen = {}

    class Remembers(Leaky):
        @column(bars=2)
        def leaky(self, w):
            seen[float(w.close[-2])] = float(w.close[-1])
            return seen.get(float(w.close[-1]), 0.0)

    return Remembers()


class Rolled(Leaky):
    """A roll within the window turns the newest bar to the front and sees nothing later."""

    @column(bars=4)
    def leaky(self, w):
        return float(np.roll(w.close, -1)[-1] - w.close.mean())


class TestWhatIsPlanted:
    def test_the_next_close_through_numpy_is_named_with_its_bar(self, bars):
        found = looked(NextClose(), bars)
        (leak,) = found.leaks
        assert leak.name == "leaky"
        assert leak.found_by == PREFIX
        row = leak.bar_open // 60
        # On that bar it told the close of the next one, and its own where none was there.
        assert (leak.alone, leak.later) == (bars.close[row], bars.close[row + 1])
        assert leak.known_through == leak.bar_open
        (stepped,) = looked(NextClose(), bars, cuts=0).leaks
        assert (stepped.name, stepped.found_by) == ("leaky", STEP)
        assert stepped.bar_open <= leak.bar_open

    def test_what_leaks_on_rare_bars_is_found_by_the_cuts_alone(self, bars):
        found = looked(RareNextClose(), bars, steps=0)
        (leak,) = found.leaks
        assert bars.volume[leak.bar_open // 60] > 9.9
        rare = np.flatnonzero(bars.volume > 9.9)
        assert 0 < rare.size < 20
        assert found.changes["leaky"] <= 2 * rare.size
        assert leak.later == bars.close[leak.bar_open // 60 + 1]

    def test_a_mean_of_everything_seen_is_named(self, bars):
        found = looked(kept_in_a_list(), bars)
        assert [one.name for one in found.leaks] == ["leaky"]
        assert found.leaks[0].is_column

    def test_a_cache_keyed_by_price_is_found_by_the_second_run(self, bars):
        found = looked(kept_by_price(), bars, cuts=0, steps=0)
        (leak,) = found.leaks
        assert (leak.name, leak.found_by, leak.alone) == (
            "leaky",
            AGAIN,
            bars.close[leak.bar_open // 60 + 1],
        )
        assert leak.later == 0.0

    def test_what_decide_remembers_is_named_as_the_verdict_and_its_prices(self, bars):
        seen = {}

        class Knows(Strategy):
            timeframe = "1m"

            def columns(self, x):
                return {"up": x.close > x.open}

            def decide(self, b):
                seen[b.bar_open] = b.close
                if seen.get(b.bar_open + 60, 0) > b.close:
                    return enter_long(stop=b.close - 1, why="it will rise")
                return nothing

        found = looked(Knows(), bars)
        assert [one.name for one in found.leaks] == list(SAID)
        verdict = found.leaks[0]
        assert (verdict.alone, verdict.later) == ("enter_long", "none")
        rises = np.flatnonzero(bars.close[1:] > bars.close[:-1])
        assert verdict.bar_open in rises * 60

    def test_a_column_that_reads_one_calculated_beside_it_too_far_is_found_bar_by_bar(self, bars):
        """In a block the first column is through before the second begins; live it is not."""
        seen = []

        class Beside(Strategy):
            timeframe = "1m"

            @column(bars=1)
            def first(self, w):
                seen.append(float(w.close[-1]))
                return 0.0

            @column(bars=1)
            def second(self, w):
                place = seen.index(float(w.close[-1]))
                return seen[place + 1] if place + 1 < len(seen) else 0.0

            def columns(self, x):
                return {"first": self.first(x), "second": self.second(x)}

            def decide(self, b):
                return nothing("watching")

        found = looked(Beside(), bars, cuts=0)
        assert [one.name for one in found.leaks] == ["second"]


@pytest.mark.parametrize("cls", [Rolled, Crossing])
def test_honest_code_passes(cls, bars):
    found = looked(cls(), bars)
    assert found.leaks == ()
    assert found.is_clean
    assert found.is_proof
    assert len(found.cuts) == 32
    assert found.stepped == found.decided > 300


@pytest.mark.parametrize("cls", [SmcConfluence, TrendPullback, EveryColumn])
def test_real_bars_clear_the_strategies_that_come_with_mystic(cls):
    provider, begin = market(200, 16)
    end = begin + 16 * 86400 - 60
    span = {"instrument": 1, "from_open": begin, "through_open": end}
    found = lookahead(cls(), provider, **span, cuts=6, steps=60)
    assert found.leaks == ()
    assert found.is_proof
    assert not found.is_cut_short


def test_real_bars_with_a_planted_leak():
    bars = ArrayBars.of(btc_1m(100, 3), slice(0, 1700))
    leak = looked_real(NextClose(), bars).leaks[0]
    row = int(np.searchsorted(bars.open_time, leak.bar_open))
    assert (leak.name, leak.later) == ("leaky", bars.close[row + 1])


def looked_real(strategy, bars):
    provider = ArraySeries({("BTC", 60): bars})
    first, last = int(bars.open_time[0]), int(bars.open_time[-1])
    return lookahead(strategy, provider, instrument="BTC", from_open=first, through_open=last)


def test_too_few_bars_are_no_proof():
    found = looked(Crossing(), walk(4))
    assert found.decided == 0
    assert found.leaks == ()
    assert not found.is_proof


def test_the_time_that_is_over_is_said(bars):
    found = looked(Crossing(), bars, may_go_on=lambda: False)
    assert found.is_cut_short
    assert (found.cuts, found.stepped) == ((), 0)
    assert not found.is_proof
    left = iter([True] * 5)
    found = looked(Crossing(), bars, may_go_on=lambda: next(left, False))
    assert len(found.cuts) == 5


def test_a_strategy_that_cannot_be_is_refused_as_ever(bars):
    class Shifted(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {"next": x.close.lag(-1)}

    with pytest.raises(ColumnError, match="a negative lag reads bars that have not closed yet"):
        looked(Shifted(), bars)


class TestChoosingTheCuts:
    def answers(self, **outputs):
        table = np.column_stack([np.array(one, dtype=float) for one in outputs.values()])
        opens = np.arange(len(table)) * 60
        return Answers(opens, tuple(outputs), table.view(np.int64), {})

    def test_rare_changes_come_first_and_the_rest_lie_spread(self):
        count = 100
        flag = np.zeros(count)
        flag[40:43] = 1
        found = cut_rows(
            self.answers(price=np.arange(count), flag=flag), np.ones(count, dtype=bool), 6
        )
        # The flag turns on 40 and 43; four of the 97 other changes of the price, ends included.
        assert found == [1, 33, 40, 43, 67, 99]

    def test_bars_that_warm_up_are_no_cuts(self):
        settled = np.array([False, False, False, True, True])
        assert cut_rows(self.answers(price=np.arange(5)), settled, 9) == [3, 4]
        assert cut_rows(self.answers(still=np.zeros(5)), settled, 9) == []
