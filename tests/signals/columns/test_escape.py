"""`@column`: a method of the strategy on exactly n closed bars, and nothing else."""

import numpy as np
import pytest

from signals.columns import (
    ArrayBars,
    ArraySeries,
    ColumnError,
    Coverage,
    EvaluationCache,
    LookaheadError,
    Verdict,
    assert_causal,
    evaluate,
    history_needed,
)
from signals.strategies import Entry, Exit, Param, Strategy, column, nothing
from tests.signals.columns.columns_of import calculated
from tests.signals.columns.samples import Until, market, walk
from tests.signals.real_bars import btc_1m

MINUTE, QUARTER = 60, 900


class Own(Strategy):
    """Words written a second time as methods."""

    timeframe = "1m"
    bars = Param(5, low=2, high=50)

    @column(bars=9)
    def mean(self, w):
        """Return the mean of the closes."""
        return w.close.sum() / 9

    @column(bars=4)
    def reach(self, w):
        assert len(w) == 4
        return w.high.max() - w.low.min() + self.params["bars"]

    @column(bars=3)
    def above(self, w, /):
        return bool((w.close > w.fast).all())

    @column(bars=3)
    def rarely(self, w):
        return w.close[-1] if w.close[-1] > w.open[-1] else float("nan")

    def columns(self, x):
        fast = x.close.ema(4)
        return {
            "mean": self.mean(x),
            "reach": self.reach(x),
            "above": self.above(x, fast=fast),
            "plain": (x.close > fast).all_of_last(3),
            "rarely": self.rarely(x),
            "longer": x.tf("5m", self.mean),
            "crossed": self.mean(x).crossed_above(x.close),
        }

    def decide(self, b):
        return nothing("watching")


def conclude(strategy, bars, timeframe=MINUTE, **options):
    span = Coverage(int(bars.open_time[0]), int(bars.open_time[-1]))
    provider = ArraySeries({(1, timeframe): bars}, {(1, timeframe): span})
    first, last = span.first_open, span.last_open
    found = evaluate(
        strategy, provider, instrument=1, from_open=first, through_open=last, **options
    )
    return {one.bar_open: one for one in found}


def one_column(cls, name="made", **options):
    strategy = cls()
    return lambda x: strategy.columns(x)[name]


def test_a_method_says_what_the_words_say():
    bars = walk(300, seed=5)
    mean = calculated(one_column(Own, "mean"), bars, MINUTE)
    assert np.isnan(mean[:8]).all()
    np.testing.assert_allclose(
        mean[8:], calculated(lambda x: x.close.sma(9), bars, MINUTE)[8:], rtol=1e-13
    )
    reach = calculated(one_column(Own, "reach"), bars, MINUTE)
    expected = calculated(lambda x: x.high.rolling_max(4) - x.low.rolling_min(4) + 5, bars, MINUTE)
    assert np.array_equal(reach, expected, equal_nan=True)


def test_columns_are_handed_over_by_name():
    bars = walk(900, seed=5)
    for one in conclude(Own(), bars).values():
        if one.verdict is not Verdict.WARMING_UP:
            assert one.values["above"] == one.values["plain"]


def test_nan_is_a_missing_value():
    bars = walk(900, seed=5)
    found = [one for one in conclude(Own(), bars).values() if one.verdict is not Verdict.WARMING_UP]
    rising = dict(zip(bars.open_time.tolist(), (bars.close > bars.open).tolist(), strict=True))
    assert all(("rarely" in one.values) == rising[one.bar_open] for one in found)


def test_the_window_is_exactly_the_last_closed_bars():
    bars, seen = walk(40, seed=7), []

    class Looks(Strategy):
        @column(bars=6)
        def made(self, w):
            seen.append({name: getattr(w, name).copy() for name in ("open", "volume", "close")})
            return 0

        def columns(self, x):
            return {"made": self.made(x)}

    calculated(one_column(Looks), bars, MINUTE, cuts=[3, 4, 20])
    assert len(seen) == 40 - 5
    for end, window in enumerate(seen, 6):
        for name, found in window.items():
            assert np.array_equal(found, getattr(bars, name)[end - 6 : end])


def test_the_need_is_derived_and_adds_up():
    class Deep(Strategy):
        timeframe = "1m"

        @column(bars=200)
        def made(self, w):
            return w.slow[0]

        def columns(self, x):
            return {"made": self.made(x, slow=x.close.sma(50))}

    # 199 for the window, 49 for the average before its first bar, a quarter of it, 4, the block.
    need = 199 + 49
    assert history_needed(Deep()) == {(None, 60): (511 + need + need // 4 + 4 + 1) * 60}


def test_pieces_of_any_size_and_later_beginnings_give_the_same_bits():
    bars = walk(400, seed=9)
    for name in ("mean", "reach", "above", "rarely", "crossed"):
        whole = calculated(one_column(Own, name), bars, MINUTE)
        for cuts in ([1, 2, 3, 100, 399], range(1, 400)):
            again = calculated(one_column(Own, name), bars, MINUTE, cuts)
            assert np.array_equal(again, whole, equal_nan=True)
    part = ArrayBars.of(bars, slice(391 - 8, 392))
    mean = calculated(one_column(Own, "mean"), bars, MINUTE)
    assert calculated(one_column(Own, "mean"), part, MINUTE)[-1] == mean[391]


def test_live_bars_equal_the_backtest():
    provider, begin = market(first_day=200, days=2)
    strategy = Own()
    span = {"instrument": 1, "from_open": begin, "through_open": begin + 86400 + 43200}
    whole = {one.bar_open: one for one in evaluate(strategy, provider, **span)}
    border = max(one for one in whole if one % (512 * 60) == 0)
    cache = EvaluationCache()
    for bar_open in (one for one in whole if border - 600 <= one < border + 600):
        now = Until(provider, bar_open + 60)
        asked = {"instrument": 1, "from_open": bar_open, "through_open": bar_open}
        assert evaluate(strategy, now, cache=cache, **asked) == [whole[bar_open]]


def test_it_is_causal():
    bars = ArrayBars.of(btc_1m(100, 2), slice(0, 1700))
    assert assert_causal(Own(), bars, MINUTE, cuts=8) == 8


def test_what_it_keeps_on_the_side_is_found():
    kept = []

    class Keeps(Strategy):
        """Counts how often it was asked, which differs between a backtest and its prefix."""

        timeframe = "1m"

        @column(bars=2)
        def made(self, w):
            kept.append(w.close[-1])
            return len(kept)

        def columns(self, x):
            return {"made": self.made(x), "up": x.close > x.open}

        def decide(self, b):
            return nothing("watching")

    with pytest.raises(LookaheadError, match="with later bars it gives"):
        assert_causal(Keeps(), walk(1300), MINUTE)


class Failing(Strategy):
    """Fails on a few bars, on its own timeframe and on a longer one."""

    timeframe = "1m"
    longer = Param(0, low=0, high=1)

    @column(bars=3)
    def made(self, w):
        if w.volume[-1] == 77:
            raise ValueError("no such volume")
        return {78: float("inf"), 79: None, 80: "many"}.get(int(w.volume[-1]), 1.5)

    def rules(self, x):
        made = x.tf("5m", self.made) if self.params["longer"] else self.made(x)
        return (
            Entry(when={"known": made > 1}, stop=x.close - 1, why="made"),
            Exit(when={"never": made < 1}),
        )


def failing_bars(at):
    bars = walk(1100, seed=2, start=512 * 60)
    volume = np.full(1100, 5.0)
    for row, value in at.items():
        volume[row] = value
    return ArrayBars(bars.open_time, bars.open, bars.high, bars.low, bars.close, volume)


def test_an_error_is_the_verdict_of_that_bar_with_the_name_of_the_method():
    bars = failing_bars({700: 77, 710: 78, 720: 79, 1001: 80})
    found = list(conclude(Failing(), bars).values())
    wrong = {row: one for row, one in enumerate(found) if one.verdict is Verdict.ERROR}
    wanted = "a finite number is wanted, or nan where there is none"
    assert {row: one.reason for row, one in wrong.items()} == {
        700: "made: ValueError: no such volume",
        710: f"made: returned inf; {wanted}",
        720: f"made: returned None; {wanted}",
        1001: f"made: returned 'many'; {wanted}",
    }
    assert wrong[700].price == bars.close[700]
    assert wrong[700].values == {}
    assert wrong[700].stop is None
    assert found[701].verdict is Verdict.ENTER_LONG
    cache = EvaluationCache()
    assert list(conclude(Failing(), bars, cache=cache).values()) == found


def test_an_error_on_a_longer_bar_counts_as_long_as_that_bar_does():
    # The 5m bar of rows 700 to 704 closes with row 704 and is looked at up to row 708.
    bars = failing_bars({702: 73})
    found = list(conclude(Failing(longer=1), bars).values())
    assert not any(one.verdict is Verdict.ERROR for one in found)
    bars = failing_bars({702: 77 - 4 * 5})
    found = list(conclude(Failing(longer=1), bars).values())
    wrong = [row for row, one in enumerate(found) if one.verdict is Verdict.ERROR]
    begin = int(bars.open_time[702]) // 300 * 300 + 240
    first = int(np.searchsorted(bars.open_time, begin))
    assert wrong == list(range(first, first + 5))
    span = Coverage(int(bars.open_time[0]), int(bars.open_time[-1]))
    provider = ArraySeries({(1, 60): bars}, {(1, 60): span})
    cache, again = EvaluationCache(), []
    for opened in bars.open_time[first - 3 : first + 8].tolist():
        asked = {"instrument": 1, "from_open": opened, "through_open": opened}
        again += evaluate(Failing(longer=1), Until(provider, opened + 60), cache=cache, **asked)
    assert again == found[first - 3 : first + 8]


def test_the_arrays_refuse_writing():
    class Writes(Strategy):
        timeframe = "1m"

        @column(bars=3)
        def made(self, w):
            w.close[0] = 1
            return 0

        @column(bars=3)
        def unlocked(self, w):
            w.close.flags.writeable = True
            return 0

        def columns(self, x):
            return {"made": self.made(x)}

        def decide(self, b):
            return nothing("watching")

    found = list(conclude(Writes(), walk(600)).values())
    last = found[-1]
    assert (last.verdict, last.reason[:17]) == (Verdict.ERROR, "made: ValueError:")
    assert "read-only" in last.reason
    calculated(lambda x: Writes().unlocked(x), walk(10), MINUTE)
    Writes.columns = lambda self, x: {"unlocked": self.unlocked(x)}
    assert "WRITEABLE" in list(conclude(Writes(), walk(600)).values())[-1].reason


def test_two_strategies_in_one_plan_keep_their_own_methods():
    class Pair(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {"first": Own(bars=2).reach(x), "second": Own(bars=3).reach(x)}

        def decide(self, b):
            return nothing("watching")

    values = list(conclude(Pair(), walk(600)).values())[-1].values
    assert values["second"] == pytest.approx(values["first"] + 1)


def test_a_changed_method_is_another_version():
    class Again(Own):
        @column(bars=9)
        def mean(self, w):
            return w.close[-1]

    assert Again().version != Own().version


REFUSALS = [
    (lambda s, x: s.mean(), "takes x first"),
    (lambda s, x: s.mean(x.close), "takes x first"),
    (lambda s, x: s.mean(x, 3), "takes x first"),
    (lambda s, x: s.mean(x, close=x.high), "w.close from x"),
    (lambda s, x: s.mean(x, fast=3), "fast is 3"),
    (lambda s, x: x.tf("5m", lambda h: s.mean(h, fast=x.close)), "fast lives on 1m"),
    (lambda s, x: type(s).mean(s, x), "is a column of a strategy"),
    (lambda s, x: column(bars=0), "at least 1"),
    (lambda s, x: column(bars=2001), "at most 2000"),
    (lambda s, x: column(bars=1.5), "whole number"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("ask", "sentence"), REFUSALS, ids=range(len(REFUSALS)))
def test_wrong_use_is_refused_with_a_sentence(ask, sentence):
    with pytest.raises(ColumnError, match=sentence):
        calculated(lambda x: ask(Own(), x), walk(10), MINUTE)


def test_an_unknown_name_of_the_window_suggests_one():
    class Misspells(Strategy):
        timeframe = "1m"

        @column(bars=3)
        def made(self, w):
            return w.closs[0]

        def columns(self, x):
            return {"made": self.made(x)}

    last = list(conclude(Misspells(), walk(600)).values())[-1]
    assert "Did you mean close?" in last.reason
