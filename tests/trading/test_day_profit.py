"""What a day has brought so far, before its first order too."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.trading.conftest import units
from trading.models import RiskDay
from trading.selectors import portfolio_for
from trading.services.orders import order_place
from trading.watch import watch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("flow")]


def tiles(user):
    client = Client()
    client.force_login(user)
    return client.get("/trading/fragment/tiles/").content.decode()


def test_a_day_without_orders_has_a_profit_of_nought(ann, account):
    found = portfolio_for(user=ann)
    assert (found.opening_equity, found.day_profit) == (units("10000"), 0)
    assert '<span class="flat">0.00</span></data>' in tiles(ann)
    assert not RiskDay.objects.exists()


def test_a_new_day_with_a_position_counts_from_its_opening(ann, account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket())
    RiskDay.objects.update(day=timezone.now().date() - timedelta(days=1))
    assert portfolio_for(user=ann).day_profit is None
    assert "What the day began with is not known yet." in tiles(ann)
    watch.compare()
    assert portfolio_for(user=ann).day_profit == 0
    market.quote(btc, 60100.0, 60110.0)
    assert portfolio_for(user=ann).day_profit == units("0.1")


def test_without_a_mark_the_profit_is_not_told(ann, account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.0)
    order_place(ticket())
    market.quote(btc, 60100.0, 60110.0, age_ms=60_001)
    assert portfolio_for(user=ann).day_profit is None
    assert "profit is not known" in tiles(ann)
