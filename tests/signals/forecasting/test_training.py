"""A model's life: asked for, claimed, trained, replaced, cancelled, crashed, tried again."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from mystic.lib import bus
from signals.events import TrainingWanted
from signals.forecasting.shelf import shelf
from signals.forecasting.trees import open_trees
from signals.models import ForecastModel
from signals.services.shelving import models_shelve
from signals.services.training import (
    TrainingError,
    model_cancel,
    model_retrain,
    model_train,
    training_claim,
    training_fail,
    training_give_back,
    training_renew,
    trainings_due,
)
from signals.services.training_work import model_sample, training_work
from tests.signals.app.conftest import START, btc, make_instrument, replaying, store, venue
from tests.signals.forecasting.shelved import TEXTS, stroll

__all__ = ["btc", "make_instrument", "replaying", "venue"]
SMALL = {
    "trees": {"rounds": 8, "quantile_rounds": 4, "depth": 3, "threads": 1},
    "walk": {"windows": 3},
}
State = ForecastModel.State


@pytest.fixture
def asked(btc):
    """A model of one-minute bars that waits for a worker, with 1,800 bars stored."""
    store(btc, stroll(1800))
    return ask()


def ask(**wanted):
    told = {
        "name": "wave",
        "asset_class": "crypto",
        "symbols": ["BTC/USDT"],
        "timeframe": "1m",
        "horizon": 4,
        "features": TEXTS,
        "options": SMALL,
    }
    return model_train(**(told | wanted))


def trained(model):
    assert training_work(model.pk, training_claim(model.pk))
    model.refresh_from_db()
    return model


def test_it_is_asked_for_as_a_row_and_rung_for_on_commit(
    btc, ann, django_capture_on_commit_callbacks
):
    rung = []
    bus._handlers[TrainingWanted] = [rung.append]
    with django_capture_on_commit_callbacks(execute=True):
        model = ask(user=ann, options=None, features=None)
    assert rung == [TrainingWanted(model.pk)]
    assert (model.state, model.version, model.timeframe, model.seed) == (State.WAITING, 1, 60, 7)
    assert model.created_by == ann
    assert model.features["rsi"] == "close.rsi(14)"
    assert "leader" not in model.features  # Bitcoin is not led by itself
    assert "fear_greed" not in model.features  # nothing of it is stored
    assert model.options["trees"]["threads"] == 1


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"timeframe": "7m"}, "must be one of 1s, 1m"),
        ({"timeframe": "1s"}, "bars of 1m are stored; 1s is shorter"),
        ({"asset_class": "coins"}, "no class of instruments"),
        ({"asset_class": "stock", "symbols": []}, "no instrument of the class stock is watched"),
        ({"symbols": ["ETH/USDT"]}, "ETH/USDT is not watched here as crypto"),
        ({"name": "a b"}, "letters, digits"),
        ({"horizon": 0}, "1 to 500 bars, not 0"),
        ({"options": {"wood": 1}}, "options are walk, trees and through, not wood"),
        ({"options": {"trees": {"leaves": 3}}}, "leaves"),
        ({"features": {"f": "close.lag(-3) / close"}}, "bars that have not closed yet"),
        ({"features": {"f": "close.sma(5, center=1)"}}, "centred window"),
        ({"features": {"f": "close.shift(-3)"}}, "can shift forward"),
        ({"features": {"f": 'model("other")'}}, "there is no model other"),
        ({"features": {"f": "__import__('os')"}}, "__import__"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_what_cannot_be_is_refused_and_no_row_is_left(btc, wanted, sentence):
    with pytest.raises(TrainingError, match=sentence):
        ask(**wanted)
    assert not ForecastModel.objects.exists()


def test_a_training_gives_a_model_with_an_honest_account(asked):
    model = trained(asked)
    assert (model.state, model.progress, model.stage, model.error) == (State.READY, 1.0, "", "")
    assert model.leased_until is None
    # 1,800 bars from a block's begin: the first 512 are history, the last 4 have no outcome yet.
    assert model.rows == 1800 - 512 - 4
    assert model.trained_from == START + 512 * 60
    assert model.trained_through == START + 1800 * 60
    sample = model_sample(model)
    assert model.data_hash == sample.hash()
    assert model.metrics["base_rate"] == pytest.approx(sample.is_up.mean())
    told = model.metrics["direction"]
    assert told["rows"] == sum(sample.close_time >= model.metrics["tested_from"])
    assert told["naive_brier"] == pytest.approx(0.25, abs=0.01)
    assert "skill shown" in model.metrics["verdict"]
    scorer = open_trees(
        bytes(model.direction_trees),
        bytes(model.quantile_trees),
        digest=model.digest,
        names=tuple(TEXTS),
    )
    assert scorer.quantiles(sample.rows[:3]).shape == (3, 5)
    assert bytes(model.direction_trees)[:1] == b"{"


def test_the_same_bars_give_the_same_bytes(asked):
    first = trained(asked)
    second = trained(model_retrain(model=first))
    assert second.version == 2
    assert bytes(first.direction_trees) == bytes(second.direction_trees)
    assert bytes(first.quantile_trees) == bytes(second.quantile_trees)
    assert (first.digest, first.data_hash) == (second.digest, second.data_hash)


def test_a_new_version_retires_the_one_before_and_answers_to_the_name(asked):
    first = trained(asked)
    models_shelve()
    assert shelf.model("wave").version == 1
    second = trained(model_retrain(model=first))
    first.refresh_from_db()
    assert (first.state, second.state) == (State.RETIRED, State.READY)
    models_shelve()
    assert shelf.model("wave").version == 2
    assert shelf.model("wave").trained_through == second.trained_through


def test_old_versions_keep_their_figures_and_lose_their_trees(asked):
    model = trained(asked)
    for _ in range(4):
        model = trained(model_retrain(model=model))
    rows = ForecastModel.objects.order_by("version")
    assert [row.state for row in rows] == [State.RETIRED] * 4 + [State.READY]
    assert [row.direction_trees is None for row in rows] == [True] + [False] * 4
    assert rows[0].metrics["direction"]["rows"] > 0


def test_nothing_after_the_held_out_end_is_learnt(asked):
    model_cancel(model=asked, actor="ann")
    through = START + 1500 * 60
    model = trained(ask(options=SMALL | {"through": through}))
    assert model.trained_through == through
    assert model.rows == 1500 - 512 - 4
    assert model.version == 2


def test_one_training_at_a_time(asked, make_instrument):
    other = ask(name="other")
    assert training_claim(asked.pk) == 1
    assert training_claim(asked.pk) is None
    assert training_claim(other.pk) is None
    training_fail(asked.pk, 1, "it rained")
    assert training_claim(other.pk) == 1


def test_a_name_is_not_asked_for_twice_at_once(asked):
    with pytest.raises(TrainingError, match="wave is being trained already"):
        ask()
    assert ForecastModel.objects.count() == 1


def test_a_cancelled_training_is_over_and_its_work_is_thrown_away(asked):
    attempt = training_claim(asked.pk)
    assert model_cancel(model=asked, actor="ann")
    assert not training_renew(asked.pk, attempt)
    assert not training_work(asked.pk, attempt)
    asked.refresh_from_db()
    assert (asked.state, asked.error) == (State.FAILED, "cancelled by ann")
    assert asked.direction_trees is None
    assert not model_cancel(model=asked, actor="ann")


def test_a_crashed_training_is_tried_three_times(asked):
    for attempt in (1, 2, 3):
        assert training_claim(asked.pk) == attempt
        assert trainings_due() == []
        later = timezone.now() + timedelta(seconds=91)
        assert trainings_due(later) == ([asked.pk] if attempt < 3 else [])
    asked.refresh_from_db()
    assert (asked.state, asked.error) == (State.FAILED, "the training broke off, 3 times")


def test_an_attempt_that_was_taken_over_writes_nothing(asked):
    training_claim(asked.pk)
    training_give_back(asked.pk, 1, "it was slow")
    assert training_claim(asked.pk) == 2
    assert not training_work(asked.pk, 1)
    asked.refresh_from_db()
    assert (asked.state, asked.direction_trees) == (State.TRAINING, None)


def test_a_platform_that_stops_costs_no_attempt(asked):
    training_claim(asked.pk)
    assert training_give_back(asked.pk, 1, "", counts=False)
    asked.refresh_from_db()
    assert (asked.state, asked.attempts, asked.error) == (State.WAITING, 0, "")


def test_too_little_to_learn_from_fails_at_once_with_the_figure(btc):
    store(btc, stroll(700))
    model = ask()
    assert not training_work(model.pk, training_claim(model.pk))
    model.refresh_from_db()
    assert model.state == State.FAILED
    assert model.error == "184 rows are too few to learn from; 500 are needed"


@pytest.mark.parametrize(
    "damage",
    [
        {"direction_trees": b""},
        {"direction_trees": b"{truncated"},
        {"digest": "0" * 64},
        {"quantile_trees": None},
    ],
    ids=["missing", "truncated", "digest", "quantiles"],
)
def test_damaged_trees_are_lost_with_a_sentence(asked, damage):
    model = trained(asked)
    ForecastModel.objects.filter(pk=model.pk).update(**damage)
    models_shelve()
    with pytest.raises(LookupError, match="the model wave cannot be used: its trees"):
        shelf.model("wave")
    model.refresh_from_db()
    assert "train it anew" in model.error


def test_a_model_is_trained_anew_when_its_days_are_over(asked):
    ForecastModel.objects.filter(pk=asked.pk).update(retrain_days=2)
    model = trained(asked)
    assert trainings_due(timezone.now() + timedelta(hours=47)) == []
    now = timezone.now() + timedelta(hours=49)
    waiting = trainings_due(now)
    new = ForecastModel.objects.get(version=2)
    assert waiting == [new.pk]
    assert (new.retrain_days, new.features, new.options) == (2, model.features, model.options)
    assert trainings_due(now) == [new.pk]


def test_the_sample_is_what_the_columns_and_the_closes_say(asked):
    sample = model_sample(asked)
    rows = stroll(1800)
    closes = np.array([row[4] for row in rows])
    first = 512
    change = closes[first : first + 10] / closes[first - 3 : first + 7] - 1
    assert np.array_equal(sample.rows[:10, 0], change.astype(np.float32))
    later = closes[first + 4 : first + 14]
    assert np.array_equal(sample.returns[:10], later / closes[first : first + 10] - 1)
    assert sample.is_up[:10].tolist() == (later > closes[first : first + 10]).tolist()
    assert sample.known_at[0] == START + (first + 5) * 60
