"""E-mail through Django's mailer: text and HTML, and an id that is the same in every repeat."""

import smtplib
from urllib.parse import urlsplit

from django.conf import settings
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string

from notifications.message import Message
from notifications.transports.errors import (
    PermanentError,
    TemporaryError,
    UnknownOutcomeError,
)

AUTHENTICATION_REFUSED = 535


def send(message: Message) -> None:
    """Send one mail.

    Raises
    ------
    TemporaryError
        If the server could not be reached or put us off (4xx).
    PermanentError
        If it refused for good (5xx); the channel is dead when it was the address it refused.
    UnknownOutcomeError
        If the connection broke after the mail had begun.
    """
    backend = mail.mailers["default"]
    _open(backend)
    try:
        _hand_over(backend, compose(message))
    finally:
        _close(backend)


def compose(message: Message) -> mail.EmailMultiAlternatives:
    """Return the mail; the subject is one line whatever the alert holds."""
    context = {"message": message}
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    composed = mail.EmailMultiAlternatives(
        subject=" ".join(f"[Mystic] {message.marked_title}".split()),
        body=render_to_string("notifications/email/alert.txt", context),
        to=[message.address],
        headers={
            "Message-ID": f"<mystic.{message.code}.{message.user_id}@{host}>",
            "List-Unsubscribe": f"<{message.settings_url}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    composed.attach_alternative(
        render_to_string("notifications/email/alert.html", context), "text/html"
    )
    return composed


def _open(backend: BaseEmailBackend) -> None:
    try:
        backend.open()
    except smtplib.SMTPResponseException as fault:
        reason = "signing in" if fault.smtp_code == AUTHENTICATION_REFUSED else "the connection"
        _close(backend)
        message = f"the mail server refused {reason} ({fault.smtp_code})"
        raise TemporaryError(message) from None
    except (smtplib.SMTPException, OSError) as fault:
        _close(backend)
        message = f"the mail server cannot be reached ({type(fault).__name__})"
        raise TemporaryError(message) from None


def _hand_over(backend: BaseEmailBackend, composed: mail.EmailMultiAlternatives) -> None:
    try:
        backend.send_messages([composed])
    except smtplib.SMTPRecipientsRefused as fault:
        code = min((code for code, _ in fault.recipients.values()), default=0)
        raise _refusal(code, "the address", is_channel_dead=True) from None
    except smtplib.SMTPResponseException as fault:
        raise _refusal(fault.smtp_code, "the mail", is_channel_dead=False) from None
    except ValueError:
        message = "the address is not a mail address"
        raise PermanentError(message, is_channel_dead=True) from None
    except (smtplib.SMTPException, OSError) as fault:
        message = f"the mail server did not confirm ({type(fault).__name__})"
        raise UnknownOutcomeError(message) from None


def _refusal(code: int, what: str, *, is_channel_dead: bool) -> TemporaryError | PermanentError:
    if code >= 500:
        message = f"the mail server refused {what} for good ({code})"
        return PermanentError(message, is_channel_dead=is_channel_dead)
    return TemporaryError(f"the mail server put {what} off ({code})")


def _close(backend: BaseEmailBackend) -> None:
    """Leave politely; the mail is already taken or not, a failed goodbye changes nothing."""
    try:
        backend.close()
    except (smtplib.SMTPException, OSError):
        return
