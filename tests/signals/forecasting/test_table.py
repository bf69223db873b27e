"""The table of columns: the numbers that strategies see, wherever the span is cut."""

import numpy as np
import pytest

from signals.columns import ArrayBars, ArraySeries, ColumnError, Coverage, EvaluationCache, evaluate
from signals.columns.table import table, table_plan
from signals.strategies import Strategy, nothing
from tests.signals.app.conftest import START, walk

FEATURES = {
    "close": lambda x: x.close,
    "rsi": lambda x: x.close.rsi(14),
    "away": lambda x: x.close / x.close.ema(20) - 1,
    "hour": lambda x: x.tf("15m", lambda h: h.close / h.close.lag(2) - 1),
    "fear": lambda x: x.close > x.close.sma(5),
}


class Same(Strategy):
    timeframe = "1m"

    def columns(self, x):
        return {name: describe(x) for name, describe in FEATURES.items()}

    def decide(self, b):
        return nothing("looked")


def provider(count=1800, *, without=()):
    rows = np.array([row for n, row in enumerate(walk(count)) if n not in without])
    bars = ArrayBars(rows[:, 0].astype(np.int64), *rows[:, 1:].T.copy())
    last = START + (count - 1) * 60
    return ArraySeries({("BTC", 60): bars}, {("BTC", 60): Coverage(START, last)})


def span(first, last):
    return {"instrument": "BTC", "from_open": START + first * 60, "through_open": START + last * 60}


def test_it_holds_the_values_of_the_decisions_to_the_bit():
    series = provider(without={700, 701, 1400})
    found = table(FEATURES, series, timeframe="1m", **span(0, 1799))
    decided = {one.bar_open: one for one in evaluate(Same(), series, **span(0, 1799))}
    known = [one for one in decided.values() if one.values]
    assert found.open_time.tolist() == [one.bar_open for one in known]
    assert len(found) == 1800 - 1024 - 1
    assert found.names == tuple(FEATURES)
    expected = [[float(one.values[name]) for name in FEATURES] for one in known]
    assert np.array_equal(found.values, np.array(expected))


def test_one_bar_at_a_time_gives_the_same_bits():
    series, cache = provider(), EvaluationCache()
    plan = table_plan(FEATURES, 60)
    whole = table(plan, series, timeframe=60, **span(1500, 1700))
    single = [
        table(plan, series, timeframe=60, cache=cache, **span(n, n)).values
        for n in range(1500, 1701)
    ]
    assert whole.values.tobytes() == np.concatenate(single).tobytes()


def test_bars_without_their_history_are_left_out():
    found = table({"slow": lambda x: x.close.sma(200)}, provider(), timeframe="1m", **span(0, 1799))
    # 199 bars are needed, 53 more stand ready for absences; the blocks begin at START + 512 n.
    assert found.open_time[0] == START + 512 * 60
    assert not np.isnan(found.values).any()


def test_nothing_is_known_of_an_instrument_without_bars():
    found = table(
        FEATURES, provider(), instrument="BTC", timeframe="5m", from_open=0, through_open=100
    )
    assert len(found) == 0
    assert found.values.shape == (0, 5)


def test_the_rows_of_a_model_are_float32_without_what_is_not_a_feature():
    found = table(FEATURES, provider(), timeframe="1m", **span(1100, 1103))
    rows = found.without("close")
    assert rows.dtype == np.float32
    assert rows.shape == (4, 4)
    assert rows[:, 0].tolist() == found.column("rsi").astype(np.float32).tolist()


@pytest.mark.parametrize(
    ("feature", "sentence"),
    [
        (lambda x: x.close.lag(-1), "negative lag"),
        (lambda x: x.close.shift(-1), "can shift forward"),
        (lambda x: x.close.sma(5, center=True), "centred window"),
        (lambda x: x.close.iloc[5], "reaches for rows"),
        (lambda x: x.close.bfill(), "later ones among them"),
        (lambda x: 7.0, "must be a column"),
    ],
)
def test_a_feature_that_looks_ahead_is_refused(feature, sentence):
    with pytest.raises(ColumnError, match=sentence):
        table_plan({"leak": feature}, "5m")
