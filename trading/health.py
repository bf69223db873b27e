"""How trading does, for the status page."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from signals.models import Signal
from trading.models import Deployment, Fill, Order, Position, RiskDay
from trading.watch import watch

SLOW = timedelta(seconds=10)


def report() -> dict[str, Any]:
    """Return what waits, what is open and what stands still."""
    now = timezone.now()
    slow_orders = Order.objects.filter(
        status=Order.Status.SUBMITTED, created_at__lte=now - SLOW
    ).count()
    slow_signals = Signal.objects.filter(acted_at=None, created_at__lte=now - SLOW).count()
    unknown = Order.objects.filter(status=Order.Status.UNKNOWN).count()
    halted = RiskDay.objects.filter(day=now.date(), is_halted=True).count()
    is_well = not (slow_orders or slow_signals or unknown)
    return {
        "state": "ok" if is_well else "warn",
        "summary": "Orders are executed as they come."
        if is_well
        else "Orders or signals wait longer than they should.",
        "figures": [
            _figure("Orders waiting for execution", slow_orders),
            _figure("Signals waiting to be acted on", slow_signals),
            _figure("Orders with unknown outcome", unknown),
            _figure("Accounts halted today", halted, is_fault=False),
            _figure("Working orders", _count(Order, status__in=Order.WORKING), is_fault=False),
            _figure("Open positions", _count(Position, closed_at=None), is_fault=False),
            _figure(
                "Active deployments",
                _count(Deployment, state=Deployment.State.ACTIVE),
                is_fault=False,
            ),
            _figure(
                "Fills in 24 h",
                _count(Fill, filled_at__gte=now - timedelta(hours=24)),
                is_fault=False,
            ),
        ],
        "is_watching": watch.is_running,
    }


def _count(model: type[Any], **conditions: Any) -> int:
    return int(model.objects.filter(**conditions).count())


def _figure(label: str, value: int, *, is_fault: bool = True) -> dict[str, Any]:
    return {
        "label": label,
        "value": value,
        "unit": "",
        "state": "warn" if is_fault and value else "ok",
        "note": "",
    }
