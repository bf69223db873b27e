"""Ways to reach a user: made, confirmed, switched and removed."""

from datetime import timedelta

from django.core import signing
from django.db import transaction
from django.utils import timezone

from mystic.models import User
from notifications import rules
from notifications.counting import count
from notifications.models import Alert, AlertRule, Channel
from notifications.services.alerts import Draft, alert_raise

VERIFY_SALT = "notifications.channel.verify"
VERIFY_MAX_AGE = timedelta(hours=24)
RESEND_AFTER = timedelta(minutes=1)
MAX_EMAILS = 3
MAX_VERIFICATIONS_A_DAY = 10
DEFAULT_MIN_CONFIDENCE = 0.7
DEFAULT_RULES: tuple[tuple[AlertRule.Kind, dict[str, float]], ...] = (
    (AlertRule.Kind.SIGNAL, {"min_confidence": DEFAULT_MIN_CONFIDENCE}),
    (AlertRule.Kind.FILL, {}),
    (AlertRule.Kind.RISK, {}),
    (AlertRule.Kind.SOURCE_DOWN, {}),
)


class ChannelError(ValueError):
    """Raised when a channel cannot be had; the message is for the person who asked."""


@transaction.atomic
def defaults_create(*, user: User) -> bool:
    """Give a user the in-app channel and the usual rules, once; say whether it was now."""
    _, is_new = Channel.objects.get_or_create(
        user=user,
        kind=Channel.Kind.IN_APP,
        address="",
        defaults={"label": "This site", "verified_at": timezone.now()},
    )
    if is_new:
        AlertRule.objects.bulk_create(
            AlertRule(user=user, kind=kind, params=params) for kind, params in DEFAULT_RULES
        )
    return is_new


@transaction.atomic
def email_add(*, user: User, address: str) -> Channel:
    """Add an e-mail address and send it a link to confirm.

    Raises
    ------
    ChannelError
        If the user has this address already, too many of them, or asked for too many mails today.
    """
    mine = Channel.objects.filter(user=user, kind=Channel.Kind.EMAIL)
    if mine.filter(address__iexact=address).exists():
        message = "This address is already in your list."
        raise ChannelError(message)
    if mine.count() >= MAX_EMAILS:
        message = f"At most {MAX_EMAILS} addresses; remove one first."
        raise ChannelError(message)
    channel = Channel.objects.create(
        user=user, kind=Channel.Kind.EMAIL, address=address, label=address[:80]
    )
    verification_send(channel=channel)
    return channel


@transaction.atomic
def verification_send(*, channel: Channel) -> None:
    """Send the link that confirms an address, at most one a minute and ten a day."""
    now = timezone.now()
    sent_at = channel.verification_sent_at
    if channel.verified_at is not None:
        message = "This address is already confirmed."
        raise ChannelError(message)
    if sent_at is not None and now - sent_at < RESEND_AFTER:
        message = "A link was just sent; wait a minute before asking for another."
        raise ChannelError(message)
    _count_verification(channel.user_id)
    channel.verification_sent_at = now
    channel.save(update_fields=["verification_sent_at"])
    alert_raise(
        Draft(
            user_id=channel.user_id,
            key=f"verify:{channel.pk}:{int(now.timestamp())}",
            kind=Alert.Kind.CHANNEL,
            text=rules.verification_text(address=channel.address),
            forced_channel_id=channel.pk,
            path="/settings/channels/",
        )
    )


def _count_verification(user_id: int) -> None:
    if count(f"verifications:{user_id}", 86_400) > MAX_VERIFICATIONS_A_DAY:
        message = "Too many confirmation mails today; try again tomorrow."
        raise ChannelError(message)


def verification_token(channel: Channel) -> str:
    """Return what the link carries: it holds only for this address of this channel."""
    return signing.dumps([channel.pk, channel.address], salt=VERIFY_SALT)


def channel_of_token(token: str) -> Channel:
    """Return the channel that a link confirms.

    Raises
    ------
    ChannelError
        If the link is not ours, too old, or its channel is gone.
    """
    try:
        pk, address = signing.loads(token, salt=VERIFY_SALT, max_age=VERIFY_MAX_AGE)
        return Channel.objects.get(pk=pk, address=address)
    except signing.SignatureExpired:
        message = "This link is older than 24 hours; ask for another in your settings."
        raise ChannelError(message) from None
    except (signing.BadSignature, ValueError, TypeError, Channel.DoesNotExist):
        message = "This link is not valid; ask for another in your settings."
        raise ChannelError(message) from None


def channel_verify(*, token: str) -> Channel:
    """Confirm an address by the token of its link; a second time changes nothing."""
    channel = channel_of_token(token)
    now = timezone.now()
    Channel.objects.filter(pk=channel.pk, verified_at=None).update(verified_at=now)
    channel.refresh_from_db()
    return channel


def channel_switch(*, channel: Channel, is_enabled: bool) -> None:
    """Switch a channel on or off; switching on forgets why it was switched off."""
    channel.is_enabled = is_enabled
    channel.disabled_reason = ""
    channel.save(update_fields=["is_enabled", "disabled_reason"])


@transaction.atomic
def channel_disable(*, channel: Channel, reason: str, cause: str) -> None:
    """Switch a channel off because nothing gets through, and tell its user on the page."""
    changed = Channel.objects.filter(pk=channel.pk, is_enabled=True).update(
        is_enabled=False, disabled_reason=reason[:200]
    )
    if not changed:
        return
    in_app = Channel.objects.filter(user_id=channel.user_id, kind=Channel.Kind.IN_APP)
    alert_raise(
        Draft(
            user_id=channel.user_id,
            key=f"channel:{channel.pk}:{cause}",
            kind=Alert.Kind.CHANNEL,
            severity=Alert.Severity.WARNING,
            text=rules.channel_text(channel=channel.get_kind_display(), reason=reason),
            channel_ids=frozenset(in_app.values_list("pk", flat=True)),
            path="/settings/channels/",
        )
    )


@transaction.atomic
def channel_delete(*, channel: Channel) -> None:
    """Remove a channel and what was or would be sent through it; the alerts themselves stay.

    Raises
    ------
    ChannelError
        For the in-app channel, which may be switched off but not removed.
    """
    if channel.kind == Channel.Kind.IN_APP:
        message = "Alerts in the app can be switched off, not removed."
        raise ChannelError(message)
    channel.delete()


def test_send(*, user: User) -> bool:
    """Send a test alert to every usable channel, at most one a minute; say whether it went."""
    now = timezone.now()
    draft = Draft(
        user_id=user.pk,
        key=f"test:{now:%Y%m%d%H%M}",
        kind=Alert.Kind.TEST,
        text=rules.test_text(),
    )
    return alert_raise(draft) is not None
