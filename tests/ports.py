"""Ports on loopback that stay free until the process that is to listen there does.

The kernel gives ports of one range to whoever names none, outgoing connections among them; here
are ports outside of it. A lock on a file claims each for as long as this process lives, so that
workers and runs beside each other never share one.
"""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

KERNELS = Path("/proc/sys/net/ipv4/ip_local_port_range")
FIRST, LAST = 20_000, 65_535
ENOUGH = 1_000

_claims: list[IO[str]] = []


def own_range(kernels: str) -> range:
    """Return the ports that the kernel, which says its first and last, gives to nobody."""
    first, last = (int(word) for word in kernels.split())
    below, above = range(FIRST, min(first, LAST + 1)), range(max(FIRST, last + 1), LAST + 1)
    widest = max(below, above, key=len)
    return widest if len(widest) >= ENOUGH else range(FIRST, LAST + 1)


def _is_claimed(port: int) -> bool:
    folder = Path(tempfile.gettempdir()) / f"mystic-test-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = (folder / str(port)).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    _claims.append(file)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port that is free now and that no other test is given while this process lives."""
    ports = own_range(KERNELS.read_text() if KERNELS.exists() else f"{LAST} {LAST}")
    dice = random.SystemRandom()
    for port in dice.sample(ports, len(ports)):
        if _is_claimed(port) and _is_free(port):
            return port
    raise OSError(f"no free port from {ports.start} to {ports.stop - 1}")
