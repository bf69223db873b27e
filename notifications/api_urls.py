"""Addresses of the notifications API."""

from mystic.lib.paths import endpoint
from notifications import api

urlpatterns = [
    endpoint("notifications", api.Notifications, "notifications"),
    endpoint("v1/alerts/rules", api.AlertRules, "alert_rules"),
    endpoint("v1/alerts/rules/<id:rule_id>", api.AlertRuleOne, "alert_rule"),
]
