"""Work that is rung for: act on a signal, and find what a lost ring left waiting."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from markets.quotes import store
from mystic.lib import doorbell
from signals.models import Signal
from trading.desk import ORDER_BELL, SIGNAL_BELL
from trading.models import Order
from trading.services.deployments import signals_act
from trading.services.fills import orders_expire

# Rings are quick; a row that waits longer than this was not heard.
UNHEARD = timedelta(seconds=5)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def act(signal_id: int) -> None:
    """Act on a signal where the quotes are: here, or in the process that streams them."""
    if store.is_local or not settings.REDIS_URL:
        signals_act(signal_id)
    else:
        doorbell.ring(SIGNAL_BELL, signal_id, redis_url=settings.REDIS_URL)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Ring again for signals not acted on and orders not executed; end what waited too long."""
    before = timezone.now() - UNHEARD
    for signal_id in Signal.objects.filter(acted_at=None, created_at__lte=before).values_list(
        "pk", flat=True
    )[:100]:
        act(signal_id)
    orders_expire()
    waiting = Order.objects.filter(status=Order.Status.SUBMITTED, created_at__lte=before)
    for order_id in waiting.values_list("pk", flat=True)[:100]:
        doorbell.ring(ORDER_BELL, order_id, redis_url=settings.REDIS_URL)
