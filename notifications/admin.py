"""Alerts and their deliveries, for staff: looked at, never changed by hand."""

from django.contrib import admin

from mystic.lib.read_only import ReadOnlyAdmin
from notifications.models import Alert, AlertRule, BotState, Channel, Delivery


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "kind", "severity", "title", "created_at", "read_at")
    list_select_related = ("user",)
    list_filter = ("kind", "severity")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "alert", "channel", "state", "attempts", "unconfirmed", "last_error")
    list_select_related = ("alert", "channel")
    list_filter = ("state", "channel__kind")


@admin.register(Channel)
class ChannelAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "kind", "label", "is_enabled", "verified_at", "disabled_reason")
    list_select_related = ("user",)
    list_filter = ("kind", "is_enabled")


@admin.register(AlertRule)
class AlertRuleAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "kind", "instrument", "is_active", "fired_at")
    list_select_related = ("user", "instrument")
    list_filter = ("kind", "is_active")


@admin.register(BotState)
class BotStateAdmin(ReadOnlyAdmin):
    list_display = ("bot_id", "username", "state", "detail", "updated_at")
