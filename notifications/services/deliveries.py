"""Send what is due: claim a row, send, mark it, in three steps that any death may fall between.

The promise: an alert reaches each channel at least once, and twice only when nobody could know
whether the first one went through: a process died while sending or the provider never answered.
What follows says "(may be a repeat)" and carries the same code.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from mystic.lib.clock import iso
from notifications import rules
from notifications.message import Message
from notifications.models import Alert, Channel, Delivery
from notifications.services.channels import channel_disable, verification_token
from notifications.transports import email, in_app, telegram
from notifications.transports.errors import (
    PermanentError,
    TemporaryError,
    TransportError,
    UnknownOutcomeError,
)

log = logging.getLogger(__name__)

# Longer than any transport can take, so that a claim ends only with its process: Telegram gives up
# after 15 s, while one mail is a dozen answers that may take ten seconds each.
LEASE = {
    Channel.Kind.IN_APP: timedelta(seconds=30),
    Channel.Kind.TELEGRAM: timedelta(seconds=30),
    Channel.Kind.EMAIL: timedelta(seconds=120),
}
FIRST_DELAY_S, LAST_DELAY_S = 2.0, 1800.0
UNKNOWN_DELAY_S = 15.0
RETRY_FOR = timedelta(hours=24)
LEASES_LOST_LIMIT = 20
OPEN = (Delivery.State.PENDING, Delivery.State.SENDING)


@dataclass(frozen=True, slots=True)
class _Claim:
    """A row that is ours until `lease_until`: nobody else has this number of attempts."""

    delivery: Delivery
    attempt: int
    unconfirmed: int

    def settle(self, **changes: object) -> bool:
        """Write what became of it, unless the claim was lost meanwhile."""
        mine = Delivery.objects.filter(
            pk=self.delivery.pk, state=Delivery.State.SENDING, attempts=self.attempt
        )
        return bool(mine.update(lease_until=None, **changes))


def due(now: datetime) -> QuerySet[Delivery]:
    """Return what waits to be sent now, oldest first, and then claims whose process died.

    These come last: one that kills whoever sends it shall not keep the others waiting.
    """
    is_due = Q(state=Delivery.State.PENDING, next_try_at__lte=now)
    is_abandoned = Q(state=Delivery.State.SENDING, lease_until__lte=now)
    return Delivery.objects.filter(is_due | is_abandoned).order_by("state", "next_try_at")


def deliveries_send(*, limit: int = 100) -> int:
    """Send everything that is due, here and now; return how many were looked at."""
    waiting = list(due(timezone.now()).values_list("pk", flat=True)[:limit])
    for pk in waiting:
        deliver(pk)
    return len(waiting)


def deliver(delivery_id: int) -> float | None:
    """Send one delivery if it is due; return the seconds until it is due again, None for never."""
    delivery = (
        Delivery.objects.select_related("alert", "channel")
        .filter(pk=delivery_id, state__in=OPEN)
        .first()
    )
    if delivery is None:
        return None
    now = timezone.now()
    wait_s = _wait_s(delivery, now)
    if wait_s > 0:
        return wait_s
    claim = _claim(delivery, now)
    return None if claim is None else _carry_out(claim)


def _wait_s(delivery: Delivery, now: datetime) -> float:
    if delivery.state == Delivery.State.SENDING:
        return (delivery.lease_until - now).total_seconds() if delivery.lease_until else 0.0
    wait_s = (delivery.next_try_at - now).total_seconds()
    if wait_s > 0 or delivery.channel.kind != Channel.Kind.TELEGRAM:
        return wait_s
    wait_s = telegram.pace.wait_s(delivery.channel.address)
    if wait_s > 0:
        Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.PENDING).update(
            next_try_at=now + timedelta(seconds=wait_s)
        )
    return wait_s


def _claim(delivery: Delivery, now: datetime) -> _Claim | None:
    is_abandoned = delivery.state == Delivery.State.SENDING
    unconfirmed = delivery.unconfirmed + is_abandoned
    is_mine = Delivery.objects.filter(
        pk=delivery.pk, state=delivery.state, attempts=delivery.attempts
    ).update(
        state=Delivery.State.SENDING,
        attempts=F("attempts") + 1,
        unconfirmed=unconfirmed,
        lease_until=now + LEASE[Channel.Kind(delivery.channel.kind)],
    )
    return _Claim(delivery, delivery.attempts + 1, unconfirmed) if is_mine else None


def _carry_out(claim: _Claim) -> float | None:
    refusal = _refusal(claim)
    if refusal:
        claim.settle(state=Delivery.State.FAILED, last_error=refusal)
        return None
    try:
        _send(claim)
    except PermanentError as fault:
        _fail(claim, fault, is_channel_dead=fault.is_channel_dead)
        return None
    except UnknownOutcomeError as fault:
        return _after_unknown(claim, fault)
    except TemporaryError as fault:
        return _after_temporary(claim, fault)
    claim.settle(state=Delivery.State.SENT, sent_at=timezone.now(), last_error="")
    return None


def _refusal(claim: _Claim) -> str:
    """Return why this delivery must not be sent at all, or nothing."""
    channel, alert = claim.delivery.channel, claim.delivery.alert
    if claim.unconfirmed >= LEASES_LOST_LIMIT:
        return "given up: sending was broken off again and again; some may have arrived"
    if not channel.is_enabled:
        return "the channel is switched off"
    if channel.verified_at is None and alert.kind != Alert.Kind.CHANNEL:
        return "the address is not confirmed"
    return ""


def _send(claim: _Claim) -> None:
    message = message_of(claim.delivery, is_repeat=claim.unconfirmed > 0)
    kind = claim.delivery.channel.kind
    if kind == Channel.Kind.EMAIL:
        email.send(message)
    elif kind == Channel.Kind.TELEGRAM:
        bot = telegram.configured_bot()
        if bot is None:
            reason = "Telegram is switched off on this server"
            raise PermanentError(reason, is_channel_dead=False)
        telegram.send(message, bot=bot)
    else:
        in_app.send(message)


def message_of(delivery: Delivery, *, is_repeat: bool) -> Message:
    """Return what a transport is given, with the origin of the alert's facts."""
    alert, channel = delivery.alert, delivery.channel
    as_of = iso(int((alert.as_of or alert.created_at).timestamp() * 1000))
    path = alert.path
    if alert.kind == Alert.Kind.CHANNEL and channel.verified_at is None:
        path = f"/settings/channels/verify/{verification_token(channel)}/"
    return Message(
        alert_id=alert.pk,
        user_id=alert.user_id,
        address=channel.address,
        code=alert.code,
        kind=alert.kind,
        severity=alert.severity,
        title=alert.title,
        body=alert.body,
        origin=rules.origin_text(source=alert.source, is_live=alert.is_live, as_of=str(as_of)),
        url=settings.BASE_URL + path,
        settings_url=f"{settings.BASE_URL}/settings/channels/",
        is_repeat=is_repeat,
        provenance={"source": alert.source or "mystic", "is_live": alert.is_live, "as_of": as_of},
    )


def _delay_s(attempt: int, first_s: float) -> float:
    return min(LAST_DELAY_S, first_s * 2.0 ** min(attempt - 1, 16))


def _after_temporary(claim: _Claim, fault: TemporaryError) -> float | None:
    delay_s = fault.retry_after_s or _delay_s(claim.attempt, FIRST_DELAY_S)
    return _try_again(claim, fault, delay_s)


def _after_unknown(claim: _Claim, fault: UnknownOutcomeError) -> float | None:
    if claim.unconfirmed >= fault.repeats:
        _fail(claim, fault, is_channel_dead=False)
        return None
    delay_s = _delay_s(claim.attempt, UNKNOWN_DELAY_S)
    return _try_again(claim, fault, delay_s, unconfirmed=claim.unconfirmed + 1)


def _try_again(
    claim: _Claim, fault: TransportError, delay_s: float, **changes: object
) -> float | None:
    now = timezone.now()
    if now - claim.delivery.alert.created_at > RETRY_FOR:
        _fail(claim, fault, is_channel_dead=False)
        return None
    is_mine = claim.settle(
        state=Delivery.State.PENDING,
        next_try_at=now + timedelta(seconds=delay_s),
        last_error=str(fault)[:300],
        **changes,
    )
    return delay_s if is_mine else None


@transaction.atomic
def _fail(claim: _Claim, fault: TransportError, *, is_channel_dead: bool) -> None:
    channel = claim.delivery.channel
    is_mine = claim.settle(state=Delivery.State.FAILED, last_error=str(fault)[:300])
    if is_mine and is_channel_dead:
        channel_disable(channel=channel, reason=str(fault), cause=str(claim.delivery.pk))
    log.warning(
        "an alert could not be delivered: %s",
        fault,
        extra={"delivery_id": claim.delivery.pk, "channel_kind": channel.kind},
    )
