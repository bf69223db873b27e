"""A walk-forward on recorded bars: a slice of what docs/forecasting.md reports."""

import numpy as np
import pytest

from signals.forecasting.trees import TreeOptions
from tests.signals.forecasting.accuracy import BTC, spy_daily, walked

SMALL = TreeOptions(rounds=40, quantile_rounds=20, depth=3)


@pytest.fixture(scope="module")
def hours():
    return walked("btc", 3600, 1, 4, days=240, trees=SMALL)


def test_an_hour_of_bitcoin_is_hardly_to_be_forecast_and_the_account_says_so(hours):
    sample, learned = hours
    told = learned.metrics
    direction, quantiles = told["direction"], told["quantiles"]
    # The labels are the closes an hour later; most rows of 240 days are there.
    assert 4000 < len(sample.rows) < 240 * 24
    assert direction["rows"] > 2000
    # Nobody forecasts an hour much better than a coin; more would mean a leak.
    assert 0.46 < direction["hit_rate"]["value"] < 0.58
    assert direction["hit_rate"]["low"] < direction["hit_rate"]["value"]
    assert abs(direction["brier"] - direction["naive_brier"]) < 0.02
    # How far it moves can be told: volatility clusters.
    assert quantiles["pinball"] < quantiles["naive_pinball"]
    assert 0.85 < quantiles["inside"] < 0.95
    assert quantiles["inside_wanted"] == pytest.approx(0.9)
    assert told["windows"] == 4
    assert BTC == "BTC/USDT"


def test_the_daily_bars_of_spy_are_those_of_the_exchange():
    bars = spy_daily()
    day = np.datetime64("2008-10-13").astype("datetime64[s]").astype(np.int64)
    place = int(np.searchsorted(bars.open_time, day))
    # The rise of 13 October 2008, one of the greatest there were: about 14.5 %.
    change = bars.close[place] / bars.close[place - 1] - 1
    assert change == pytest.approx(0.145, abs=0.005)
