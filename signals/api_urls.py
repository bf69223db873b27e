"""Addresses of the signals API."""

from mystic.lib.paths import endpoint
from signals import api

urlpatterns = [
    endpoint("signals", api.Signals, "signals"),
    endpoint("v1/strategies", api.Strategies, "strategies"),
]
