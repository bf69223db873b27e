"""The page on which staff ask for a model."""

import pytest
from django.test import Client

from signals.models import ForecastModel
from tests.signals.app.conftest import btc, make_instrument, replaying, venue

__all__ = ["btc", "make_instrument", "replaying", "venue"]
pytestmark = pytest.mark.django_db
SENT = {
    "name": "btc-1m",
    "asset_class": "crypto",
    "symbols": "btc/usdt",
    "timeframe": "1m",
    "horizon": "5",
    "retrain_days": "0",
    "features": "",
}


@pytest.fixture
def staff(ann):
    ann.is_staff = True
    ann.save(update_fields=["is_staff"])
    client = Client()
    client.force_login(ann)
    return client


def test_a_model_is_asked_for(staff, ann, btc):
    assert staff.get("/forecasts/train/").status_code == 200
    answer = staff.post("/forecasts/train/", SENT)
    assert answer["Location"] == "/forecasts/#models"
    model = ForecastModel.objects.get()
    assert (model.state, model.symbols, model.timeframe, model.horizon) == (
        "waiting",
        ["BTC/USDT"],
        60,
        5,
    )
    assert model.created_by == ann
    assert "return_1" in model.features
    assert "waits for a worker" in staff.get("/forecasts/").content.decode()


def test_features_of_ones_own(staff, btc):
    staff.post("/forecasts/train/", {**SENT, "features": "a = close.rsi(14)\n\nb = close.roc(3)"})
    assert ForecastModel.objects.get().features == {"a": "close.rsi(14)", "b": "close.roc(3)"}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"symbols": "DOGE/USDT"}, "DOGE/USDT is not watched here as crypto"),
        ({"timeframe": "1s"}, "Bars of 1m are stored; 1s is shorter"),
        ({"horizon": "0"}, "greater than or equal to 1"),
        ({"name": "two words"}, "valid"),
        ({"features": "close.rsi(14)"}, "line 1 is not of the form name = expression"),
        ({"features": "a = close\na = open"}, "line 2: a is there already"),
        ({"features": "a = close.shift(-1)"}, "can shift forward"),
    ],
)
def test_what_cannot_be_is_said(staff, btc, changed, sentence):
    answer = staff.post("/forecasts/train/", {**SENT, **changed})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not ForecastModel.objects.exists()


def test_a_training_is_cancelled_and_asked_for_anew(staff, btc):
    staff.post("/forecasts/train/", SENT)
    model = ForecastModel.objects.get()
    staff.post(f"/forecasts/models/{model.pk}/act/", {"do": "cancel"})
    model.refresh_from_db()
    assert (model.state, model.error) == ("failed", "cancelled by ann")
    staff.post(f"/forecasts/models/{model.pk}/act/", {"do": "retrain"})
    assert ForecastModel.objects.get(state="waiting").version == 2
    assert staff.post(f"/forecasts/models/{model.pk}/act/", {"do": "x"}).status_code == 404


def test_for_others_it_does_not_exist(ben, btc):
    client = Client()
    assert client.get("/forecasts/train/").status_code == 302
    client.force_login(ben)
    assert client.get("/forecasts/train/").status_code == 404
    assert client.post("/forecasts/train/", SENT).status_code == 404
    assert client.post("/forecasts/models/1/act/", {"do": "cancel"}).status_code == 404
    assert not ForecastModel.objects.exists()
