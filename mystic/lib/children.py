"""Work in a process of its own that ends with the one that began it.

The child is tied to its parent by its standard input: where the parent ends, however it ends, the
child reads the end of it (`mystic.lib.leases.follow_parent`), hands its work back and ends too.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from django.db import connection

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]

type Process = subprocess.Popen[bytes]
type Ended = Callable[[int | None], None]
"""Told the exit code; None where the child took too long and was ended."""


def child_begin(
    words: Sequence[str],
    *,
    name: str,
    ended: Ended,
    longest_s: float | None = None,
    kept_files: Sequence[int] = (),
) -> Process:
    """Begin `manage.py <words>` beside this process; return at once.

    Parameters
    ----------
    name : str
        Of the thread that waits for its end.
    ended : callable
        Called in that thread.
    kept_files : sequence of int
        File descriptors that stay open in the child, such as a lock.

    Raises
    ------
    OSError
        Where no process can be begun.
    """
    process = subprocess.Popen(  # noqa: S603  our own command; the words are our own
        (sys.executable, "manage.py", *words),
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=tuple(kept_files),
    )
    threading.Thread(
        target=_watch, args=(process, name, ended, longest_s), name=name, daemon=True
    ).start()
    return process


def _watch(process: Process, name: str, ended: Ended, longest_s: float | None) -> None:
    """Wait for the end of a child and tell of it."""
    try:
        ended(_wait(process, longest_s))
    except Exception:
        log.exception("the end of a child was not seen", extra={"child": name})
    finally:
        connection.close()


def _wait(process: Process, longest_s: float | None) -> int | None:
    try:
        return process.wait(longest_s)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        return None
    finally:
        if process.stdin is not None:
            process.stdin.close()
