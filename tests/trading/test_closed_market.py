"""Nothing trades while its market is closed, in doubt or halted, however fresh a price is."""

import pytest

from markets.models import Disagreement
from tests.trading.conftest import units
from trading.models import Fill, Order, Position
from trading.services.accounts import account_open
from trading.services.fills import paper_execute
from trading.services.orders import order_cancel, order_place
from trading.tickets import Ticket
from trading.watch import watch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("exact")]


@pytest.fixture
def apple(make_instrument):
    return make_instrument(
        "AAPL/USD",
        asset_class="stock",
        session_calendar="XNYS",
        price_scale=4,
        tick=100,
        step=10**8,
        min_quantity=0,
        min_notional=0,
    )


@pytest.fixture
def dollars(settings, ann):
    settings.ENV = {**settings.ENV, "MYSTIC_PAPER_CURRENCY": "USD"}
    return account_open(user=ann)


@pytest.fixture
def buy(dollars, apple):
    def make(limit=None):
        fields = {} if limit is None else {"type": Order.Type.LIMIT, "limit_price": limit}
        return Ticket(
            account_id=dollars.pk,
            instrument_id=apple.pk,
            side=Order.Side.BUY,
            quantity=units("1"),
            actor="ann",
            **fields,
        )

    return make


@pytest.fixture
def held(buy, apple, market, sessions):
    """A share bought at 100.02 while the market was open."""
    sessions(is_open=True)
    market.quote(apple, 100.0, 100.02)
    paper_execute(order_place(buy()).pk)
    return Position.objects.get()


def test_a_purchase_at_the_market_is_refused_while_it_is_closed(buy, apple, market, sessions):
    sessions(is_open=False)
    market.quote(apple, 100.0, 100.02)  # after hours: fresh, and not of the session
    order = order_place(buy())
    assert (order.status, order.reason_code) == ("denied", "market_closed")
    assert "closed until" in order.risk_decision.detail


def test_a_purchase_is_refused_where_the_hours_are_not_known(buy, apple, market):
    market.quote(apple, 100.0, 100.02)
    order = order_place(buy())
    assert (order.status, order.reason_code) == ("denied", "market_closed")
    assert "not known" in order.risk_decision.detail


def test_a_resting_purchase_waits_for_the_opening(buy, apple, market, sessions):
    sessions(is_open=False)
    market.quote(apple, 100.0, 100.02)
    order = order_place(buy(limit=1_010_000))
    assert order.risk_verdict == "approved", order.reason_code
    assert paper_execute(order.pk).status == "accepted"
    assert not Fill.objects.exists()
    sessions(is_open=True)
    market.quote(apple, 100.0, 100.02)
    assert paper_execute(order.pk).status == "filled"


def test_a_stop_waits_over_night(held, apple, market, sessions):
    sessions(is_open=False)
    watch.load()
    watch.start()
    try:
        watch.on_quote(market.quote(apple, 50.0, 50.02))
        watch.drain()
        assert Order.objects.filter(side=Order.Side.SELL).count() == 0
        sessions(is_open=True)
        watch.on_quote(market.quote(apple, 50.0, 50.02))
        watch.drain()
    finally:
        watch.stop()
    assert Order.objects.filter(side=Order.Side.SELL).count() == 1


def test_a_sale_by_hand_waits_over_night(held, apple, market, sessions):
    sessions(is_open=False)
    market.quote(apple, 99.0, 99.02)
    sale = Ticket(
        account_id=held.account_id,
        instrument_id=apple.pk,
        side=Order.Side.SELL,
        quantity=units("1"),
        actor="ann",
        position_id=held.pk,
    )
    order = paper_execute(order_place(sale).pk)
    assert (order.status, order.reason_code) == ("accepted", "market_closed")
    assert Fill.objects.filter(order__side=Order.Side.SELL).count() == 0
    order_cancel(order=order, actor="ann")


def test_a_working_purchase_waits_while_sources_disagree(ticket, btc, market):
    market.quote(btc, 60_000.0, 60_001.0)
    order = order_place(
        ticket(type=Order.Type.LIMIT, limit_price=units("59000"), stop_loss=units("50000"))
    )
    assert paper_execute(order.pk).status == "accepted"
    doubt = Disagreement.objects.create(
        instrument=btc, source="binance", price=58_000, other_source="coinbase", other_price=60_000
    )
    market.quote(btc, 57_999.0, 58_000.0)
    assert paper_execute(order.pk).status == "accepted"
    assert not Fill.objects.exists()
    doubt.delete()
    assert paper_execute(order.pk).status == "filled"


def test_a_working_purchase_waits_while_the_venue_halted_the_pair(ticket, btc, market):
    market.quote(btc, 60_000.0, 60_001.0)
    order = order_place(
        ticket(type=Order.Type.LIMIT, limit_price=units("59000"), stop_loss=units("50000"))
    )
    assert paper_execute(order.pk).status == "accepted"
    btc.status = "halted"
    btc.save()
    market.quote(btc, 57_999.0, 58_000.0)
    assert paper_execute(order.pk).status == "accepted"
    assert not Fill.objects.exists()
