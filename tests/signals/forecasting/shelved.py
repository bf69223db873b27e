"""Small models of wavy prices, trained in a moment, for the tests of the language and services."""

import numpy as np

from signals.columns import ArrayBars, ArraySeries
from signals.columns.expressions import parse
from signals.forecasting.shelf import ShelvedModel
from signals.forecasting.trees import (
    TreeOptions,
    digest_of,
    grow_direction,
    grow_quantiles,
    open_trees,
    save,
)
from tests.signals.app.conftest import START, walk

TEXTS = {
    "change": "close / close.lag(3) - 1",
    "away": "close / close.sma(20) - 1",
    "range": "(high - low) / close",
}
FEW = TreeOptions(rounds=12, quantile_rounds=6, depth=3, threads=1)


def stroll(count, *, start=START, seed=1, momentum=0.1, timeframe=60):
    """Return (open_time, open, high, low, close, volume) rows that are hard to forecast."""
    noise = np.random.default_rng(seed)
    steps = noise.normal(0, 20, (count, 3))
    rows, price, change = [], 60_000.0, 0.0
    for n, (step, up, down) in enumerate(steps.tolist()):
        change = momentum * change + step
        close = round(price + change, 2)
        high, low = max(price, close) + abs(up), min(price, close) - abs(down)
        rows.append((start + n * timeframe, price, high, low, close, 1.0 + n % 7))
        price = close
    return rows


def described(texts=TEXTS):
    return {name: lambda x, text=text: parse(text).column(x, {}) for name, text in texts.items()}


def bars(count=1800, seed=1):
    rows = np.array(walk(count, seed=seed))
    return ArrayBars(rows[:, 0].astype(np.int64), *rows[:, 1:].T.copy())


def series(count=1800):
    return ArraySeries({("BTC", 60): bars(count)})


def trees(columns=3, seed=5):
    """Return (direction, quantile) bytes of trees that split on every column."""
    noise = np.random.default_rng(seed)
    rows = noise.normal(0, 0.001, (600, columns)).astype(np.float32)
    returns = rows.sum(axis=1).astype(np.float64) + noise.normal(0, 0.0005, 600)
    return (
        save(grow_direction(rows, returns > 0, FEW)),
        save(grow_quantiles(rows, returns, FEW)),
    )


def shelved(name="wave", version=1, *, through=START + 1200 * 60, timeframe=60, seed=5):
    direction, quantile = trees(seed=seed)
    digest = digest_of(direction, quantile)
    scorer = open_trees(direction, quantile, digest=digest, names=tuple(TEXTS))
    return ShelvedModel(name, version, timeframe, 4, through, described(), TEXTS, scorer)
