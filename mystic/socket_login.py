"""Who opens a WebSocket: a token, a session from our own origin, or nobody.

A session cookie travels by itself, so it counts only with our full origin (scheme, host, port);
a token is said on purpose and needs none. A page of a foreign origin is refused in any case.
"""

from collections.abc import Awaitable, Callable, Collection
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from mystic.authentication import note_use, token_for
from mystic.lib.live_rooms import Identity
from mystic.lib.live_socket import NOT_AUTHENTICATED
from mystic.models import ApiToken, User

type Scope = dict[str, Any]
type App = Callable[[Scope, Any, Any], Awaitable[Any]]

TOKEN_PROTOCOL = "token."  # noqa: S105  the prefix of a subprotocol, not a secret


class SocketLogin:
    """ASGI middleware: puts `user`, `identity`, `revoked`, perhaps `refused` in the scope."""

    def __init__(self, inner: App) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> Any:
        headers = _headers(scope)
        key = _token_key(headers, scope)
        if key is None and not _is_our_page(scope, headers):
            return await WebsocketDenier()(scope, receive, send)
        found = await database_sync_to_async(_login)(scope, headers, key)
        return await self.inner(found, receive, send)


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _token_key(headers: dict[str, str], scope: Scope) -> str | None:
    """Return the key that was given by header or subprotocol, "" where it is malformed."""
    kind, _, key = headers.get("authorization", "").partition(" ")
    if kind.lower() == "token":
        return key.strip()
    offered = [p for p in scope.get("subprotocols") or [] if p.startswith(TOKEN_PROTOCOL)]
    return offered[0].removeprefix(TOKEN_PROTOCOL) if offered else None


def _is_our_page(scope: Scope, headers: dict[str, str]) -> bool:
    """Say whether this is a page of ours, or a program that brings no session."""
    host = headers.get("host", "")
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return False
    if "origin" not in headers:
        return settings.SESSION_COOKIE_NAME not in parse_cookie(headers.get("cookie", ""))
    origin = headers["origin"]
    if origin == settings.BASE_URL:
        return True
    is_tls = scope.get("scheme") == "wss" or settings.IS_HTTPS
    return _place(origin) == _place(f"{'https' if is_tls else 'http'}://{host}")


def _place(origin: str) -> tuple[str, str, int] | None:
    """Return (scheme, host, port) of an origin, with the scheme's own port where none is said."""
    try:
        parts = urlsplit(origin)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return None
    return parts.scheme, parts.hostname or "", port


def _login(scope: Scope, headers: dict[str, str], key: str | None) -> Scope:
    client = scope.get("client") or ["unknown", 0]
    nobody = Identity(owner=f"ip:{client[0]}")
    found = {**scope, "user": AnonymousUser(), "identity": nobody, "revoked": revoked}
    if key is not None:
        return _by_token(found, key)
    session_key = parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    return _by_session(found, session_key) if session_key else found


def _by_token(scope: Scope, key: str) -> Scope:
    token = token_for(key)
    if token is None:
        return {**scope, "refused": NOT_AUTHENTICATED}
    note_use(token)
    user = token.user
    identity = Identity(owner=f"user:{user.pk}", user_id=user.pk, token_id=token.pk)
    return {**scope, "user": user, "identity": identity}


def _by_session(scope: Scope, session_key: str) -> Scope:
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    if not isinstance(user, User) or not user.is_active:
        return scope
    identity = Identity(owner=f"user:{user.pk}", user_id=user.pk, session_key=session_key)
    return {**scope, "user": user, "identity": identity}


def revoked(identities: Collection[Identity]) -> set[Identity]:
    """Return those whose user, session or token is no longer good, in three queries."""
    now = timezone.now()
    users = {
        user.pk: user
        for user in User.objects.filter(pk__in={i.user_id for i in identities}, is_active=True)
    }
    sessions = {
        row.session_key: row.get_decoded().get(HASH_SESSION_KEY, "")
        for row in Session.objects.filter(
            session_key__in={i.session_key for i in identities}, expire_date__gt=now
        )
    }
    tokens = {
        token.pk
        for token in ApiToken.objects.filter(pk__in={i.token_id for i in identities if i.token_id})
        if token.is_usable(now)
    }
    return {i for i in identities if not _holds(i, users, sessions, tokens)}


def _holds(
    identity: Identity, users: dict[int, User], sessions: dict[str, str], tokens: set[int]
) -> bool:
    user = users.get(identity.user_id or 0)
    if user is None:
        return False
    if identity.token_id is not None:
        return identity.token_id in tokens
    # A changed password makes every other session's hash wrong.
    kept = sessions.get(identity.session_key, "")
    return constant_time_compare(kept, user.get_session_auth_hash())
