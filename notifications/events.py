"""What notifications tells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """An alert is committed with its deliveries; `delivery_ids` wait to be sent."""

    alert_id: int
    user_id: int
    delivery_ids: tuple[int, ...]
