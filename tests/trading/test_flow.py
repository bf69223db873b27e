"""From a ticket to a booked fill and back out, to the unit."""

import pytest

from tests.trading.conftest import units
from trading.models import LedgerAccount, Order, Position
from trading.services.fills import position_exit
from trading.services.orders import order_place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("flow", "exact")]


def balance(account, asset, kind):
    found = LedgerAccount.objects.filter(account=account, asset=asset, kind=kind).first()
    return found.balance if found else 0


def test_a_round_trip_is_exact_to_the_unit(account, btc, market, ticket):
    market.quote(btc, 60000.0, 60010.01)
    order = order_place(ticket(quantity="0.001"))
    assert order.status == Order.Status.FILLED
    position = Position.objects.get()
    # 0.001 * 60010.01 = 60.01001; fee 0.06001001
    assert position.quantity == units("0.001")
    assert position.cost == units("60.01001")
    assert position.fees == units("0.06001001")
    assert balance(account, "USDT", "cash") == units("10000") - units("60.01001") - units(
        "0.06001001"
    )
    assert balance(account, "BTC", "cash") == units("0.001")
    assert balance(account, "USDT", "reserved") == 0

    market.quote(btc, 61000.0, 61000.5)
    exit_order = position_exit(position.pk, cause="close button", actor="ann")
    assert exit_order.status == Order.Status.FILLED
    position.refresh_from_db()
    # 61 - 60.01001 - 0.06001001 - 0.061
    assert position.realised == units("0.86897999")
    assert position.quantity == position.cost == 0
    assert position.closed_at is not None
    assert balance(account, "USDT", "cash") == units("10000.86897999")
    assert balance(account, "BTC", "cash") == 0
