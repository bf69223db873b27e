"""A version that a change of code replaced is shown, and left with one press."""

import pytest
from django.test import Client

from signals.models import Strategy
from tests.trading.conftest import units
from trading.models import Deployment, Order
from trading.selectors import deployments_replaced_for
from trading.services.accounts import account_open
from trading.services.deployments import (
    deployment_replace,
    deployment_start,
    deployment_stop,
    signals_act,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("flow", "exact")]


@pytest.fixture
def visit(ann, account):
    client = Client()
    client.force_login(ann)
    return client


@pytest.fixture
def old(account, strategy):
    """A running deployment of the version that comes to be replaced."""
    return deployment_start(account=account, strategy=strategy, symbols=["BTC/USDT"])


@pytest.fixture
def new(old, strategy):
    Strategy.objects.filter(pk=strategy.pk).update(is_active=False)
    return Strategy.objects.create(
        class_name=strategy.class_name,
        version="new",
        name=strategy.name,
        timeframe=strategy.timeframe,
        owner=strategy.owner,
    )


def states():
    return list(Deployment.objects.order_by("pk").values_list("strategy__version", "state"))


def test_a_present_version_is_not_listed(ann, old):
    assert deployments_replaced_for(user=ann) == []


def test_pages_list_it_and_one_press_changes_over(visit, ann, old, new, strategy):
    for path in ("/portfolio/", "/trading/fragment/replaced/"):
        html = visit.get(path).content.decode()
        assert "this version was replaced" in html
        assert f"/trading/deployments/{old.pk}/replace/" in html
    assert 'hx-get="/trading/fragment/replaced/"' in visit.get("/strategies/").content.decode()
    answer = visit.post(f"/trading/deployments/{old.pk}/replace/")
    assert "The new version of" in answer["HX-Trigger"]
    assert "mystic:deployment" in answer["HX-Trigger"]
    assert states() == [(strategy.version, "stopped"), ("new", "active")]
    fresh = Deployment.objects.get(strategy=new)
    assert (fresh.symbols, fresh.account) == (["BTC/USDT"], old.account)
    assert "was replaced" not in answer.content.decode()


def test_a_second_press_changes_nothing(visit, old, new):
    path = f"/trading/deployments/{old.pk}/replace/"
    visit.post(path)
    deployment_stop(deployment=Deployment.objects.get(strategy=new))
    again = visit.post(path)
    assert "does not run any more" in again["HX-Trigger"]
    assert {state for _, state in states()} == {"stopped"}
    assert not deployment_replace(deployment=old, strategy=new)
    assert Deployment.objects.count() == 2


def test_a_new_version_that_runs_already_keeps_its_symbols(visit, account, old, new):
    deployment_start(account=account, strategy=new, symbols=["ETH/USDT"])
    visit.post(f"/trading/deployments/{old.pk}/replace/")
    fresh = Deployment.objects.get(strategy=new)
    assert (fresh.symbols, fresh.state) == (["ETH/USDT"], "active")


def test_without_a_new_version_it_is_switched_off(visit, old, strategy):
    Strategy.objects.filter(pk=strategy.pk).update(is_active=False)
    assert "nothing took its place" in visit.get("/portfolio/").content.decode()
    visit.post(f"/trading/deployments/{old.pk}/replace/")
    assert states() == [(strategy.version, "stopped")]


def test_another_persons_strategy_takes_no_place(ann, ben, old, new):
    Strategy.objects.filter(pk=new.pk).update(owner=ben)
    (found,) = deployments_replaced_for(user=ann)
    assert found.successor is None


@pytest.mark.parametrize("who", ["ben", "cid"])
def test_others_neither_see_nor_change_it(who, old, new, request, strategy):
    other = request.getfixturevalue(who)
    account_open(user=other)
    client = Client()
    client.force_login(other)
    assert "was replaced" not in client.get("/portfolio/").content.decode()
    assert client.post(f"/trading/deployments/{old.pk}/replace/").status_code == 404
    assert states() == [(strategy.version, "active")]


def test_signals_of_the_new_version_are_traded(visit, old, new, make_signal, market, btc):
    market.quote(btc, 60000.0, 60010.0)
    visit.post(f"/trading/deployments/{old.pk}/replace/")
    signal = make_signal(stop=58999.999)
    type(signal).objects.update(strategy=new)
    signals_act(signal.pk)
    order = Order.objects.get()
    assert order.deployment.strategy == new
    assert order.quantity == units("0.00333")
