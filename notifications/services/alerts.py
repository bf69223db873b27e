"""Raise alerts: the alert and its deliveries are one transaction, the same cause tells once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from mystic.lib.bus import publish
from mystic.models import User
from notifications.events import AlertRaised
from notifications.models import Alert, Channel, Delivery
from notifications.rules import Text


@dataclass(frozen=True, slots=True)
class Draft:
    """An alert to be raised; without `channel_ids` it goes to every usable channel of the user.

    `forced_channel_id` is the one channel that gets it though it is not usable: a new address
    that is to be confirmed. `key` names the cause: a user has at most one alert of a key.
    """

    user_id: int
    key: str
    kind: str
    text: Text
    severity: str = Alert.Severity.INFO
    rule_id: int | None = None
    channel_ids: frozenset[int] | None = None
    forced_channel_id: int | None = None
    path: str = "/alerts/"
    source: str = ""
    is_live: bool = False
    as_of: datetime | None = None
    created_at: datetime = field(default_factory=timezone.now)

    def row(self) -> Alert:
        return Alert(
            user_id=self.user_id,
            rule_id=self.rule_id,
            key=self.key[:120],
            kind=self.kind,
            severity=self.severity,
            title=self.text.title,
            body=self.text.body,
            path=self.path,
            source=self.source,
            is_live=self.is_live,
            as_of=self.as_of,
            created_at=self.created_at,
        )


def alert_raise(draft: Draft) -> Alert | None:
    """Raise one alert; None where its cause was told before."""
    raised = alerts_raise([draft])
    return raised[0] if raised else None


@transaction.atomic
def alerts_raise(drafts: Sequence[Draft]) -> list[Alert]:
    """Write alerts with their deliveries and return those that are new; tell of them on commit."""
    keys = {draft.key[:120] for draft in drafts}
    users = {draft.user_id for draft in drafts}
    _users_lock(users)
    told = set(Alert.objects.filter(key__in=keys, user_id__in=users).values_list("user_id", "key"))
    fresh = [draft for draft in drafts if (draft.user_id, draft.key[:120]) not in told]
    if not fresh:
        return []
    Alert.objects.bulk_create([draft.row() for draft in fresh], ignore_conflicts=True)
    by_cause = {
        (alert.user_id, alert.key): alert
        for alert in Alert.objects.filter(key__in=keys, user_id__in=users)
        if (alert.user_id, alert.key) not in told
    }
    _deliveries_write(fresh, by_cause)
    _tell_on_commit(by_cause.values())
    return list(by_cause.values())


def _users_lock(users: Iterable[int]) -> None:
    """Let one transaction at a time raise for a user, so that of two with one cause one tells."""
    rows = User.objects.select_for_update(no_key=True).filter(pk__in=users).order_by("pk")
    list(rows.values_list("pk", flat=True))


def _deliveries_write(drafts: Iterable[Draft], by_cause: dict[tuple[int, str], Alert]) -> None:
    usable: dict[int, set[int]] = {}
    channels = Channel.objects.filter(
        user_id__in={user_id for user_id, _ in by_cause},
        is_enabled=True,
        verified_at__isnull=False,
    )
    for channel in channels:
        usable.setdefault(channel.user_id, set()).add(channel.pk)
    rows: dict[tuple[int, int], Delivery] = {}
    for draft in drafts:
        alert = by_cause[draft.user_id, draft.key[:120]]
        for channel_id in _targets(draft, usable.get(draft.user_id, set())):
            rows[alert.pk, channel_id] = Delivery(alert_id=alert.pk, channel_id=channel_id)
    Delivery.objects.bulk_create(rows.values(), ignore_conflicts=True)


def _targets(draft: Draft, usable: set[int]) -> set[int]:
    if draft.forced_channel_id is not None:
        return {draft.forced_channel_id}
    return usable if draft.channel_ids is None else usable & draft.channel_ids


def _tell_on_commit(alerts: Iterable[Alert]) -> None:
    by_alert: dict[int, list[int]] = {alert.pk: [] for alert in alerts}
    users = {alert.pk: alert.user_id for alert in alerts}
    for pk, alert_id in Delivery.objects.filter(alert_id__in=by_alert).values_list(
        "pk", "alert_id"
    ):
        by_alert[alert_id].append(pk)
    events = [AlertRaised(pk, users[pk], tuple(ids)) for pk, ids in by_alert.items()]

    def tell() -> None:
        for event in events:
            publish(event)

    transaction.on_commit(tell)


def alert_read(*, alert: Alert) -> None:
    """Mark one alert as read, once."""
    Alert.objects.filter(pk=alert.pk, read_at=None).update(read_at=timezone.now())


def alerts_read(*, user: User) -> int:
    """Mark every alert of a user as read and return how many were not."""
    return Alert.objects.filter(user=user, read_at=None).update(read_at=timezone.now())
