"""Daphne on the main thread: bound before anything starts, drained after everything stopped."""

import logging
import socket
import threading
from collections.abc import Callable

from daphne.server import Server  # first: it installs Twisted's asyncio reactor
from django.core.asgi import get_asgi_application
from twisted.internet import defer, reactor

log = logging.getLogger(__name__)


class PortTakenError(Exception):
    """Raised with a sentence that says what to do when the address cannot be bound."""


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket, so that a taken port is known before any part starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as fault:
        listener.close()
        message = (
            f"Mystic cannot listen on {host}:{port} ({fault.strerror}). "
            f"Another program uses it; choose another with PORT={port + 1} make run"
        )
        raise PortTakenError(message) from fault
    listener.listen(256)
    return listener


def serve(
    listener: socket.socket, *, on_ready: Callable[[], None], on_stop: Callable[[], None]
) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` runs on the loop, `on_stop` in a thread.

    The parts are stopped in a "before shutdown" trigger that Twisted waits for: a plain
    `deferToThread` there never runs, so the thread fires the deferred itself.
    """
    from mystic.asgi import application

    get_asgi_application()
    server = Server(
        application,
        endpoints=[f"fd:fileno={listener.fileno()}"],
        websocket_max_message_size=64 * 1024,
        websocket_max_frame_size=64 * 1024,
        application_close_timeout=1,
        server_name="mystic",
    )

    def stop() -> defer.Deferred[None]:
        done: defer.Deferred[None] = defer.Deferred()

        def work() -> None:
            on_stop()
            reactor.callFromThread(done.callback, None)

        threading.Thread(target=work, name="stopping", daemon=True).start()
        return done

    def start() -> None:
        try:
            on_ready()
        except Exception:  # Twisted would swallow it
            log.exception("Mystic could not start its parts")
            reactor.stop()  # type: ignore[misc]

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", stop)  # type: ignore[arg-type]
    server.run()
