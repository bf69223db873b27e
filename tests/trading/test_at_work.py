"""A pair that is held is streamed until it is sold, though nobody watches it any more."""

import pytest

from markets.selectors_streamed import stocks_followed, symbols_streamed
from tests.trading.conftest import units
from trading.models import Order, Position
from trading.services.fills import paper_execute, position_exit
from trading.services.orders import order_place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("exact")]


def test_what_is_held_or_ordered_is_streamed(ticket, btc, market, make_instrument):
    make_instrument("ETH/USDT")
    assert symbols_streamed("binance", []) == []
    market.quote(btc, 60_000.0, 60_001.0)
    order = order_place(
        ticket(type=Order.Type.LIMIT, limit_price=units("60010"), stop_loss=units("50000"))
    )
    assert symbols_streamed("binance", []) == ["BTC/USDT"]
    assert paper_execute(order.pk).status == "filled"
    assert symbols_streamed("binance", []) == ["BTC/USDT"]
    assert symbols_streamed("coinbase", []) == []
    assert stocks_followed(["AAPL"]) == ["AAPL"], "a pair is no stock"
    sale = position_exit(Position.objects.get().pk, cause="stop", actor="watch")
    assert paper_execute(sale.pk).status == "filled"
    assert symbols_streamed("binance", []) == []


def test_a_stock_that_is_held_is_followed(ticket, make_instrument):
    apple = make_instrument("AAPL/USDT", asset_class="stock")
    assert stocks_followed([]) == []
    order_place(
        ticket(
            instrument_id=apple.pk,
            type=Order.Type.LIMIT,
            quantity="1",
            limit_price=units("100"),
            stop_loss=units("90"),
        )
    )
    assert stocks_followed([]) == ["AAPL/USDT"]
    assert stocks_followed(["MSFT"], venue_code="binance") == ["MSFT", "AAPL/USDT"]
    assert stocks_followed([], venue_code="alpaca") == []
    assert symbols_streamed("binance", []) == []
