"""The streamer's thread: active by the lease, begun again after a fault, drained at the end."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence

from django.conf import settings

from markets.quotes import store
from markets.registry import (
    BookRest,
    DelayedRest,
    Source,
    SourceRest,
    delayed_source,
    fallback_sources,
    first_source,
)
from markets.streaming.lease import Lease
from markets.streaming.remembering import recall, remember
from markets.streaming.session import Plan, RewoundError, Session
from markets.streaming.stocks import StockDesk, stock_desk
from markets.streaming.writer import Writer
from markets.types import TIMEFRAME_SECONDS
from mystic.lib.backoff import Backoff

log = logging.getLogger(__name__)

STOP_WITHIN_S = 4.0
# A session that lasted so long was a good one: the next fault is met as quickly as the first.
STEADY_AFTER_S = 60.0


def plan_configured(*, history_days: int | None = None) -> Plan:
    """Return what the settings ask to stream."""
    return Plan(
        symbols=tuple(settings.ENV["MYSTIC_SYMBOLS"]),
        timeframe=TIMEFRAME_SECONDS[settings.ENV["MYSTIC_TIMEFRAME"]],
        history_days=history_days or settings.ENV["MYSTIC_HISTORY_DAYS"],
    )


class Streamer:
    """Holds the market's sockets in a thread with its own loop.

    Parameters
    ----------
    on_progress : callable, optional
        Called with a sentence whenever there is something to tell; on the streamer's thread.
    plan : Plan, optional
        What to stream; by default what the settings say.
    make_first, make_fallbacks, make_delayed, make_desk : callable, optional
        Build the sources, and the desk of stocks, on the streamer's loop; by default those of
        the settings.
    """

    def __init__(
        self,
        on_progress: Callable[[str], None] | None = None,
        *,
        plan: Plan | None = None,
        make_first: Callable[[], Source[BookRest]] = first_source,
        make_fallbacks: Callable[[], Sequence[Source[SourceRest]]] = fallback_sources,
        make_delayed: Callable[[], tuple[str, DelayedRest] | None] = delayed_source,
        make_desk: Callable[[Writer, Callable[[str], None]], StockDesk] = stock_desk,
    ) -> None:
        self._on_progress = on_progress or (lambda text: None)
        self._plan = plan or plan_configured()
        self._make_first = make_first
        self._make_fallbacks = make_fallbacks
        self._make_delayed = make_delayed
        self._make_desk = make_desk
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self.is_active = False
        self.progress = ""
        self.session: Session | None = None
        self.desk: StockDesk | None = None

    def start(self) -> None:
        """Begin to stream in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name="streamer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is sealed, free the lease, end the thread; returns when that is done."""
        self._stopping.set()
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        if self._thread is not None:
            self._thread.join(STOP_WITHIN_S)

    def run(self) -> None:
        """Stream on the calling thread until `stop` is called from another one."""
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        if self._stopping.is_set():
            return
        writer = Writer()
        serve = asyncio.create_task(self._serve(writer), name="serve")
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            await asyncio.wait({serve, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (serve, stop):
                task.cancel()
            await asyncio.gather(serve, stop, return_exceptions=True)
            await writer.close()

    async def _serve(self, writer: Writer) -> None:
        lease = Lease(writer, on_waiting=self._tell)
        backoff = Backoff(base_s=1.0, cap_s=30.0)
        try:
            while True:
                began = time.monotonic()
                try:
                    await lease.acquire()
                    await self._active(writer, lease)
                except Exception:  # whatever it was, the market is asked for again
                    log.exception("the streamer could not begin, it tries again")
                if time.monotonic() - began >= STEADY_AFTER_S:
                    backoff.succeeded()
                await asyncio.sleep(backoff.next_delay_s())
        finally:
            await lease.release()

    async def _active(self, writer: Writer, lease: Lease) -> None:
        """Stream for as long as the lease is held and nothing fails."""
        await recall(writer)
        self.session = Session(
            self._plan,
            first=self._make_first(),
            fallbacks=self._make_fallbacks(),
            delayed=self._make_delayed(),
            writer=writer,
            on_progress=self._tell,
        )
        session = asyncio.create_task(self.session.run(), name="session")
        hold = asyncio.create_task(lease.hold(), name="lease")
        books = asyncio.create_task(remember(writer), name="budgets and breakers")
        stocks = asyncio.create_task(self._stocks(writer), name="stocks")
        self.is_active = store.is_local = True
        try:
            await asyncio.wait({session, hold}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.is_active = store.is_local = False
            tasks = (session, hold, books, stocks)
            for task in tasks:
                task.cancel()
            ended, *_ = await asyncio.gather(*tasks, return_exceptions=True)
            store.clear()
        if isinstance(ended, BaseExceptionGroup) and ended.subgroup(RewoundError) is not None:
            self._tell("the replay began again; so does the streamer")
        elif isinstance(ended, Exception):
            log.error("the streamer failed and begins again", exc_info=ended)

    async def _stocks(self, writer: Writer) -> None:
        """Hold the desk of stocks beside the session; its faults are its own."""
        try:
            self.desk = self._make_desk(writer, self._tell)
            await self.desk.run()
        except Exception:  # pairs are streamed without it
            log.exception("the desk of stocks ended")

    def _tell(self, text: str) -> None:
        if text != self.progress:
            self.progress = text
            self._on_progress(text)
