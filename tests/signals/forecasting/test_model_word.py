"""`x.model`: the same bits live and in a backtest, silent about what it was trained on."""

import numpy as np
import pytest

from signals.columns import ColumnError, EvaluationCache, assert_causal, evaluate
from signals.columns.errors import UnreadyModelError
from signals.columns.model_column import SAID, unready
from signals.columns.table import table, table_plan
from signals.forecasting.shelf import shelf
from signals.forecasting.trees import MEAN_WEIGHTS
from signals.strategies import Strategy, enter_long, nothing
from tests.signals.app.conftest import START
from tests.signals.forecasting.shelved import TEXTS, bars, described, series, shelved

THROUGH = START + 1200 * 60
ALL = {name: lambda x, name=name: getattr(x.model("wave"), name) for name in SAID}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No service brings the shelf up to date here."""
    monkeypatch.setattr(shelf, "refresh", None)


@pytest.fixture
def wave():
    model = shelved()
    shelf.put(model)
    return model


class Asks(Strategy):
    timeframe = "1m"

    def columns(self, x):
        said = x.model("wave")
        return {"up": said, "median": said.quantile_50, "far": said > 0.55}

    def decide(self, b):
        if b.far:
            return enter_long(stop=b.close * 0.99, why=f"{b.up:.9f} {b.median:.9f}")
        return nothing(f"{b.up:.9f}")


def span(first, last):
    return {"instrument": "BTC", "from_open": START + first * 60, "through_open": START + last * 60}


def test_it_says_what_the_trees_say_of_its_features(wave):
    found = table(ALL, series(), timeframe="1m", **span(1201, 1799))
    rows = table(described(), series(), timeframe="1m", **span(1201, 1799)).without()
    assert np.array_equal(found.column("probability"), wave.scorer.probabilities(rows))
    assert np.array_equal(found.values[:, 1:6], wave.scorer.quantiles(rows))
    assert np.allclose(found.column("expected"), found.values[:, 1:6] @ MEAN_WEIGHTS, atol=1e-15)
    assert (np.diff(found.values[:, 1:6], axis=1) >= 0).all()
    assert found.column("probability").std() > 0.01


def test_one_bar_at_a_time_gives_the_same_bits(wave):
    cache, plan = EvaluationCache(), table_plan(ALL, 60)
    whole = table(plan, series(), timeframe=60, **span(1500, 1700))
    single = [
        table(plan, series(), timeframe=60, cache=cache, **span(n, n)).values
        for n in range(1500, 1701)
    ]
    assert whole.values.tobytes() == np.concatenate(single).tobytes()
    assert not np.isnan(whole.values).any()


def test_it_is_missing_up_to_the_bar_that_it_was_trained_through(wave):
    found = table(ALL, series(), timeframe="1m", **span(1195, 1205))
    is_missing = np.isnan(found.values).all(axis=1)
    closes = found.open_time + 60
    assert is_missing.tolist() == (closes <= THROUGH).tolist()
    assert not np.isnan(found.values[~is_missing]).any()


def test_a_strategy_that_asks_it_is_causal(wave):
    shelf.put(shelved(through=START))
    assert assert_causal(Asks(), bars(), 60) > 10


def test_an_evaluation_over_bars_it_saw_is_refused_with_the_date(wave):
    with pytest.raises(
        UnreadyModelError, match="trained on bars up to 2023-11-16 06:40 UTC"
    ) as told:
        evaluate(Asks(), series(), **span(1100, 1300))
    assert told.value.through == THROUGH
    found = evaluate(Asks(), series(), **span(1200, 1210))
    assert all("up" in one.values for one in found)
    assert len(found) == 11


def test_a_new_version_is_asked_at_once_and_the_old_state_dropped(wave):
    cache = EvaluationCache()
    first = evaluate(Asks(), series(), cache=cache, **span(1500, 1500))
    shelf.put(shelved(version=2, seed=9))
    second = evaluate(Asks(), series(), cache=cache, **span(1501, 1501))
    fresh = evaluate(Asks(), series(), **span(1501, 1501))
    assert second == fresh
    assert first[0].values["up"] != evaluate(Asks(), series(), **span(1500, 1500))[0].values["up"]
    assert {key[0][-1] for key in cache._runs} == {("wave", 2)}


def test_a_plan_of_the_version_before_still_runs(wave):
    plan = table_plan(ALL, 60)
    before = table(plan, series(), timeframe=60, **span(1500, 1510))
    shelf.put(shelved(version=2, seed=9))
    after = table(plan, series(), timeframe=60, **span(1500, 1510))
    assert before.values.tobytes() == after.values.tobytes()
    shelf.put(shelved(version=3, seed=10))
    with pytest.raises(ColumnError, match="version 1 of the model wave is no longer kept"):
        table(plan, series(), timeframe=60, **span(1500, 1510))


def test_a_longer_timeframe_is_asked_through_tf():
    shelf.put(shelved("slow", timeframe=300))
    with pytest.raises(ColumnError, match=r'write x.tf\("5m", lambda h: h.model\("slow"\)\)'):
        table_plan({"p": lambda x: x.model("slow")}, "1m")
    with pytest.raises(ColumnError, match="speaks of 5m bars, not of 15m"):
        table_plan({"p": lambda x: x.model("slow")}, "15m")
    through = {"p": lambda x: x.tf("5m", lambda h: h.model("slow"))}
    long = series(6000)
    found = table(through, long, timeframe="1m", **span(5000, 5199)).column("p")
    own = table({"p": lambda x: x.model("slow")}, long, timeframe="5m", **span(4995, 5194))
    # A minute that closes with a longer bar sees it; the four after it still do.
    assert len(own) == 40
    assert np.array_equal(found[4:-1], np.repeat(own.column("p")[1:], 5)[: len(found) - 5])


@pytest.mark.parametrize(
    ("describe", "sentence"),
    [
        (lambda x: x.model("wav"), "there is no model wav. Did you mean wave?"),
        (lambda x: x.model("other"), "there is no model other. Trained are wave."),
        (lambda x: x.model(7), "takes a name"),
        (lambda x: x.model("wave").quantile_51, "Did you mean quantile_"),
        (lambda x: x.model("wave").shift(-1), "can shift forward"),
        (lambda x: x.model("wave", "median"), "a model says probability, quantile_05"),
    ],
    ids=["near", "far", "number", "quantile", "shift", "what"],
)
def test_wrong_use_is_refused(wave, describe, sentence):
    with pytest.raises(ColumnError, match=sentence):
        table_plan({"p": describe}, "1m")


def test_a_lost_model_is_refused_with_its_reason(wave):
    shelf.lose("wave", 1, "its trees are missing; train it anew")
    with pytest.raises(UnreadyModelError, match="cannot be used: its trees are missing"):
        table_plan({"p": lambda x: x.model("wave")}, "1m")


def test_an_expression_asks_it_too(wave):
    texts = {"p": 'model("wave") * 100', "q": 'x.model("wave", "quantile_95")'}
    found = table(described(texts), series(), timeframe="1m", **span(1500, 1510))
    plain = table(ALL, series(), timeframe="1m", **span(1500, 1510))
    assert np.array_equal(found.column("p"), plain.column("probability") * 100)
    assert np.array_equal(found.column("q"), plain.column("quantile_95"))
    with pytest.raises(ColumnError) as told:
        table_plan(described({"p": 'model("wavy")'}), "1m")
    assert unready(told.value) is not None


def test_a_bar_without_any_known_feature_has_no_probability(wave):
    silent = shelved("silent")
    nothing_known = {name: (lambda x: (x.close * 0) / (x.close * 0)) for name in TEXTS}
    shelf.put(type(silent)("silent", 1, 60, 4, THROUGH, nothing_known, TEXTS, silent.scorer))
    found = table({"p": lambda x: x.model("silent")}, series(), timeframe="1m", **span(1500, 1510))
    assert len(found) == 11
    assert np.isnan(found.values).all()
