"""Addresses of the signals API."""

from mystic.lib.paths import endpoint
from signals import api, api_why

urlpatterns = [
    endpoint("signals", api.Signals, "signals"),
    endpoint("v1/strategies", api.Strategies, "strategies"),
    endpoint("v1/strategies/<int:strategy_id>/why", api_why.StrategyWhy, "strategy_why"),
]
