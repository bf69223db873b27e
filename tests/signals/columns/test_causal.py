"""The prefix test: it passes for every column there is, and it finds a planted leak."""

import pytest

from signals.columns import ArrayBars, ArraySeries, LookaheadError, assert_causal, evaluate
from signals.columns.smc_fields import FIELDS, FLAGS
from signals.strategies import Strategy, enter_long, nothing
from signals.strategies.smc_confluence import SmcConfluence
from signals.strategies.trend_pullback import TrendPullback
from tests.signals.columns.samples import Crossing
from tests.signals.real_bars import btc_1m

COLUMNS = {
    "lag": lambda x: x.close.lag(2),
    "sma": lambda x: x.close.sma(9),
    "stdev": lambda x: x.close.stdev(9),
    "ema": lambda x: x.close.ema(9),
    "rsi": lambda x: x.close.rsi(9),
    "atr": lambda x: x.atr(9),
    "macd": lambda x: x.close.macd(3, 6, 4).histogram,
    "bollinger": lambda x: x.close.bollinger(12).upper,
    "rolling_max": lambda x: x.high.rolling_max(12),
    "rolling_min": lambda x: x.low.rolling_min(12),
    "crossed_above": lambda x: x.close.crossed_above(x.close.sma(5)),
    "crossed_below": lambda x: x.close.crossed_below(x.close.sma(5)),
    "clip": lambda x: (x.close - x.open).clip(-1, 1),
    "otherwise": lambda x: x.smc.swing_low.otherwise(0),
    "known": lambda x: x.smc.bullish_fvg_top.known(),
    "logic": lambda x: (x.close > x.open) & ~(x.low < x.low.lag(1)) | (x.high == x.close),
    "tf": lambda x: x.tf("15m", lambda h: h.close.sma(3)),
    "symbol": lambda x: x.symbol("series", lambda b: b.close.ema(3)),
}


def watching(describe):
    class Watching(Strategy):
        """Stores one column; its sign against the last bar makes the changes to cut at."""

        timeframe = "1m"

        def columns(self, x):
            column = describe(x)
            return {"column": column, "known": column.known(), "up": column > column.lag(1)}

        def decide(self, b):
            return nothing("watching")

    return Watching()


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_is_causal(name):
    bars = ArrayBars.of(btc_1m(100, 3), slice(0, 1700))
    assert assert_causal(watching(COLUMNS[name]), bars, 60, cuts=4) >= 1


class Structures(Strategy):
    """Stores every Smart-Money column; the flags make the changes to cut at."""

    timeframe = "1m"

    def columns(self, x):
        found = {name: getattr(x.smc(swing=3), name) for name in FIELDS}
        ups = {f"{name}_up": one > one.lag(1) for name, one in found.items() if name not in FLAGS}
        known = {f"{name}_known": one.known() for name, one in found.items() if name not in FLAGS}
        return {**found, **ups, **known}

    def decide(self, b):
        return nothing("watching")


def test_every_smart_money_column_is_causal():
    """All in one pass, as they are calculated; one that never changed would prove nothing."""
    bars = ArrayBars.of(btc_1m(100, 3), slice(0, 1700))
    strategy, begin = Structures(), int(bars.open_time[0])
    assert assert_causal(strategy, bars, 60, cuts=24) >= 24
    found = evaluate(
        strategy,
        ArraySeries({(1, 60): bars}),
        instrument=1,
        from_open=begin,
        through_open=int(bars.open_time[-1]),
    )
    still = {name for name in FIELDS if len({one.values.get(name) for one in found}) < 2}
    assert still == set()


@pytest.mark.parametrize("cls", [SmcConfluence, TrendPullback, Crossing])
def test_every_strategy_is_causal(cls):
    strategy = cls()
    days = 3 if strategy.timeframe == "1m" else 7
    assert assert_causal(strategy, btc_1m(100, days), 60, cuts=12) == 12


def test_a_strategy_that_cheats_is_found():
    bars = ArrayBars.of(btc_1m(100, 3), slice(0, 1700))
    seen = {}

    class Remembers(Strategy):
        """Keeps what it saw in an evaluation over the whole and uses it in the next."""

        timeframe = "1m"

        def columns(self, x):
            return {"up": x.close > x.open}

        def decide(self, b):
            seen[b.bar_open] = b.close
            ahead = seen.get(b.bar_open + 60, 0)
            return enter_long(stop=b.close - 1, why="up") if ahead > b.close else nothing

    with pytest.raises(LookaheadError, match="with later bars it gives"):
        assert_causal(Remembers(), bars, 60)


def test_a_series_too_short_to_conclude_is_no_proof():
    with pytest.raises(LookaheadError, match="too short"):
        assert_causal(Crossing(), ArrayBars.of(btc_1m(100, 3), slice(0, 3)), 60)
