"""What notifications does: raise alerts, send them, keep channels and rules."""

from notifications.services.alerts import Draft, alert_raise, alert_read, alerts_raise, alerts_read
from notifications.services.channels import defaults_create
from notifications.services.deliveries import deliver, deliveries_send
from notifications.services.linking import link_code_issue

__all__ = [
    "Draft",
    "alert_raise",
    "alert_read",
    "alerts_raise",
    "alerts_read",
    "defaults_create",
    "deliver",
    "deliveries_send",
    "link_code_issue",
]
