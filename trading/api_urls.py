"""Addresses of the trading API."""

from mystic.lib.paths import endpoint
from trading import api

urlpatterns = [
    endpoint("portfolio", api.Portfolio, "portfolio"),
    endpoint("analytics/performance", api.Performance, "performance"),
    endpoint("v1/orders", api.Orders, "orders"),
    endpoint("v1/orders/<id:order_id>", api.OrderOne, "order"),
    endpoint("v1/orders/<id:order_id>/cancel", api.OrderCancel, "order_cancel"),
    endpoint("v1/positions", api.Positions, "positions"),
    endpoint("v1/positions/<id:position_id>/close", api.PositionClose, "position_close"),
]
