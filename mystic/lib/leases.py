"""Keep the lease of work in hand, and end a process whose work is no longer wanted.

Work that was cancelled, or taken over because this process stood still too long, would be thrown
away when it is done. Where the platform that began this process is gone, its work is handed back.
"""

import faulthandler
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from django.db import close_old_connections, connection
from django.db.utils import Error as DatabaseFault

log = logging.getLogger(__name__)

RENEW_EVERY_S = 5.0
STDIN = 0
UNWANTED, ORPHANED, TOO_LONG = 3, 4, 5
"""Exit codes of a process that ended before its work did."""

_held: "set[LeaseKeeper]" = set()
_hung: dict[str, float] = {}


class LeaseKeeper:
    """Renews a lease beside the work; where it is lost or too old, ends the process.

    Parameters
    ----------
    name : str
        Of what is held, for the log.
    renew : callable
        Tells whether the work still belongs to this process.
    hand_back : callable
        Lets another process do the work; called where this one is orphaned.
    longest_s : float, optional
        After so long `expire` is called and the process ends.
    """

    def __init__(
        self,
        name: str,
        *,
        renew: Callable[[], bool],
        hand_back: Callable[[], object],
        longest_s: float | None = None,
        expire: Callable[[], object] | None = None,
    ) -> None:
        self._name, self._renew, self.hand_back = name, renew, hand_back
        self._longest_s, self._expire = longest_s, expire
        self._done = threading.Event()

    def __enter__(self) -> "LeaseKeeper":
        _held.add(self)
        _arm()
        threading.Thread(target=self._keep, name=f"lease of {self._name}", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        _held.discard(self)
        if not _held and _hung:
            faulthandler.cancel_dump_traceback_later()

    def _keep(self) -> None:
        ends_at = time.monotonic() + (self._longest_s or float("inf"))
        while not self._done.wait(RENEW_EVERY_S):
            _arm()
            try:
                is_over = time.monotonic() > ends_at
                is_ours = self._ended() if is_over else self._renew()
            except DatabaseFault as fault:
                log.warning("the lease of %s could not be renewed: %s", self._name, fault)
                close_old_connections()
                continue
            if not is_ours and not self._done.is_set():
                os._exit(TOO_LONG if is_over else UNWANTED)
        connection.close()

    def _ended(self) -> bool:
        if self._expire is not None:
            self._expire()
        return False


def end_when_hung(seconds: float) -> None:
    """End this process where its threads stand still so long while it holds a lease.

    Code in C that never gives the interpreter back would otherwise keep its place for ever: no
    thread of Python could end it.
    """
    _hung["seconds"] = seconds


def _arm() -> None:
    """Begin to count anew; a thread outside of the interpreter counts."""
    if _hung and _held:
        faulthandler.dump_traceback_later(_hung["seconds"], exit=True)


def follow_parent() -> None:
    """Hand back what is held and end, once the process that began this one is gone."""
    threading.Thread(target=_orphaned, name="parent", daemon=True).start()


def _orphaned() -> None:
    # Not by `sys.stdin`: its lock, held by a waiting thread, ends the process with an abort.
    with suppress(OSError):
        while os.read(STDIN, 4096):
            continue
    try:
        for one in tuple(_held):
            one.hand_back()
    finally:
        connection.close()
        os._exit(ORPHANED)
