"""Every open socket of this process: how many a person has, who is still there, who left.

One task per process looks at all of them each second: it asks each for a sign of life, closes
those that give none, and closes within seconds those whose login ended elsewhere.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from channels.db import database_sync_to_async

from mystic.lib.live_client import Client, system_message

log = logging.getLogger(__name__)

SOCKETS_PER_OWNER = 20
HEARTBEAT_EVERY_S = 30.0
SILENT_FOR_S = 60.0
LOGINS_EVERY_S = 3.0
NOT_AUTHENTICATED, TIMED_OUT = 4401, 4408


@dataclass(frozen=True, slots=True)
class Identity:
    """Who opened a socket and by what: a session, a token, or nothing."""

    owner: str
    user_id: int | None = None
    session_key: str = ""
    token_id: int | None = None


class Socket(Protocol):
    """What this module needs of a consumer."""

    client: Client | None
    heartbeat_at: float
    scope: dict[str, Any]

    @property
    def identity(self) -> Identity: ...

    async def shut(self, code: int) -> None: ...


# Given by whoever knows users: from identities to those whose login has ended.
type Revoked = Callable[[Collection[Identity]], set[Identity]]

sockets: set[Any] = set()
_owners: Counter[str] = Counter()
_watcher: asyncio.Task[None] | None = None


def has_room(owner: str) -> bool:
    return _owners[owner] < SOCKETS_PER_OWNER


def enter(socket: Socket) -> None:
    """Count the socket and watch it from now on."""
    global _watcher  # noqa: PLW0603  one task per process, on the server's loop
    loop = asyncio.get_running_loop()
    sockets.add(socket)
    _owners[socket.identity.owner] += 1
    socket.heartbeat_at = loop.time()
    if _watcher is None or _watcher.done() or _watcher.get_loop() is not loop:
        _watcher = loop.create_task(_watch(loop))


def leave(socket: Socket) -> None:
    if socket in sockets:
        sockets.discard(socket)
        owner = socket.identity.owner
        _owners[owner] -= 1
        if _owners[owner] <= 0:
            del _owners[owner]


async def is_revoked(socket: Socket) -> bool:
    """Ask the database whether the login of this socket has ended."""
    revoked: Revoked | None = socket.scope.get("revoked")
    if revoked is None:
        return False
    ended: set[Identity] = await database_sync_to_async(revoked)([socket.identity])
    return bool(ended)


async def _watch(loop: asyncio.AbstractEventLoop) -> None:
    checked_at = loop.time()
    while sockets:
        await asyncio.sleep(min(1.0, LOGINS_EVERY_S))
        try:
            await _look(loop.time())
            if loop.time() - checked_at >= LOGINS_EVERY_S:
                checked_at = loop.time()
                await _close_ended()
        except Exception:
            log.exception("the watch over open sockets failed, it goes on")


async def _look(now: float) -> None:
    """Ask for a sign of life where it is due; give up on those long silent."""
    for socket in tuple(sockets):
        client = socket.client
        if client is None:
            continue
        if now - client.last_sign_at >= SILENT_FOR_S:
            await _shut(socket, TIMED_OUT)
        elif now - socket.heartbeat_at >= HEARTBEAT_EVERY_S:
            socket.heartbeat_at = now
            client.reply(system_message("heartbeat", {}))


async def _close_ended() -> None:
    known = [s for s in tuple(sockets) if s.identity.user_id is not None]
    if not known:
        return
    revoked: Revoked | None = known[0].scope.get("revoked")
    if revoked is None:
        return
    ended = await database_sync_to_async(revoked)({s.identity for s in known})
    for socket in known:
        if socket.identity in ended:
            await _shut(socket, NOT_AUTHENTICATED)


async def _shut(socket: Socket, code: int) -> None:
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(socket.shut(code), 2.0)
