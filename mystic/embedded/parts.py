"""The parts that run beside the web server, each in threads of its own."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from celery import Celery
from celery.beat import EmbeddedService
from celery.worker import state as worker_state

log = logging.getLogger(__name__)
STOP_PATIENCE_S = 4.0


class Part(Protocol):
    """Something that starts its own threads and can be stopped from any other."""

    name: str

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Simple:
    """A part made of two functions."""

    def __init__(self, name: str, start: Callable[[], None], stop: Callable[[], None]) -> None:
        self.name = name
        self.start = start
        self.stop = stop


class CeleryWorker:
    """The Celery worker as threads of this process.

    It is built and started inside its own thread: Celery's Django fixup closes connections when
    a worker is made, which the thread of the event loop refuses.
    """

    name = "worker"

    def __init__(self, app: Celery, concurrency: int = 4) -> None:
        self.app = app
        self.concurrency = concurrency
        self.thread = threading.Thread(target=self._run, name="celery-worker", daemon=True)

    def _run(self) -> None:
        worker_state.should_stop = None
        worker: Any = self.app.WorkController(
            pool="threads",
            concurrency=self.concurrency,
            loglevel="WARNING",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        """Take no new task and wait for those that run.

        The worker's own loop notices only seconds later; its thread is a daemon, and what it left
        in the queue has rows that the next start finds.
        """
        worker_state.should_stop = 0
        deadline = time.monotonic() + STOP_PATIENCE_S
        while worker_state.active_requests and time.monotonic() < deadline:
            self.thread.join(0.05)


class CeleryBeat:
    """Celery's scheduler as a thread; its schedule is in the settings, it keeps no file."""

    name = "beat"

    def __init__(self, app: Celery) -> None:
        self.service: Any = EmbeddedService(app, thread=True, scheduler_cls="celery.beat:Scheduler")
        self.service.daemon = True

    def start(self) -> None:
        self.service.start()

    def stop(self) -> None:
        self.service.stop()
        self.service.join(STOP_PATIENCE_S)


def stop_all(parts: list[Part]) -> None:
    """Stop every part at once, so that the slowest decides how long it takes."""
    threads = [threading.Thread(target=_stop, args=(part,), daemon=True) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(STOP_PATIENCE_S)


def _stop(part: Part) -> None:
    try:
        part.stop()
    except Exception:
        log.exception("%s did not stop cleanly", part.name)
