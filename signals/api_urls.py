"""Addresses of the signals API."""

from mystic.lib.paths import endpoint
from signals import api, api_rules, api_why

urlpatterns = [
    endpoint("signals", api.Signals, "signals"),
    endpoint("v1/strategies", api_rules.Strategies, "strategies"),
    endpoint("v1/strategies/check", api_rules.StrategyCheck, "strategy_check"),
    endpoint("v1/strategies/<id:strategy_id>", api_rules.StrategyOne, "strategy"),
    endpoint("v1/strategies/<int:strategy_id>/why", api_why.StrategyWhy, "strategy_why"),
]
