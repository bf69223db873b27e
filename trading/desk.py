"""Who executes: this process where it streams the market, else the one that does."""

from django.conf import settings

from markets.quotes import store
from mystic.lib import bus, doorbell
from trading.events import OrderChanged, OrderSubmitted
from trading.models import Order
from trading.services.fills import paper_execute

ORDER_BELL = "paper_orders"
SIGNAL_BELL = "trading_signals"
WATCH_BELL = "trading_watch"


def on_order_submitted(event: OrderSubmitted) -> None:
    """Execute an approved order at once where the live book is, else ring for it."""
    if store.is_local:
        paper_execute(event.order_id)
    else:
        _tell(event.order_id)
        doorbell.ring(ORDER_BELL, event.order_id, redis_url=settings.REDIS_URL)


def _tell(order_id: int) -> None:
    """Say that the order exists; an execution here would have said more."""
    order = Order.objects.select_related("account").get(pk=order_id)
    bus.publish(OrderChanged(order.pk, order.account.owner_id, order.status))
