"""Nothing outside of this machine is contacted: not by a test, not by a process that one starts.

`begin` puts a hook below every socket of this process that refuses other addresses and names for
as long as the process lives. Through `PYTHONPATH` each child loads `sitecustomize.py` beside this
file, which does the same there. What was tried is written to a file; a run that tried fails.
"""

import contextlib
import ipaddress
import os
import socket
import sys
from pathlib import Path

TRIED = "OUTSIDE_TRIED"  # the variable that names the file
PROBE = "192.0.2.1"  # kept for documentation; the test of this very hook dials it
NAMES = {"", "localhost", "localhost.localdomain", "ip6-localhost", socket.gethostname()}
CONNECTING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
RESOLVING = {"socket.getaddrinfo", "socket.gethostbyname"}


class OutsideError(ConnectionRefusedError):
    """Raised in place of a connection that would leave this machine."""


def is_here(host: object) -> bool:
    """Tell whether an address or a name is this machine's own."""
    if host is None:
        return True
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
    address = _address(name.partition("%")[0])
    if address is None:
        return name.lower() in NAMES
    return address.is_loopback or address.is_unspecified


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address as a resolver does: `127.1` and `2130706433` are addresses, not names."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(name)
    with contextlib.suppress(OSError):
        return ipaddress.IPv4Address(socket.inet_aton(name))
    return None


def _host(event: str, args: tuple[object, ...]) -> object:
    """Return where an audited call wants to go; None is nowhere else."""
    if event in RESOLVING:
        return args[0]
    address = args[1] if event in CONNECTING else None
    return address[0] if isinstance(address, tuple) else None


def _look(event: str, args: tuple[object, ...]) -> None:
    if event not in CONNECTING and event not in RESOLVING:
        return
    host = _host(event, args)
    if is_here(host):
        return
    if host != PROBE:
        with Path(os.environ[TRIED]).open("a") as file:
            during = os.environ.get("PYTEST_CURRENT_TEST", "no test")
            file.write(f"{event} {host!r} in {' '.join(sys.argv)} during {during}\n")
    raise OutsideError(f"{host!r} is outside of this machine")


def begin() -> None:
    """Refuse from now on; there is no way back."""
    sys.addaudithook(_look)
