"""Warm-up analysis: what windows and averages need by their formulas is what is measured."""

import math

import numpy as np
import pytest

from signals.columns import ArraySeries
from signals.columns.compiled import compile_strategy
from signals.columns.views import Since, Until
from signals.columns.warming import named_nodes, need_seconds, warming
from signals.strategies import Strategy, nothing
from tests.signals.columns.samples import Crossing, market, walk

COUNT = 6_000


def watching(**describe):
    class Watching(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {name: make(x) for name, make in describe.items()}

        def decide(self, b):
            return nothing

    return Watching()


def measured(strategy, bars, **options):
    provider = ArraySeries({("BTC", 60): bars})
    span = {"instrument": "BTC", "from_open": 0, "through_open": int(bars.open_time[-1])}
    found = warming(strategy, provider, **span, **options)
    return {one.name: one for one in found.columns}, found


@pytest.fixture(scope="module")
def bars():
    return walk(COUNT)


def test_windows_need_their_length_to_the_bar(bars):
    found, whole = measured(
        watching(
            close=lambda x: x.close,
            lag=lambda x: x.close.lag(7),
            highest=lambda x: x.high.rolling_max(20),
            nested=lambda x: x.high.rolling_max(20).lag(5),
        ),
        bars,
    )
    wanted = {"close": 0, "lag": 7, "highest": 19, "nested": 24}
    for name, bars_needed in wanted.items():
        one = found[name]
        assert (one.derived, one.exact, one.near, one.rough) == (bars_needed,) * 4
        assert one.left == 0.0
    assert len(whole.begins) == 12
    assert whole.history >= 2_000
    assert whole.tried >= 200


def test_an_exponential_average_forgets_its_beginning_by_its_formula(bars):
    """What the beginning still weighs after n bars is (1 - a)^n, a = 2 / (bars + 1)."""
    found, _ = measured(watching(ema=lambda x: x.close.ema(20)), bars, starts=1)
    begin = measured(watching(ema=lambda x: x.close.ema(20)), bars, starts=1)[1].begins[0] // 60
    keep = 1 - 2 / 21
    long = [bars.close[0]]
    # The first value of an average of 20 is the mean of 20; the 19 before it are missing.
    short = [np.nan] * 19 + [bars.close[begin : begin + 20].mean()]
    for price in bars.close[1:]:
        long.append(keep * long[-1] + (1 - keep) * price)
    for price in bars.close[begin + 20 :]:
        short.append(keep * short[-1] + (1 - keep) * price)
    long, short = np.array(long[begin:]), np.array(short)
    size = np.maximum(np.abs(long), np.median(np.abs(bars.close)))
    one = found["ema"]
    for tolerance, told in ((1e-9, one.near), (1e-3, one.rough)):
        is_off = ~(np.abs(long - short) / size <= tolerance)
        assert told == int(np.flatnonzero(is_off)[-1]) + 1
    assert one.rough <= one.near <= one.derived
    assert math.log(1e-9) / math.log(keep) < one.derived + 60
    assert one.left < 1e-9


def test_a_total_that_never_forgets_is_said_to_need_everything(bars):
    """A running sum carries its rounding along: it is close at once, and never the same bits."""
    found, _ = measured(watching(mean=lambda x: x.close.sma(20)), bars)
    one = found["mean"]
    assert (one.near, one.rough, one.derived) == (19, 19, 19)
    assert one.exact is None or one.exact > 19
    assert one.left < 1e-12


def test_a_higher_timeframe_counts_in_bars_of_the_strategy(bars):
    found, _ = measured(watching(hour=lambda x: x.tf("1h", lambda h: h.high.rolling_max(3))), bars)
    one = found["hour"]
    # Three whole hours must have closed, and the first may begin up to 59 bars late.
    assert 180 - 1 <= one.exact <= 239
    assert one.derived == 240 - 60
    assert one.exact <= one.derived + 60


def test_rules_name_their_conditions_stops_and_targets(bars):
    found, _ = measured(Crossing(), bars)
    assert {"fast above slow", "a new high", "stop", "crossed down"} <= set(found)
    assert (found["stop"].derived, found["stop"].exact) == (4, 4)


def test_what_is_stored_too_short_is_said_and_gives_no_false_comfort():
    found, whole = measured(watching(ema=lambda x: x.close.ema(50)), walk(120))
    assert whole.history == 60
    assert found["ema"].left is None
    assert measured(watching(ema=lambda x: x.close.ema(50)), walk(3))[1].begins == ()


def test_the_time_that_is_over_leaves_one_beginning(bars):
    _, whole = measured(Crossing(), bars, may_go_on=lambda: False)
    assert len(whole.begins) == 1
    assert whole.is_cut_short


def test_real_bars_settle_within_what_the_engine_waits_for():
    provider, begin = market(200, 8)
    end = begin + 8 * 86400 - 60

    class Five(Strategy):
        timeframe = "1m"

        def columns(self, x):
            return {"rsi": x.close.rsi(14), "atr": x.atr(14), "macd": x.close.macd().histogram}

        def decide(self, b):
            return nothing

    found = warming(Five(), provider, instrument=1, from_open=begin, through_open=end)
    for one in found.columns:
        assert one.rough <= one.near <= one.derived
        assert one.left < 1e-9


def test_the_need_of_a_node_counts_what_it_looks_at():
    strategy = watching(
        plain=lambda x: x.close.lag(4),
        hour=lambda x: x.tf("1h", lambda h: h.close.lag(2)).lag(3),
    )
    nodes = named_nodes(compile_strategy(strategy))
    assert need_seconds(nodes["plain"]) == 4 * 60
    assert need_seconds(nodes["hour"]) == 3 * 60 + 3 * 3600


class TestViews:
    def test_until_shows_only_what_had_closed(self, bars):
        view = Until(ArraySeries({("BTC", 60): bars}), 7_250)
        assert view.coverage("BTC", 60).last_open == 7_140
        assert view.coverage("BTC", 3_600).last_open == 3_600
        assert view.bars("BTC", 60, 0, 10**9).open_time[-1] == 7_140
        assert view.bars("BTC", 3_600, 0, 10**9).open_time.tolist() == [0, 3_600]
        view.moment = 30
        assert view.coverage("BTC", 60) is None
        assert not len(view.bars("BTC", 60, 0, 10**9).open_time)

    def test_since_begins_with_a_whole_bar(self, bars):
        view = Since(ArraySeries({("BTC", 60): bars}), 60)
        assert view.bars("BTC", 60, 0, 180).open_time.tolist() == [60, 120, 180]
        assert view.bars("BTC", 3_600, 0, 7_200).open_time.tolist() == [3_600, 7_200]
        assert view.coverage("BTC", 3_600).first_open == 3_600
