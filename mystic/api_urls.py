"""Addresses of the platform as a whole."""

from django.urls import path

from mystic import api
from mystic.lib.paths import endpoint

urlpatterns = [
    endpoint("health", api.HealthNow, "health"),
    path("schema/", api.Schema.as_view(), name="api_schema"),
    path("docs/", api.Docs.as_view(), name="api_docs"),
]
