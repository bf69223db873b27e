"""Stocks are bought with the money they are priced in, and with no other."""

import pytest
from django.urls import reverse

from tests.trading.conftest import units
from trading.models import Fill, LedgerAccount, Order, Position
from trading.selectors import quotation_for
from trading.services.accounts import account_open
from trading.services.fills import paper_execute
from trading.services.orders import order_place
from trading.tickets import Ticket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def apple(make_instrument, venue):
    return make_instrument(
        "AAPL/USD",
        native_id="AAPL",
        asset_class="stock",
        session_calendar="XNYS",
        price_scale=4,
        tick=100,
        step=10**8,
        min_quantity=0,
        min_notional=0,
    )


def buy(account, instrument, shares=1):
    return Ticket(
        account_id=account.pk,
        instrument_id=instrument.pk,
        side=Order.Side.BUY,
        quantity=units(str(shares)),
        actor="ann",
    )


def test_an_account_without_dollars_is_told_what_is_missing(account, apple, market, client, ann):
    market.quote(apple, 231.39, 231.41)
    pots = dict(LedgerAccount.objects.values_list("pk", "balance"))
    order = order_place(buy(account, apple))
    assert (order.status, order.reason_code) == ("denied", "currency_mismatch")
    said = "It is priced in USD and this account holds USDT: trade it with a USD account."
    assert order.risk_decision.detail == said
    assert quotation_for(account=account, instrument=apple).largest.binding == "currency_mismatch"
    assert dict(LedgerAccount.objects.values_list("pk", "balance")) == pots
    assert not Fill.objects.exists()
    assert not Position.objects.exists()
    client.force_login(ann)
    page = client.get(reverse("ticket", args=[apple.slug])).content.decode()
    assert "no purchase: currency_mismatch" in page


def test_an_account_in_dollars_buys_whole_shares(settings, ann, apple, market, sessions, exact):
    sessions(is_open=True)
    settings.ENV = {**settings.ENV, "MYSTIC_PAPER_CURRENCY": "USD"}
    account = account_open(user=ann)
    market.quote(apple, 100.0, 100.02)
    order = order_place(buy(account, apple))
    assert order.risk_verdict == "approved", order.reason_code
    paper_execute(order.pk)
    order.refresh_from_db()
    assert order.status == "filled"
    fill = Fill.objects.get()
    assert (fill.price, fill.quantity) == (1_000_200, units("1"))
    part = order_place(buy(account, apple, "0.5"))
    assert part.reason_code == "step"
