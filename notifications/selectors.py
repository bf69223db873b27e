"""What the pages and the API read; foreign and absent look the same."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Prefetch, Q, QuerySet
from django.utils import timezone

from mystic.models import User
from notifications.models import Alert, AlertRule, BotState, Channel, Delivery

LATEST = 5


def alerts_for(*, user: User) -> QuerySet[Alert]:
    """Return a user's alerts, newest first, with what became of each delivery."""
    deliveries = Delivery.objects.select_related("channel").order_by("channel_id")
    return Alert.objects.filter(user=user).prefetch_related(
        Prefetch("deliveries", queryset=deliveries)
    )


def alerts_latest(*, user: User, limit: int = LATEST) -> list[Alert]:
    return list(Alert.objects.filter(user=user)[:limit])


def unread_count(*, user: User) -> int:
    return Alert.objects.filter(user=user, read_at=None).count()


def rules_for(*, user: User) -> QuerySet[AlertRule]:
    return (
        AlertRule.objects.filter(user=user)
        .select_related("instrument")
        .prefetch_related("channels")
    )


def channels_for(*, user: User) -> QuerySet[Channel]:
    return Channel.objects.filter(user=user)


def bot_link(code: str) -> str:
    """Return the address that opens the bot with a code, or nothing where its name is not known."""
    name = bot_name()
    return f"https://t.me/{name}?start={code}" if name else ""


def bot_name() -> str:
    """Return the user name of the configured bot, as its poller learnt it."""
    state = bot_state()
    return state.username if state else ""


def outbox() -> dict[str, Any]:
    """Return how much waits to be sent, since when, and what failed in the last day."""
    now = timezone.now()
    waiting = Delivery.objects.filter(state__in=["pending", "sending"]).aggregate(
        waiting=Count("pk"),
        overdue=Count("pk", filter=Q(next_try_at__lt=now - timedelta(minutes=1))),
        oldest=Min("alert__created_at"),
    )
    failed = Delivery.objects.filter(
        state=Delivery.State.FAILED, alert__created_at__gte=now - timedelta(days=1)
    ).count()
    return {**waiting, "failed_today": failed}


def is_telegram_on() -> bool:
    return bool(settings.ENV["TELEGRAM_BOT_TOKEN"])


def bot_state() -> BotState | None:
    """Return how the poller of the configured bot does, None where there is no bot."""
    bot_id = settings.ENV["TELEGRAM_BOT_TOKEN"].partition(":")[0][:20]
    return BotState.objects.filter(bot_id=bot_id).first() if bot_id else None
