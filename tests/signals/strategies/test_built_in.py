"""The two strategies on a month of real bars: what they say, and why."""

from collections import Counter
from math import isfinite

import numpy as np
import pytest

from signals.columns import ArraySeries, Verdict, evaluate
from signals.smc import Kind, detect
from signals.strategies.registry import misfit
from signals.strategies.smc_confluence import SmcConfluence
from signals.strategies.trend_pullback import TrendPullback
from tests.signals.real_bars import btc_1m


def concluded(strategy, bars):
    provider = ArraySeries({("BTC/USD", 60): bars})
    first, last = int(bars.open_time[0]), int(bars.open_time[-1])
    found = evaluate(strategy, provider, instrument="BTC/USD", from_open=first, through_open=last)
    return [one for one in found if one.verdict is not Verdict.WARMING_UP]


@pytest.fixture(scope="module")
def bars():
    return btc_1m(150, 20)


@pytest.fixture(scope="module")
def smc(bars):
    return concluded(SmcConfluence(), bars)


@pytest.fixture(scope="module")
def trend(bars):
    return concluded(TrendPullback(), bars)


def of(decisions, verdict):
    return [one for one in decisions if one.verdict is verdict]


def test_smc_speaks_several_times_a_day(smc):
    days = len({one.bar_open // 86400 for one in smc})
    assert 2 * days <= len(of(smc, Verdict.ENTER_LONG)) <= 15 * days
    assert len(of(smc, Verdict.EXIT)) <= 30 * days
    assert not of(smc, Verdict.ERROR)


def test_trend_speaks_a_few_times_a_day(trend):
    days = len({one.bar_open // 86400 for one in trend})
    assert days <= len(of(trend, Verdict.ENTER_LONG)) <= 20 * days
    assert not of(trend, Verdict.ERROR)


def test_every_entry_has_its_stop_and_three_times_the_risk(smc, trend):
    for one in of(smc, Verdict.ENTER_LONG) + of(trend, Verdict.ENTER_LONG):
        assert one.stop < one.price < one.take
        assert one.take - one.price == pytest.approx(3 * (one.price - one.stop))
        assert 0.7 <= one.confidence <= 1
        assert all(isinstance(value, bool) or isfinite(value) for value in one.values.values())


def test_an_smc_entry_lies_in_an_order_block_the_detector_knows(smc, bars):
    blocks = {
        (one.top, one.bottom): one
        for one in detect(bars, swing=5).events
        if one.kind is Kind.ORDER_BLOCK and one.direction == 1
    }
    low = dict(zip(bars.open_time.tolist(), bars.low.tolist(), strict=True))
    for one in of(smc, Verdict.ENTER_LONG):
        values = one.values
        block = blocks[values["block_top"], values["block_bottom"]]
        assert block.confirmed_at < one.bar_open
        assert values["trend"] == 1
        assert values["touches"] == 1
        assert low[one.bar_open] <= values["block_top"]
        assert one.price > values["block_bottom"] > one.stop


def test_the_confidence_is_the_sum_of_its_named_parts(smc):
    for one in of(smc, Verdict.ENTER_LONG):
        parts = [value for name, value in one.values.items() if name.startswith("confidence.")]
        assert len(parts) == 6
        assert one.confidence == pytest.approx(min(sum(parts), 1))


def test_the_exit_is_a_bearish_change_of_character(smc, bars):
    changes = {
        one.at
        for one in detect(bars, swing=5).events
        if one.kind is Kind.CHOCH and one.direction == -1
    }
    exits = {one.bar_open for one in of(smc, Verdict.EXIT)}
    # A calculation begun at an anchor may take another break for the first one, seldom.
    assert len(exits & changes) > 0.99 * len(exits)
    assert len(exits) > 0.99 * len([one for one in changes if one >= smc[0].bar_open])


def test_reasons_name_the_first_condition_that_failed(smc):
    reasons = Counter(
        one.reason.partition(" below ")[0].partition(" 0.")[0] for one in of(smc, Verdict.NONE)
    )
    assert set(reasons) == {
        "structure is bullish: no",
        "a bullish order block waits: no",
        "price returned into the block: no",
        "it is the first return: no",
        "the bar closed above the block's foot: no",
        "a gap or a discount supports it: no",
        "confidence",
    }
    low = [one for one in smc if one.reason.startswith("confidence")]
    assert all(one.reason.endswith((" below 0.70", " below 0.7000")) for one in low)


def test_a_higher_threshold_only_takes_entries_away(smc, bars):
    strict = concluded(SmcConfluence(threshold=0.9), bars)
    entries = {one.bar_open for one in of(strict, Verdict.ENTER_LONG)}
    assert entries < {one.bar_open for one in of(smc, Verdict.ENTER_LONG)}
    assert entries == {one.bar_open for one in of(smc, Verdict.ENTER_LONG) if one.confidence >= 0.9}


def test_a_pullback_is_bought_in_an_up_trend_only(trend, bars):
    """The trend recomputed from the minutes alone."""
    hours = bars.open_time // 3600
    last = np.concatenate((np.flatnonzero(np.diff(hours)), [len(hours) - 1]))
    closes = dict(zip(hours[last].tolist(), bars.close[last].tolist(), strict=True))
    checked = 0
    for one in trend:
        newest = (one.bar_open + 300) // 3600 - 1
        window = [closes[hour] for hour in range(newest - 23, newest + 1) if hour in closes]
        if len(window) < 24:
            continue
        long, short = sum(window) / 24, sum(window[-8:]) / 8
        if abs(window[-1] - long) > 1e-6 and abs(short - long) > 1e-6:
            assert one.values["trend"] is (window[-1] > long and short > long)
            checked += 1
    assert checked > 3000
    for one in of(trend, Verdict.ENTER_LONG):
        assert one.values["trend"] is True
        assert one.values["turned"] is True
        assert one.price > one.values["fast"]
        assert one.price - one.stop == pytest.approx(2 * one.values["atr"])


@pytest.mark.parametrize(
    ("timeframe", "trend"),
    [("1m", "15m"), ("5m", "1h"), ("15m", "4h"), ("1h", "1d"), ("4h", "1d")],
)
def test_the_trend_is_read_from_a_longer_chart(timeframe, trend):
    strategy = TrendPullback(timeframe=timeframe)
    assert strategy.trend_timeframe == trend
    assert misfit(strategy) == ""


def test_no_chart_is_longer_than_a_day():
    assert misfit(TrendPullback(timeframe="1d")) == (
        "it wants a longer chart for the trend; 1d has none"
    )
    assert misfit(SmcConfluence(timeframe="1d")) == ""
