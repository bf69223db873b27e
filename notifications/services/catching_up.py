"""Find causes that nobody was told of because a process died between a commit and its event."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import Model, QuerySet
from django.utils import timezone

from mystic.models import User
from notifications.models import Alert, Channel, Watermark
from notifications.services.channels import defaults_create
from notifications.services.listeners import (
    fill_tell,
    fills_with_context,
    risk_tell,
    signal_tell,
)
from signals.models import Signal
from trading.events import RiskHalted
from trading.models import RiskDay

BATCH = 500
# Events have this long to come by themselves, and rows that long to become visible in order.
GRACE = timedelta(seconds=3)
SETTLED_AFTER = timedelta(seconds=60)


def causes_catch_up() -> int:
    """Tell of signals, fills and halts without an alert; return how many alerts that made."""
    now = timezone.now()
    halts = _halts_catch_up(now)
    signals = Signal.objects.select_related("strategy", "instrument")
    told = _catch_up("signal", signals, "created_at", signal_tell, now)
    return halts + told + _catch_up("fill", fills_with_context(), "filled_at", fill_tell, now)


def _halts_catch_up(now: datetime) -> int:
    """Tell of today's halts; the alert's own key keeps those that were told from a second one."""
    halted = RiskDay.objects.filter(day=now.date(), is_halted=True, halted_at__lte=now - GRACE)
    made = 0
    for account_id, user_id, reason_code in halted.values_list(
        "account_id", "account__owner_id", "halt_reason"
    ):
        detail = "New entries wait for the next UTC day."
        made += len(risk_tell(RiskHalted(account_id, user_id, reason_code, detail)))
    return made


def _catch_up[M: Model](
    name: str,
    rows: QuerySet[M],
    time_field: str,
    tell: Callable[[M], list[Alert]],
    now: datetime,
) -> int:
    mark, _ = Watermark.objects.get_or_create(name=name)
    waiting = list(
        rows.filter(pk__gt=mark.row_id, **{f"{time_field}__lte": now - GRACE}).order_by("pk")[
            :BATCH
        ]
    )
    keys = [f"{name}:{row.pk}" for row in waiting]
    told = set(Alert.objects.filter(key__in=keys).values_list("key", flat=True))
    made = sum(len(tell(row)) for row in waiting if f"{name}:{row.pk}" not in told)
    settled = [row.pk for row in waiting if getattr(row, time_field) <= now - SETTLED_AFTER]
    if settled:
        Watermark.objects.filter(pk=mark.pk, row_id__lt=max(settled)).update(row_id=max(settled))
    return made


def defaults_catch_up() -> int:
    """Give the defaults to users who have none: made on the command line, or cut off at sign-up."""
    has_channel = Channel.objects.filter(kind=Channel.Kind.IN_APP).values("user_id")
    without = User.objects.filter(is_active=True).exclude(pk__in=has_channel)
    return sum(defaults_create(user=user) for user in without[:BATCH])
