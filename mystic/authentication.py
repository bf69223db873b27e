"""API tokens: `Authorization: Token <key>`; only a digest of the key is known here."""

import re
from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from mystic.models import ApiToken, User

USE_NOTED_EVERY = timedelta(minutes=1)
_KEY = re.compile(r"[\x21-\x7e]{8,200}")


class TokenAuthentication(BaseAuthentication):
    """Know a user by the key of an `ApiToken`; a `read` token may only read."""

    keyword = "Token"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != self.keyword.lower().encode():
            return None
        if len(words) != 2:
            raise AuthenticationFailed("wants `Authorization: Token <key>`", "invalid_token")
        token = token_for(words[1].decode("latin-1"))
        if token is None:
            raise AuthenticationFailed("the token is not known or has expired", "invalid_token")
        if request.method not in SAFE_METHODS and token.scope != ApiToken.Scope.TRADE:
            raise PermissionDenied("this token may only read; it needs the scope trade", "scope")
        note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return f'{self.keyword} realm="mystic"'


def token_for(key: str) -> ApiToken | None:
    """Return the usable token of an active user that this key belongs to."""
    if not _KEY.fullmatch(key):
        return None
    digest = ApiToken.digest_of(key)
    token = ApiToken.objects.select_related("user").filter(digest=digest).first()
    if token is None or not token.is_usable(timezone.now()) or not token.user.is_active:
        return None
    return token


def note_use(token: ApiToken) -> None:
    """Write when the token was last used, at most once a minute."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - USE_NOTED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


def revoke_leaked(values: Iterable[str]) -> None:
    """Expire every token whose key stood in an address, where logs and proxies saw it."""
    digests = [ApiToken.digest_of(value) for value in values if _KEY.fullmatch(value)]
    now = timezone.now()
    ApiToken.objects.filter(digest__in=digests).update(expires_at=now)
