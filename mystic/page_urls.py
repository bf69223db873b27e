"""Addresses of the platform as a whole."""

from django.urls import path

from mystic import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("fragment/feed/", views.feed_fragment, name="feed_fragment"),
    path("status/", views.status, name="status"),
    path("status/fragment/", views.status_fragment, name="status_fragment"),
    path("settings/", views.settings_page, name="settings"),
    path("settings/theme/", views.theme_set, name="theme_set"),
    path("settings/tokens/", views.token_create, name="token_create"),
    path("settings/tokens/<int:token_id>/revoke/", views.token_revoke, name="token_revoke"),
    path("about/", views.about, name="about"),
]
