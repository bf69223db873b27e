"""A walk-forward on recorded bars: a slice of what docs/forecasting.md reports."""

import pytest

from signals.forecasting.trees import TreeOptions
from tests.signals.forecasting.accuracy import walked

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
    # 2019 grew wilder after its quiet start, so fewer than wanted lie inside.
    # How far it moves can be told: volatility clusters.
    assert quantiles["pinball"] < quantiles["naive_pinball"]
    assert 0.75 < quantiles["inside"] < 0.95
    assert quantiles["inside_wanted"] == pytest.approx(0.9)
    assert told["windows"] == 4
