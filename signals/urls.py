"""Addresses of the signals pages."""

from django.urls import path

from signals import (
    views,
    views_analysis,
    views_forecasts,
    views_rules,
    views_training,
    views_variants,
    views_why,
)

urlpatterns = [
    path("signals/", views.signals, name="signals"),
    path("signals/<int:signal_id>/", views.signal, name="signal"),
    path("signals/fragment/latest/", views.latest_fragment, name="signals_latest"),
    path("signals/fragment/symbol/<slug:slug>/", views.symbol_fragment, name="signals_of_symbol"),
    path("signals/patterns/<slug:slug>.json", views.patterns, name="signal_patterns"),
    path("strategies/", views.strategies, name="strategies"),
    path("strategies/new/", views_rules.rule_new, name="rule_new"),
    path("strategies/now/", views_rules.rule_now, name="rule_now"),
    path("strategies/words/", views_rules.rule_words, name="rule_words"),
    path("strategies/<int:strategy_id>/edit/", views_rules.rule_change, name="rule_change"),
    path("strategies/<int:strategy_id>/act/", views_rules.rule_act, name="rule_act"),
    path("strategies/<int:strategy_id>/rules.json", views_rules.rule_json, name="rule_json"),
    path("strategies/<int:strategy_id>/why/<slug:slug>/", views_why.why_page, name="strategy_why"),
    path(
        "strategies/<int:strategy_id>/parameters/",
        views_variants.parameters,
        name="strategy_parameters",
    ),
    path(
        "strategies/<int:strategy_id>/analysis/",
        views_analysis.analysis,
        name="strategy_analysis",
    ),
    path(
        "strategies/<int:strategy_id>/analysis/result/",
        views_analysis.analysis_result,
        name="strategy_analysis_result",
    ),
    path("strategies/<int:strategy_id>/pairs/", views.strategy_pairs, name="strategy_pairs"),
    path("forecasts/", views_forecasts.forecasts, name="forecasts"),
    path("forecasts/train/", views_training.model_new, name="model_new"),
    path("forecasts/models/<int:model_id>/act/", views_training.model_act, name="model_act"),
    path("forecasts/accuracy/", views_forecasts.forecast_accuracy, name="forecast_accuracy"),
    path("forecasts/<slug:slug>/", views_forecasts.forecast, name="forecast"),
    path("forecasts/<slug:slug>/voters/", views_forecasts.consensus, name="consensus"),
]
