"""Addresses of the signals pages."""

from django.urls import path

from signals import views

urlpatterns = [
    path("signals/", views.signals, name="signals"),
    path("signals/<int:signal_id>/", views.signal, name="signal"),
    path("signals/fragment/latest/", views.latest_fragment, name="signals_latest"),
    path("signals/fragment/symbol/<slug:slug>/", views.symbol_fragment, name="signals_of_symbol"),
    path("signals/patterns/<slug:slug>.json", views.patterns, name="signal_patterns"),
    path("strategies/", views.strategies, name="strategies"),
    path("strategies/<int:strategy_id>/pairs/", views.strategy_pairs, name="strategy_pairs"),
]
