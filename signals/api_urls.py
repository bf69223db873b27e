"""Addresses of the signals API."""

from mystic.lib.paths import endpoint
from signals import api, api_analysis, api_forecasts, api_rules, api_why

urlpatterns = [
    endpoint("signals", api.Signals, "signals"),
    endpoint("v1/strategies", api_rules.Strategies, "strategies"),
    endpoint("v1/strategies/check", api_rules.StrategyCheck, "strategy_check"),
    endpoint("v1/strategies/<id:strategy_id>", api_rules.StrategyOne, "strategy"),
    endpoint("v1/strategies/<id:strategy_id>/why", api_why.StrategyWhy, "strategy_why"),
    endpoint(
        "v1/strategies/<id:strategy_id>/analysis",
        api_analysis.StrategyAnalysis,
        "strategy_analysis",
    ),
    endpoint("v1/forecasts", api_forecasts.Forecasts, "forecasts"),
    endpoint("v1/forecasts/accuracy", api_forecasts.ForecastAccuracy, "forecast_accuracy"),
    endpoint("v1/forecasts/<symbol:symbol>", api_forecasts.SymbolForecast, "symbol_forecast"),
    endpoint("v1/consensus", api_forecasts.ConsensusList, "consensus"),
    endpoint("v1/market-summary", api_forecasts.MarketSummary, "market_summary"),
]
