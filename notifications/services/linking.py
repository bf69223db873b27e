"""Bind a Telegram chat to a user by a code that is shown once and works once."""

import hashlib
import secrets
from datetime import timedelta

from django.db import models, transaction
from django.utils import timezone

from mystic.models import User
from notifications import rules
from notifications.counting import count
from notifications.models import Alert, Channel, LinkCode
from notifications.services.alerts import Draft, alert_raise

CODE_LIFE = timedelta(minutes=10)
TRIES_PER_CHAT = 5
TRIES_WINDOW_S = 600


class LinkError(ValueError):
    """Raised when a chat cannot be linked; the message is what the bot answers."""


def digest_of(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


@transaction.atomic
def link_code_issue(*, user: User) -> str:
    """Return a new code of 43 letters; earlier unused ones of the user stop working."""
    code = secrets.token_urlsafe(32)
    LinkCode.objects.filter(user=user, used_at=None).delete()
    LinkCode.objects.create(
        user=user, digest=digest_of(code), expires_at=timezone.now() + CODE_LIFE
    )
    return code


def link_code_use(*, code: str, chat: str, label: str) -> Channel:
    """Bind the chat that sent a code to the code's user.

    Raises
    ------
    LinkError
        If the code is unknown, used or too old, the chat tried too often, or it belongs to
        somebody else; nothing is changed then.
    """
    _count_try(chat)
    with transaction.atomic():
        now = timezone.now()
        found = LinkCode.objects.filter(digest=digest_of(code)).first()
        if found is None or found.used_at is not None or found.expires_at <= now:
            message = "This code is not valid (any more). Ask for a new one in Mystic's settings."
            raise LinkError(message)
        if _telegram().filter(address=chat).exclude(user_id=found.user_id).exists():
            message = "This chat belongs to another account. Send /stop here first."
            raise LinkError(message)
        if not LinkCode.objects.filter(pk=found.pk, used_at=None).update(used_at=now):
            message = "This code was already used."
            raise LinkError(message)
        return _bind(found.user_id, chat, rules.plain(label, 80))


def _bind(user_id: int, chat: str, label: str) -> Channel:
    channel = _telegram().filter(user_id=user_id).first() or Channel(
        user_id=user_id, kind=Channel.Kind.TELEGRAM
    )
    channel.address, channel.label = chat, label
    channel.is_enabled, channel.disabled_reason = True, ""
    channel.verified_at = timezone.now()
    channel.save()
    in_app = Channel.objects.filter(user_id=user_id, kind=Channel.Kind.IN_APP)
    alert_raise(
        Draft(
            user_id=user_id,
            key=f"linked:{channel.pk}:{int(channel.verified_at.timestamp())}",
            kind=Alert.Kind.CHANNEL,
            text=rules.linked_text(chat=label),
            channel_ids=frozenset(in_app.values_list("pk", flat=True)),
            path="/settings/channels/",
        )
    )
    return channel


def _count_try(chat: str) -> None:
    if count(f"telegram:tries:{chat}", TRIES_WINDOW_S) > TRIES_PER_CHAT:
        message = "Too many tries from this chat. Wait ten minutes."
        raise LinkError(message)


def chat_unlink(*, chat: str) -> bool:
    """Remove the link of a chat at its own wish; say whether there was one."""
    removed, _ = _telegram().filter(address=chat).delete()
    return bool(removed)


def chat_blocked(*, chat: str) -> None:
    """Switch the channel off: its owner blocked the bot."""
    _telegram().filter(address=chat, is_enabled=True).update(
        is_enabled=False, disabled_reason="the bot was blocked in the chat"
    )


def chat_returned(*, chat: str) -> None:
    """Switch the channel on again: its owner let the bot back in."""
    _telegram().filter(address=chat, is_enabled=False).exclude(disabled_reason="").update(
        is_enabled=True, disabled_reason=""
    )


def _telegram() -> models.QuerySet[Channel]:
    return Channel.objects.filter(kind=Channel.Kind.TELEGRAM)
