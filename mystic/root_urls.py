"""Addresses that Prometheus asks; they stand at the root, as it expects."""

from mystic import api
from mystic.lib.paths import endpoint

urlpatterns = [
    endpoint("metrics", api.Metrics, "metrics"),
    endpoint("metrics/live-data", api.LiveMetrics, "metrics_live"),
]
