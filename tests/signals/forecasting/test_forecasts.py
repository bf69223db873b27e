"""Forecasts are written once for each closed bar, before it is known; strategies ask the model."""

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import OperationalError, close_old_connections, connection, transaction
from django.utils import timezone

from markets.models import QualityScore
from markets.sessions import Calendar
from mystic.lib import bus
from signals import services
from signals.columns import Verdict, nothing
from signals.columns.table import table
from signals.events import ForecastsMade
from signals.feed import Feed, extents
from signals.forecasting.due import due_at
from signals.forecasting.shelf import shelf
from signals.forecasting.trees import digest_of
from signals.models import Decision, Forecast, ForecastModel, Progress
from signals.samples import PRICE, feature_plan
from signals.services.drift import drift_check, drift_check_due
from signals.services.forecasting import MOST_BARS, forecasts_make
from signals.services.shelving import models_shelve
from signals.strategies.base import Strategy
from signals.strategies.registry import CLASSES
from tests.signals.app.conftest import START, btc, make_instrument, replaying, store, venue
from tests.signals.forecasting.shelved import TEXTS, stroll, trees

__all__ = ["btc", "make_instrument", "replaying", "venue"]
pytestmark = pytest.mark.django_db
THROUGH = START + 1200 * 60
State = ForecastModel.State


def ready(name="wave", *, version=1, through=THROUGH, horizon=4, seed=5, **values):
    direction, quantile = trees(seed=seed)
    told = {
        "state": State.READY,
        "asset_class": "crypto",
        "timeframe": 60,
        "features": TEXTS,
        "metrics": {
            "names": list(TEXTS),
            "base_rate": 0.48,
            "direction": {"brier": 0.25, "naive_brier": 0.25},
        },
        "trained_from": START,
        "finished_at": timezone.now(),
        "direction_trees": direction,
        "quantile_trees": quantile,
        "digest": digest_of(direction, quantile),
    }
    return ForecastModel.objects.create(
        name=name,
        version=version,
        horizon=horizon,
        trained_through=through,
        **(told | values),
    )


@pytest.fixture
def told():
    events = []
    bus.subscribe(ForecastsMade, events.append)
    yield events
    bus.unsubscribe(ForecastsMade, events.append)


def close(n):
    return START + (n + 1) * 60


def test_the_newest_closed_bar_is_forecast_from(btc, told, django_capture_on_commit_callbacks):
    rows = stroll(1500)
    store(btc, rows)
    model = ready()
    with django_capture_on_commit_callbacks(execute=True):
        assert forecasts_make(60, close(1499)) == 1
    found = Forecast.objects.get()
    assert told == [ForecastsMade((found.pk,))]
    assert (found.model, found.instrument, found.strategy) == (model, btc, None)
    assert (found.timeframe, found.horizon, found.bar_open) == (60, 4, START + 1499 * 60)
    assert found.due_at == START + 1504 * 60
    assert (found.price, found.base_rate) == (rows[-1][4], 0.48)
    assert (found.source, found.is_live) == ("replay:binance", False)
    feed = Feed(extents([btc.pk], 60), 60)
    bar = {"from_open": found.bar_open, "through_open": found.bar_open}
    plan = feature_plan(TEXTS, 60)
    row = table(plan, feed, instrument=btc.pk, timeframe=60, **bar).without(PRICE)
    models_shelve()
    scorer = shelf.model("wave").scorer
    assert found.probability == scorer.probabilities(row)[0]
    levels = ("0.05", "0.25", "0.5", "0.75", "0.95")
    assert [found.quantiles[one] for one in levels] == scorer.quantiles(row)[0].tolist()
    assert found.direction == (1 if found.probability > 0.5 else -1)
    assert set(found.contributions) == set(TEXTS)
    assert [value for value, _ in found.contributions.values()] == [
        row[0][list(TEXTS).index(name)] for name in found.contributions
    ]


def test_the_contributions_add_up_to_the_log_odds():
    import xgboost

    direction, _ = trees()
    booster = xgboost.Booster()
    booster.load_model(bytearray(direction))
    row = np.array([[0.001, -0.002, 0.0005]], dtype=np.float32)
    whole = booster.predict(xgboost.DMatrix(row), pred_contribs=True)[0].sum()
    assert whole == pytest.approx(booster.inplace_predict(row, predict_type="margin")[0], abs=1e-5)


def test_a_doubled_ring_writes_nothing_and_the_next_bar_one_row(btc):
    store(btc, stroll(1500))
    ready()
    assert [forecasts_make(60, close(1499)) for _ in range(2)] == [1, 0]
    services.forecasting.forget()
    assert forecasts_make(60, close(1499)) == 0
    store(btc, stroll(1501)[1500:])
    assert forecasts_make(60) == 1
    opens = Forecast.objects.order_by("bar_open").values_list("bar_open", flat=True)
    assert list(opens) == [START + 1499 * 60, START + 1500 * 60]


def test_forecasts_that_could_not_be_written_are_made_again(btc):
    def refused(execute, sql, params, many, context):
        if sql.startswith("INSERT") and "signals_forecast" in sql:
            raise OperationalError("the database went away")
        return execute(sql, params, many, context)

    store(btc, stroll(1500))
    ready()
    with connection.execute_wrapper(refused), pytest.raises(OperationalError):
        forecasts_make(60, close(1499))
    assert forecasts_make(60, close(1499)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_write_one_row(btc):
    store(btc, stroll(1500))
    ready()
    gate, faults = threading.Barrier(2), []

    def work():
        try:
            gate.wait()
            services.forecasting.forget()
            forecasts_make(60, close(1499))
        except Exception as fault:  # noqa: BLE001  whatever it is, the test shows it
            faults.append(fault)
        finally:
            close_old_connections()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert faults == []
    assert Forecast.objects.count() == 1


def test_missed_bars_are_forecast_from_while_their_outcome_is_not_known(btc, caplog):
    store(btc, stroll(1500))
    ready()
    assert forecasts_make(60) == 1
    store(btc, stroll(1510)[1500:])
    assert forecasts_make(60) == 4
    opens = Forecast.objects.filter(bar_open__gt=START + 1499 * 60).values_list(
        "bar_open", flat=True
    )
    # Of the bars up to 1509 the outcome of 1505 is known at the close of 1509.
    assert sorted(opens) == [START + n * 60 for n in (1506, 1507, 1508, 1509)]
    assert "6 forecasts were not written" in caplog.text
    assert forecasts_make(60) == 0
    assert MOST_BARS >= 10


def test_a_live_forecast_after_its_outcome_is_not_written(btc, caplog):
    # The bars are years old, and their venue is the real one: the wall clock counts.
    store(btc, stroll(1500), source="binance")
    ready()
    assert forecasts_make(60) == 0
    assert not Forecast.objects.exists()
    assert "1 forecasts were not written" in caplog.text


def test_nothing_is_said_about_bars_that_the_model_saw(btc):
    store(btc, stroll(1500))
    ready(through=close(1499))
    assert forecasts_make(60) == 0
    store(btc, stroll(1501)[1500:])
    assert forecasts_make(60) == 1


def test_poor_data_are_not_forecast_from(btc):
    store(btc, stroll(1500))
    ready()
    score = QualityScore.objects.create(
        instrument=btc, level="poor", score=20, as_of=timezone.now(), parts={}
    )
    assert forecasts_make(60) == 0
    score.delete()
    assert forecasts_make(60) == 1


def test_damaged_trees_stop_forecasts_and_nothing_else(btc, caplog):
    store(btc, stroll(1500))
    model = ready(digest="0" * 64)
    assert forecasts_make(60) == 0
    assert "a trained model cannot be used: its trees have the digest" in caplog.text
    model.refresh_from_db()
    assert "train it anew" in model.error
    ready("other")
    assert forecasts_make(60) == 1


def test_a_model_speaks_of_its_symbols_or_of_its_class(btc, make_instrument):
    eth = make_instrument("ETH/USDT")
    for one in (btc, eth):
        store(one, stroll(1500))
    ready("all")
    ready("one", symbols=["ETH/USDT"])
    ready("stocks", asset_class="stock")
    assert forecasts_make(60) == 3
    found = {(row.model.name, row.instrument.symbol) for row in Forecast.objects.all()}
    assert found == {("all", "BTC/USDT"), ("all", "ETH/USDT"), ("one", "ETH/USDT")}


# -- strategies that ask a model -----------------------------------------------------------------


class AsksWave(Strategy):
    name = "Asks wave"
    timeframe = "1m"

    def columns(self, x):
        return {"up": x.model("wave")}

    def decide(self, b):
        return nothing(f"{b.up:.6f}")


@pytest.fixture
def asking(monkeypatch):
    for name in list(CLASSES):
        monkeypatch.delitem(CLASSES, name)
    monkeypatch.setitem(CLASSES, "AsksWave", AsksWave)
    return services.strategies_sync()


def verdicts():
    rows = Decision.objects.order_by("bar_open")
    return [(row.verdict, row.reason) for row in rows]


def test_a_strategy_waits_for_its_model_and_asks_it_once_it_is_there(btc, asking):
    store(btc, stroll(1500))
    assert len(asking) == 1
    assert services.evaluate(60, close(1495)) == 1
    assert verdicts() == [
        (Verdict.WARMING_UP, "x.model: there is no model wave: none has been trained yet.")
    ]
    for n in range(1496, 1499):
        assert services.evaluate(60, close(n)) == 1
    assert Progress.objects.get().paused_reason == ""
    ready()
    assert services.evaluate(60, close(1499)) == 1
    last = Decision.objects.get(bar_open=START + 1499 * 60)
    assert last.verdict == Verdict.NONE
    assert 0 < last.values["up"] < 1


def test_a_strategy_goes_on_after_the_bars_that_its_new_model_saw(btc, asking):
    store(btc, stroll(1500))
    ready()
    services.evaluate(60, close(1480))
    assert verdicts()[-1][0] == Verdict.NONE
    with transaction.atomic():
        ForecastModel.objects.update(state=State.RETIRED)
        ready(version=2, through=close(1490), seed=9)
    assert services.evaluate(60, close(1499)) == 10
    assert services.evaluate(60, close(1499)) == 9
    found = Decision.objects.filter(bar_open__gt=START + 1480 * 60).order_by("bar_open")
    assert [row.verdict for row in found] == [Verdict.WARMING_UP] * 10 + [Verdict.NONE] * 9
    assert "was trained on bars up to" in found[0].reason


def test_a_lost_model_silences_its_strategy_and_not_the_others(btc, asking):
    store(btc, stroll(1500))
    ready(direction_trees=b"{")
    assert services.evaluate(60, close(1499)) == 1
    assert verdicts()[0][0] == Verdict.WARMING_UP
    assert "the model wave cannot be used: its trees have the digest" in verdicts()[0][1]


# -- due, drift ----------------------------------------------------------------------------------


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_a_forecast_of_a_stock_falls_due_at_the_close_of_a_bar_that_there_will_be():
    # New York, the week of Thanksgiving 2024: closed on Thursday, until 18:00 UTC on Friday.
    days = ("2024-11-26", "2024-11-27", "2024-11-29", "2024-12-02")
    hours = [
        (at(f"{day}T14:30"), at(f"{day}T{'18' if day.endswith('29') else '21'}:00")) for day in days
    ]
    week = Calendar.of("XNYS", hours)
    day = 86_400
    assert due_at(at("2024-11-26"), day, 1, week) == at("2024-11-28")
    assert due_at(at("2024-11-27"), day, 1, week) == at("2024-11-30")
    assert due_at(at("2024-11-29"), day, 1, week) == at("2024-12-03")
    assert due_at(at("2024-12-02"), day, 1, week) is None
    assert due_at(at("2024-11-27T20:55"), 300, 1, week) == at("2024-11-29T14:35")
    assert due_at(at("2024-11-29T17:50"), 300, 2, week) == at("2024-12-02T14:35")
    assert due_at(at("2024-11-29T17:50"), 300, 2, Calendar("24/7")) == at("2024-11-29T18:05")


def test_drift_is_looked_for_a_day_after_training_and_kept(btc):
    from signals.forecasting.drift import reference

    store(btc, stroll(1800))
    model = ready()
    models_shelve()
    feed = Feed(extents([btc.pk], 60), 60)
    everything = {"from_open": START, "through_open": START + 1799 * 60}
    plan = feature_plan(TEXTS, 60)
    rows = table(plan, feed, instrument=btc.pk, timeframe=60, **everything).without(PRICE)
    scores = shelf.model("wave").scorer.probabilities(rows)
    model.metrics |= {"reference": reference(rows, tuple(TEXTS), scores)}
    model.save()
    assert drift_check_due() is None
    ForecastModel.objects.update(finished_at=timezone.now() - timedelta(days=2))
    assert drift_check_due() == model
    model.refresh_from_db()
    assert model.drift["sentence"] == ""
    assert set(model.drift["index"]) == {*TEXTS, "probability"}
    assert drift_check_due() is None
    # The same model, trained where everything moved ten times as much.
    model.metrics |= {"reference": reference(rows * np.float32(10), tuple(TEXTS), scores)}
    found = drift_check(model)
    assert set(found["changed"]) == set(TEXTS)
    assert found["sentence"].startswith("what comes in no longer looks like the training: range")


def test_the_order_in_which_a_database_keeps_the_features_changes_nothing(btc):
    ready()
    ready("turned", features=dict(reversed(TEXTS.items())))
    models_shelve()
    assert list(shelf.model("turned").texts) == list(TEXTS)
    row = np.array([[0.001, -0.002, 0.0005]], dtype=np.float32)
    assert shelf.model("turned").scorer.names == tuple(TEXTS)
    assert (
        shelf.model("turned").scorer.margins(row) == shelf.model("wave").scorer.margins(row)
    ).all()
    ready("other", features=TEXTS | {"more": "close"})
    models_shelve()
    with pytest.raises(LookupError, match="not those that it was trained on"):
        shelf.model("other")
