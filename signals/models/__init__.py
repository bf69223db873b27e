"""Strategies, what they conclude, what models forecast, what is drawn."""

from signals.models.analyses import Analysis
from signals.models.consensus import Consensus
from signals.models.decisions import Decision, Progress, Signal
from signals.models.forecasts import Forecast, ForecastModel, ForecastScore
from signals.models.patterns import Pattern
from signals.models.strategies import Strategy, StrategyFile

__all__ = [
    "Analysis",
    "Consensus",
    "Decision",
    "Forecast",
    "ForecastModel",
    "ForecastScore",
    "Pattern",
    "Progress",
    "Signal",
    "Strategy",
    "StrategyFile",
]
