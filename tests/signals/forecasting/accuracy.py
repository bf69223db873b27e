"""The walk-forward on recorded markets: `python -m tests.signals.forecasting.accuracy`.

Prints the rows of the table in docs/forecasting.md.
"""

import json
import sys
import time

import numpy as np

from signals.columns import ArrayBars, ArraySeries, Coverage
from signals.forecasting.features import default_features
from signals.forecasting.training import Recipe, learn
from signals.forecasting.trees import TreeOptions
from signals.forecasting.windows import WalkOptions
from signals.samples import feature_plan, sample_of
from tests.signals.real_bars import btc_1m, numbers, read_csv

BTC, SPY = "BTC/USDT", "SPY"
YEAR = 365
CASES = (
    ("btc", 300, 1, 8),
    ("btc", 300, 12, 8),
    ("btc", 3600, 1, 8),
    ("btc", 3600, 24, 8),
    ("spy", 86_400, 1, 8),
    ("spy", 86_400, 5, 8),
)


def spy_daily():
    """SPY daily bars as they were quoted, 1998 to 2021."""
    rows = read_csv("equity/lean_SPY_1d.csv.gz")
    days = np.array([f"{row['time'][:4]}-{row['time'][4:6]}-{row['time'][6:8]}" for row in rows])
    opens = days.astype("datetime64[s]").astype(np.int64)
    prices = [numbers(rows, name) for name in ("open", "high", "low", "close", "volume")]
    return ArrayBars(opens, *prices)


def series_of(market, timeframe, days=YEAR):
    """Return a provider and the instrument in it."""
    if market == "spy":
        bars = spy_daily()
        return ArraySeries({(SPY, timeframe): bars}), SPY
    minutes = btc_1m(0, days)
    whole = minutes.open_time[0] // 86400 * 86400, minutes.open_time[-1]
    return (
        ArraySeries({(BTC, 60): minutes}, {(BTC, 60): Coverage(*(int(one) for one in whole))}),
        BTC,
    )


def walked(market, timeframe, horizon, windows, days=YEAR, trees=None):
    provider, symbol = series_of(market, timeframe, days)
    texts = default_features("stock" if market == "spy" else "crypto", timeframe, [symbol])
    sample = sample_of(
        feature_plan(texts, timeframe),
        provider,
        [symbol],
        horizon=horizon,
        is_always_open=market != "spy",
    )
    recipe = Recipe(timeframe, horizon, WalkOptions(windows=windows), trees or TreeOptions())
    return sample, learn(sample, recipe)


def main():
    for market, timeframe, horizon, windows in CASES:
        began = time.monotonic()
        sample, learned = walked(market, timeframe, horizon, windows)
        told = learned.metrics
        direction, quantiles = told["direction"], told["quantiles"]
        hit = direction["hit_rate"]
        cells = (
            f"{market} {timeframe // 60}m, {horizon} ahead",
            f"{direction['rows']:,} ({direction['independent']:,.0f})",
            f"{hit['value']:.2%} ({hit['low']:.1%} to {hit['high']:.1%})",
            f"{direction['naive_hit_rate']:.2%}",
            share(direction["brier_gain"], direction["naive_brier"]),
            share(direction["log_gain"], direction["naive_log_loss"]),
            share(quantiles["pinball_gain"], quantiles["naive_pinball"]),
            f"{quantiles['inside']:.1%}",
        )
        print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201
        note = {
            "verdict": told["verdict"],
            "seconds": round(time.monotonic() - began, 1),
            "rows": len(sample.rows),
            "calibrated": told["is_calibrated"],
            "importance": list(told["importance"].items())[:4],
            "hit_gain": direction["hit_gain"],
            "no_change": quantiles["no_change_pinball"] / quantiles["pinball"],
        }
        print(json.dumps(note), file=sys.stderr, flush=True)  # noqa: T201


def share(gain, naive):
    low, high = (f"{one / naive:+.2%}" for one in (gain["low"], gain["high"]))
    return f"{gain['value'] / naive:+.2%} ({low} to {high})"


if __name__ == "__main__":
    main()
