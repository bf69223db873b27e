"""One live bar through `x.model`, and one row through the bare trees."""

import time
from functools import cache
from typing import Any

import numpy as np

from benchmarks import inputs
from benchmarks.children import answer
from signals.columns import ArrayBars, ArraySeries, EvaluationCache
from signals.columns.series import FOREVER
from signals.columns.table import TablePlan, table, table_plan
from signals.forecasting.features import default_features
from signals.forecasting.shelf import ShelvedModel, shelf
from signals.forecasting.trees import (
    TreeOptions,
    digest_of,
    grow_direction,
    grow_quantiles,
    open_trees,
    save,
)
from signals.samples import described, feature_plan, sample_of

STEP = 300
BARS = 12_000
SYMBOL = "BTC/USDT"


@cache
def prepared() -> tuple[ArraySeries, ShelvedModel]:
    """Return a series and a model of the usual features and size, on the shelf."""
    walk = inputs.walk(BARS, timeframe=STEP, end=inputs.START // STEP * STEP + BARS * STEP)
    series = ArraySeries({(SYMBOL, STEP): ArrayBars(*walk)})
    texts = default_features("crypto", STEP, [SYMBOL])
    plan = feature_plan(texts, STEP)
    sample = sample_of(plan, series, [SYMBOL], horizon=12, is_always_open=True)
    options = TreeOptions()
    parts = (
        save(grow_direction(sample.rows, sample.is_up, options)),
        save(grow_quantiles(sample.rows, sample.returns, options)),
    )
    scorer = open_trees(*parts, digest=digest_of(*parts), names=tuple(texts))
    model = ShelvedModel("usual", 1, STEP, 12, 0, described(texts), texts, scorer)
    shelf.put(model)
    return series, model


def work(name: str, rounds: int) -> dict[str, Any]:
    """Return the seconds of each round."""
    series, model = prepared()
    return {"seconds": {"live": live, "bare": bare}[name](series, model, rounds)}


def live(series: ArraySeries, _model: ShelvedModel, rounds: int) -> list[float]:
    """One more bar: features, probability, quantiles; the state of the bars before is kept."""
    plan: TablePlan = table_plan(
        {"p": lambda x: x.model("usual"), "q": lambda x: x.model("usual").quantile_50}, STEP
    )
    last = int(series.bars(SYMBOL, STEP, 0, FOREVER).open_time[-1])
    cache_of_runs = EvaluationCache()
    found = []
    for bar in range(last - rounds * STEP, last + STEP, STEP):
        began = time.perf_counter()
        told = table(
            plan, series, instrument=SYMBOL, timeframe=STEP,
            from_open=bar, through_open=bar, cache=cache_of_runs,
        )  # fmt: skip
        found.append(time.perf_counter() - began)
        assert not np.isnan(told.values).any()
    # The first one calculates the history of its block.
    return found[1:]


def bare(_series: ArraySeries, model: ShelvedModel, rounds: int) -> list[float]:
    """The trees of the direction alone, asked about one row."""
    row = np.zeros((1, len(model.texts)), dtype=np.float32)
    found = []
    for _ in range(rounds + 10):
        began = time.perf_counter()
        model.scorer.direction.inplace_predict(row, predict_type="margin")
        found.append(time.perf_counter() - began)
    return found[10:]


if __name__ == "__main__":
    answer(work)
