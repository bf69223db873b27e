"""Doorbells: send one delivery, and look for what nobody rang for."""

from celery import Task, shared_task
from django.utils import timezone

from notifications.events import AlertRaised
from notifications.services import catching_up, deliveries, listeners
from signals.events import SignalRaised
from trading.events import OrderFilled

SWEEP_LIMIT = 500
# A ring for later would block a worker's memory for longer than a sweep needs to find the row.
LATEST_OWN_RING_S = 60.0


@shared_task(bind=True)  # type: ignore[untyped-decorator]
def deliver(self: Task, delivery_id: int) -> None:
    """Send one delivery; what failed for now is rung again when it is due."""
    wait_s = deliveries.deliver(delivery_id)
    if wait_s is not None and wait_s <= LATEST_OWN_RING_S and not self.request.is_eager:
        deliver.apply_async((delivery_id,), countdown=wait_s, expires=wait_s + 30)


@shared_task  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Tell of causes that nobody was told of, and ring for every delivery that is due."""
    catching_up.defaults_catch_up()
    catching_up.causes_catch_up()
    waiting = deliveries.due(timezone.now()).values_list("pk", flat=True)
    for delivery_id in waiting[:SWEEP_LIMIT]:
        deliver.apply_async((delivery_id,), expires=10)


@shared_task  # type: ignore[untyped-decorator]
def tell_signal(signal_id: int) -> None:
    """Tell of a signal everyone who asked; the sweep finds one that nobody rang for."""
    listeners.on_signal(SignalRaised(signal_id))


@shared_task  # type: ignore[untyped-decorator]
def tell_fill(fill_id: int) -> None:
    """Tell of a fill its owner; the sweep finds one that nobody rang for."""
    fill = listeners.fills_with_context().filter(pk=fill_id).first()
    if fill is not None:
        listeners.fill_tell(fill)


def on_signal(event: SignalRaised) -> None:
    """Ring, so that a close with a hundred signals is not held up by telling of them."""
    tell_signal.delay(event.signal_id)


def on_fill(event: OrderFilled) -> None:
    """Ring, so that the next order is not held up by telling of this one."""
    tell_fill.delay(event.fill_id)


def on_alert_raised(event: AlertRaised) -> None:
    """Ring for each delivery of a new alert."""
    for delivery_id in event.delivery_ids:
        deliver.delay(delivery_id)
