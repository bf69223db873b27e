"""The catalogue, candlesticks, chart patterns and an own column: live equals the backtest."""

import pytest

from signals.columns import BLOCK, EvaluationCache, Verdict, evaluate
from signals.strategies import Strategy, column, nothing
from signals.strategies.reading import faults
from tests.signals.columns.samples import Until, market

MINUTE = 60


class Pictures(Strategy):
    """Averages that never forget, windows, periods, patterns, and a method."""

    timeframe = "1m"

    @column(bars=30)
    def trend(self, w):
        return float(w.close[-10:].sum() - w.rsi.sum())

    def columns(self, x):
        rsi = x.ta.RSIIndicator(window=7).rsi
        band = x.ta.KeltnerChannel(window=9, window_atr=5, original_version=False)
        return {
            "rsi": rsi,
            "upper": band.keltner_channel_hband,
            "outside": band.keltner_channel_hband_indicator,
            "kst": x.ta.KSTIndicator().kst_sig,
            "adx": x.ta.ADXIndicator(window=4).adx,
            "macd": x.tf("5m", lambda h: h.ta.MACD(window_slow=9, window_fast=4).macd_diff),
            "obv": x.ta.OnBalanceVolumeIndicator(reset="day").on_balance_volume,
            "engulfing": x.candle.engulfing,
            "star": x.candle(penetration=0.2).morning_star,
            "rising": x.candle.any_bullish(),
            "bottom": x.chart(swing=2).double_bottom.confirmed,
            "level": x.chart(swing=2).rectangle.level,
            "wedge": x.tf("5m", lambda h: h.chart(swing=2).falling_wedge.age),
            "trend": self.trend(x, rsi=rsi),
            "hour": x.tf("5m", lambda h: self.trend(h, rsi=h.close.rsi(5))),
        }

    def decide(self, b):
        return nothing("watching")


@pytest.fixture(scope="module")
def world():
    return market(first_day=200, days=4)


def test_live_bars_with_and_without_memory_equal_the_backtest(world):
    provider, begin = world
    strategy = Pictures()
    through = begin + 4 * 86400 - MINUTE
    whole = evaluate(strategy, provider, instrument=1, from_open=begin, through_open=through)
    known = {one.bar_open: one for one in whole if one.verdict is not Verdict.WARMING_UP}
    border = max(one for one in known if one % (BLOCK * MINUTE) == 0)
    live = [one for one in known if border - 15 * MINUTE <= one < border + 15 * MINUTE]
    assert len(live) > 20
    cache = EvaluationCache()
    for number, bar_open in enumerate(live):
        now = Until(provider, bar_open + MINUTE)
        span = {"instrument": 1, "from_open": bar_open, "through_open": bar_open}
        assert evaluate(strategy, now, cache=cache, **span) == [known[bar_open]]
        if number % 10 == 0:
            assert evaluate(strategy, now, **span) == [known[bar_open]]
    names = {name for one in known.values() for name in one.values}
    assert len(names) == 15


def test_where_the_history_begins_changes_nothing(world):
    provider, begin = world
    later = market(first_day=201, days=3)[0]
    through = begin + 4 * 86400 - MINUTE
    span = {"instrument": 1, "from_open": begin + 2 * 86400, "through_open": through}
    whole = evaluate(Pictures(), provider, **span)
    shorter = evaluate(Pictures(), later, **span)
    same = [
        (one, other)
        for one, other in zip(whole, shorter, strict=True)
        if other.verdict is not Verdict.WARMING_UP
    ]
    assert len(same) > 500
    assert all(one == other for one, other in same)


def test_a_file_of_the_strategies_folder_may_have_columns_of_its_own():
    text = """
import numpy as np
from signals.strategies import Strategy, column


class Mine(Strategy):
    @column(bars=20)
    def made(self, w):
        return np.median(w.close)

    def columns(self, x):
        return {"made": self.made(x)}
"""
    assert faults(text) == []
    kept = text.replace("return np", "self.last = w.close\n        return np")
    (sentence,) = faults(kept)
    assert sentence.startswith("line 9: self.last would be kept from bar to bar")
