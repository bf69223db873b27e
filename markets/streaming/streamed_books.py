"""Order books of a source that sends them whole by its stream, then change by change.

The stream itself notices a lost frame and connects again, which brings every book whole; here a
change without a whole book before it is dropped, and a crossed book is thrown away.
"""

from collections.abc import Callable

from markets.book import BookEvent, BookStep, LocalBook
from markets.events import BookChanged, BookLost
from markets.providers.base import DepthEvent
from markets.quality import Refusals, levels_fault
from markets.quotes import store
from markets.services.quarantine import quarantine
from markets.streaming.books import view_of
from mystic.lib.bus import publish

# Every change reaches the store; the pages hear of a book at most so often.
TELL_EVERY_MS = 100


class StreamedBooks:
    """Keeps the books of one source under the instruments they are shown for.

    Parameters
    ----------
    on_lost : callable
        Called when a book crossed: the stream must bring it whole again.
    """

    def __init__(self, *, source: str, is_official: bool, on_lost: Callable[[], None]) -> None:
        self.is_showing = True
        self.refusals = Refusals(source, quarantine.note)
        self.counts = {"book_snapshots": 0, "book_resyncs": 0}
        self._source = source
        self._is_official = is_official
        self._on_lost = on_lost
        self._books: dict[int, LocalBook] = {}
        self._told_ms: dict[int, int] = {}

    def on_depth(self, instrument_id: int, event: DepthEvent) -> None:
        """Take a whole book or a change of it."""
        book = self._books.setdefault(instrument_id, LocalBook())
        fault = levels_fault(event.bids) or levels_fault(event.asks)
        if fault is not None:
            self.refusals.add(fault, kind="book", instrument_id=instrument_id, sample=event)
            self._lose(instrument_id, book, f"a level was impossible: {fault}")
            return
        if event.is_snapshot:
            self.counts["book_snapshots"] += 1
            book.reset()
            step = book.load(event.last_update_id, event.bids, event.asks)
        elif not book.is_synced:
            return
        else:
            number = book.update_id + 1
            step = book.apply(BookEvent(number, number, event.bids, event.asks))
        if step is BookStep.LOST:
            self._lose(instrument_id, book, book.fault)
        elif self.is_showing:
            self._show(instrument_id, book, event)

    def reset_all(self) -> None:
        """Throw every book away: the connection was cut, and each comes whole again."""
        for key, book in self._books.items():
            book.reset("the connection was cut")
            self._drop(key)

    def hide_all(self) -> None:
        """Take the books of this source out of sight; they are kept up to date."""
        for key in self._books:
            self._drop(key)

    def synced(self) -> int:
        return sum(book.is_synced for book in self._books.values())

    def _show(self, instrument_id: int, book: LocalBook, event: DepthEvent) -> None:
        view = view_of(instrument_id, book, event, self._source, self._is_official)
        store.put_book(view)
        if event.received_mono_ms - self._told_ms.get(instrument_id, 0) >= TELL_EVERY_MS:
            self._told_ms[instrument_id] = event.received_mono_ms
            publish(BookChanged(view))

    def _lose(self, instrument_id: int, book: LocalBook, fault: str) -> None:
        book.reset(fault)
        self.counts["book_resyncs"] += 1
        self._drop(instrument_id)
        self._on_lost()

    def _drop(self, instrument_id: int) -> None:
        """Let nobody fill on a book of this source that is no more; another's is left alone."""
        shown = store.book(instrument_id)
        if shown is not None and shown.source == self._source:
            store.drop_book(instrument_id)
            publish(BookLost(instrument_id))
