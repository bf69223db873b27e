"""One thread that writes to the database, in order, for the streamer's loop."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import InterfaceError, OperationalError, close_old_connections, connections

from mystic.lib.backoff import Backoff

log = logging.getLogger(__name__)


class Writer:
    """Runs jobs one after another in its own thread with its own database connection."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="market-writer")
        self.fault = ""

    async def run[T](self, job: Callable[[], T]) -> T:
        """Return the job's result; its faults are the caller's."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, _fresh(job))

    async def insist[T](self, job: Callable[[], T]) -> T:
        """Return the job's result, trying again for ever while the database cannot be used."""
        backoff = Backoff(base_s=0.2, cap_s=5.0)
        while True:
            try:
                result = await self.run(job)
            except (OperationalError, InterfaceError) as fault:
                if not self.fault:
                    log.warning("the database cannot be written, trying again: %s", fault)
                self.fault = f"the database cannot be written: {fault}"
                await asyncio.sleep(backoff.next_delay_s())
            else:
                self.fault = ""
                return result

    async def close(self) -> None:
        """Let the last job end and close the thread's connection."""
        await self.run(connections.close_all)
        self._executor.shutdown(wait=False)


def _fresh[T](job: Callable[[], T]) -> Callable[[], T]:
    """Return the job with dead connections closed before it."""

    def run() -> T:
        close_old_connections()
        return job()

    return run
