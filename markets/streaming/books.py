"""Order books of many instruments: events from the stream, snapshots from REST, a few at a time."""

import asyncio
import logging
from typing import Protocol

from markets.book import BookEvent, BookStep, LocalBook
from markets.events import BookChanged, BookLost
from markets.models import Instrument
from markets.providers.base import DepthEvent, DepthSnapshot
from markets.quality import Refusals, levels_fault
from markets.quotes import store
from markets.services.quarantine import quarantine
from markets.types import BookView
from mystic.lib.backoff import Backoff
from mystic.lib.bus import publish
from mystic.lib.http import SourceError

log = logging.getLogger(__name__)

SNAPSHOT_LEVELS = 1_000
VIEW_LEVELS = 20
# Quick tries while the snapshot is older than the first event; then the back-off takes over.
QUICK_TRIES = 3
QUICK_PAUSE_S = 0.3
SNAPSHOTS_AT_ONCE = 2


class DepthRest(Protocol):
    """The one request that a book needs."""

    async def depth(self, native_id: str, limit: int = ...) -> DepthSnapshot: ...


class Books:
    """Keeps the books of one venue; all methods belong to one event loop."""

    def __init__(self, rest: DepthRest, *, source: str, is_official: bool) -> None:
        self._rest = rest
        self._source = source
        self._is_official = is_official
        self._books: dict[int, LocalBook] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(SNAPSHOTS_AT_ONCE)
        # While another source is in use its books are shown; these are kept, unseen.
        self.is_showing = True
        self.refusals = Refusals(source, quarantine.note)
        self.counts = {"book_snapshots": 0, "book_resyncs": 0}

    def on_depth(self, instrument: Instrument, event: DepthEvent) -> None:
        """Apply one diff; a book that lost its thread is dropped and fetched again."""
        fault = levels_fault(event.bids) or levels_fault(event.asks)
        book = self._books.setdefault(instrument.pk, LocalBook())
        if fault is not None:
            self.refusals.add(fault, kind="book", instrument_id=instrument.pk, sample=event)
            self._lose(instrument, book, f"a level was impossible: {fault}")
            return
        step = book.apply(
            BookEvent(event.first_update_id, event.last_update_id, event.bids, event.asks)
        )
        if step is BookStep.APPLIED and self.is_showing:
            self._show(instrument, book, event)
        elif step is BookStep.LOST:
            self._lose(instrument, book, book.fault)
        if step in {BookStep.BUFFERED, BookStep.LOST}:
            self._fetch_soon(instrument, book)

    def reset_all(self) -> None:
        """Throw every book away: the connection was cut, so updates may be missing."""
        for key, book in self._books.items():
            book.reset("the connection was cut")
            self._drop(key)

    def remove(self, instrument_id: int) -> None:
        """Keep the book of an instrument that is watched no longer no more."""
        task = self._tasks.pop(instrument_id, None)
        if task is not None:
            task.cancel()
        if self._books.pop(instrument_id, None) is not None:
            self._drop(instrument_id)

    def synced(self) -> int:
        return sum(book.is_synced for book in self._books.values())

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _lose(self, instrument: Instrument, book: LocalBook, fault: str) -> None:
        if book.is_synced:
            book.reset(fault)
        self.counts["book_resyncs"] += 1
        self._drop(instrument.pk)
        log.info("the book of %s is fetched again: %s", instrument.symbol, fault)

    def _drop(self, instrument_id: int) -> None:
        """Let nobody fill on a book of this source that is no more; another's is left alone."""
        shown = store.book(instrument_id)
        if shown is None or shown.source == self._source:
            store.drop_book(instrument_id)
            publish(BookLost(instrument_id))

    def _show(self, instrument: Instrument, book: LocalBook, event: DepthEvent) -> None:
        view = view_of(instrument.pk, book, event, self._source, self._is_official)
        store.put_book(view)
        publish(BookChanged(view))

    def _fetch_soon(self, instrument: Instrument, book: LocalBook) -> None:
        task = self._tasks.get(instrument.pk)
        if task is None or task.done():
            name = f"book {instrument.symbol}"
            self._tasks[instrument.pk] = asyncio.get_running_loop().create_task(
                self._fetch(instrument, book), name=name
            )

    async def _fetch(self, instrument: Instrument, book: LocalBook) -> None:
        """Fetch snapshots until one joins the buffered events."""
        backoff = Backoff(base_s=1.0, cap_s=30.0)
        tries = 0
        while not book.is_synced:
            try:
                async with self._turns:
                    snapshot = await self._rest.depth(instrument.native_id, SNAPSHOT_LEVELS)
            except SourceError as fault:
                log.info("the book of %s: %s", instrument.symbol, fault)
                await asyncio.sleep(backoff.next_delay_s())
                continue
            self.counts["book_snapshots"] += 1
            step = book.load(snapshot.last_update_id, snapshot.bids, snapshot.asks)
            if step is BookStep.SYNCED:
                return
            tries += 1
            pause_s = QUICK_PAUSE_S if tries < QUICK_TRIES else backoff.next_delay_s()
            await asyncio.sleep(pause_s)


def view_of(
    instrument_id: int,
    book: LocalBook,
    event: DepthEvent,
    source: str,
    is_official: bool,  # noqa: FBT001  a value, not a switch
) -> BookView:
    """Return what a book shows after an event."""
    bids, asks = book.view(VIEW_LEVELS)
    return BookView(
        instrument_id,
        bids,
        asks,
        book.update_id,
        source,
        is_official,
        event.event_ms,
        event.received_at_ms,
        event.received_mono_ms,
    )
