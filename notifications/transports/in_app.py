"""The page itself: the alert is already a row, open pages only need a nudge."""

from notifications.live import alert_show
from notifications.message import Message


def send(message: Message) -> None:
    alert_show(message)
