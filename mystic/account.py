"""Sign-up and sign-in, through allauth."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import render

from mystic.models import User
from notifications.services import defaults_create
from notifications.services.channels import ChannelError, email_add
from trading.services.accounts import account_open

log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Who may sign up, and what they have from then on."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.ENV["MYSTIC_SIGNUP"])

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail of the account pages; a mail server that is away is said, not a failure."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as fault:  # smtplib's faults are among them
            log.warning("a mail of the account pages could not be sent (%s)", type(fault).__name__)
            page = render(self.request, "account/mail_unavailable.html", status=503)
            page["Retry-After"] = "300"
            raise ImmediateHttpResponse(page) from fault

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:  # noqa: FBT001, FBT002  allauth's signature
        """Keep the new user and give them a paper account and the usual alerts."""
        saved: User = super().save_user(request, user, form, commit)
        if commit:
            account_open(user=saved)
            defaults_create(user=saved)
            if saved.email:
                _email_channel_add(saved)
        return saved


def _email_channel_add(user: User) -> None:
    """Send the link that makes the address a channel; a mail server that is away stops nobody."""
    try:
        email_add(user=user, address=user.email)
    except (ChannelError, OSError):
        log.exception("the confirmation mail of user %d could not be sent", user.pk)
