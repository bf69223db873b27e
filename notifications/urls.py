"""Addresses of the notifications pages."""

from django.urls import path

from notifications import views

urlpatterns = [
    path("alerts/", views.alerts_page, name="alerts"),
    path("alerts/read/", views.alerts_read, name="alerts_read"),
    path("alerts/test/", views.alert_test, name="alert_test"),
    path("alerts/<int:alert_id>/read/", views.alert_read, name="alert_read"),
    path("alerts/rules/", views.rule_create, name="alert_rule_create"),
    path("alerts/rules/<int:rule_id>/switch/", views.rule_switch, name="alert_rule_switch"),
    path("alerts/rules/<int:rule_id>/delete/", views.rule_delete, name="alert_rule_delete"),
    path("alerts/fragment/latest/", views.latest_fragment, name="alerts_latest"),
    path("alerts/fragment/unread/", views.unread_fragment, name="alerts_unread"),
    path("settings/channels/", views.channels_page, name="channels"),
    path("settings/channels/email/", views.email_add, name="channel_email_add"),
    path("settings/channels/telegram/", views.telegram_link, name="channel_telegram_link"),
    path("settings/channels/<int:channel_id>/switch/", views.channel_switch, name="channel_switch"),
    path("settings/channels/<int:channel_id>/delete/", views.channel_delete, name="channel_delete"),
    path(
        "settings/channels/<int:channel_id>/verify/",
        views.verification_send,
        name="channel_verification_send",
    ),
    path("settings/channels/verify/<str:token>/", views.channel_verify, name="channel_verify"),
]
