"""What staff see of trained models and may do: watch, cancel, train anew; never edit or delete."""

import pytest
from django.urls import reverse

from signals.models import ForecastModel
from tests.signals.app.conftest import btc, make_instrument, replaying, store, venue
from tests.signals.forecasting.shelved import stroll
from tests.signals.forecasting.test_training import State, ask, trained

__all__ = ["btc", "make_instrument", "replaying", "venue"]
LIST = "admin:signals_forecastmodel_changelist"


@pytest.fixture
def model(btc):
    store(btc, stroll(1800))
    return trained(ask())


def act(client, action, model):
    """Return what the page says after an action."""
    words = {"action": action, "_selected_action": [model.pk]}
    answer = client.post(reverse(LIST), words, follow=True)
    assert answer.status_code == 200
    return [str(one) for one in answer.context["messages"]]


def test_staff_see_the_state_and_may_not_write(admin_client, model):
    listed = admin_client.get(reverse(LIST)).content.decode()
    assert "wave" in listed
    assert "2023-11-16 16:40 UTC" in listed
    page = reverse("admin:signals_forecastmodel_change", args=[model.pk])
    shown = admin_client.get(page).content.decode()
    assert "skill shown" in shown
    assert "direction_trees" not in shown
    assert admin_client.get(reverse("admin:signals_forecastmodel_add")).status_code == 403
    gone = reverse("admin:signals_forecastmodel_delete", args=[model.pk])
    assert admin_client.post(gone, {"post": "yes"}).status_code == 403
    assert ForecastModel.objects.count() == 1


def test_a_training_is_asked_for_anew_and_cancelled(admin_client, admin_user, model):
    assert act(admin_client, "retrain", model) == ["wave v2 waits for a worker."]
    new = ForecastModel.objects.get(version=2)
    assert (new.state, new.created_by) == (State.WAITING, admin_user)
    assert act(admin_client, "retrain", model) == ["wave v1: wave is being trained already"]
    assert act(admin_client, "cancel", new) == []
    new.refresh_from_db()
    assert (new.state, new.error) == (State.FAILED, f"cancelled by {admin_user}")
    assert act(admin_client, "cancel", new) == ["wave v2 is not being trained."]
