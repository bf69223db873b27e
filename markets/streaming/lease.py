"""One streamer is active: it holds a row; the others watch the row's beats and wait."""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable

from django.db import DatabaseError

from markets.models import StreamLease
from markets.services import lease_claim, lease_release, lease_renew
from markets.streaming.writer import Writer

log = logging.getLogger(__name__)

NAME = "markets"
RENEW_EVERY_S = 2.0
# Beats that stand still for so long belong to a dead holder.
DEAD_AFTER_S = 7.0
# A holder that cannot renew gives up before anyone else can take over.
GIVE_UP_AFTER_S = 5.0
LOOK_EVERY_S = 1.0


class Lease:
    """A streamer's claim to be the active one."""

    def __init__(self, writer: Writer, *, on_waiting: Callable[[str], None]) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._writer = writer
        self._on_waiting = on_waiting

    async def acquire(self) -> None:
        """Wait until this streamer is the active one."""
        seen: int | None = None
        since = 0.0
        while True:
            dead = seen if seen is not None and time.monotonic() - since >= DEAD_AFTER_S else None
            if await self._writer.insist(lambda dead=dead: self._claim(dead)):  # type: ignore[misc]
                return
            row = await self._writer.insist(StreamLease.objects.filter(name=NAME).first)
            if row is not None and row.beats != seen:
                seen, since = row.beats, time.monotonic()
                self._on_waiting(f"standby: the streamer {row.holder} is active")
            await asyncio.sleep(LOOK_EVERY_S)

    async def hold(self) -> None:
        """Renew the lease; return when it is lost."""
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            try:
                async with asyncio.timeout(GIVE_UP_AFTER_S):
                    is_mine = await self._writer.run(
                        lambda: lease_renew(name=NAME, holder=self.holder)
                    )
            except (DatabaseError, TimeoutError) as fault:
                log.warning("the streamer's lease could not be renewed: %s", fault)
                if time.monotonic() - renewed >= GIVE_UP_AFTER_S:
                    return
                continue
            if not is_mine:
                log.warning("another streamer took the lease")
                return
            renewed = time.monotonic()

    async def release(self) -> None:
        await self._writer.run(lambda: lease_release(name=NAME, holder=self.holder))

    def _claim(self, dead_beats: int | None) -> bool:
        if dead_beats is None:
            row = StreamLease.objects.filter(name=NAME).first()
            if row is not None and _is_dead(row.holder):
                dead_beats = row.beats
        return lease_claim(name=NAME, holder=self.holder, seen_beats=dead_beats)


def _is_dead(holder: str) -> bool:
    """Tell whether the holder was a process of this machine that is no more."""
    host, _, rest = holder.partition(":")
    number = rest.partition(":")[0]
    if host != socket.gethostname() or not number.isdigit() or int(number) == os.getpid():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
