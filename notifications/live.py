"""Alerts for open pages."""

from typing import Any

from mystic.lib.clock import iso, now_ms
from mystic.lib.live import hub
from notifications.message import Message


def alert_payload(message: Message) -> dict[str, Any]:
    """Return the whole message that a page gets; a page that missed it reads the alerts again."""
    return {
        "type": "alert",
        "data": {
            "id": message.alert_id,
            "code": message.code,
            "kind": message.kind,
            "severity": message.severity,
            "title": message.title,
            "body": message.body,
            "url": message.url,
            "may_be_repeat": message.is_repeat,
        },
        "timestamp": iso(now_ms()),
        **message.provenance,
    }


def alert_show(message: Message) -> None:
    """Give the alert to the open pages of its user."""
    hub.publish_event(f"user:{message.user_id}", alert_payload(message))
