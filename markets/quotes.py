"""The newest quote and book of each instrument, in the memory of the process that streams."""

from collections.abc import Mapping
from dataclasses import dataclass

from markets.microstructure import BookMetrics
from markets.types import BookView, DelayedPrice, Quote
from mystic.lib.clock import monotonic_ms


@dataclass(frozen=True, slots=True)
class BookReading:
    """What a book and its trades said at `update_id`; computed in the process that streams.

    `order_flow` is the order-flow imbalance of the running minute; `delta` the cumulative volume
    delta since `delta_since_ms` (venue time, UTC epoch milliseconds). Both are in the base asset
    and None where changes or trades were missed or do not carry their side.
    """

    update_id: int
    metrics: BookMetrics
    order_flow: float | None
    delta: float | None
    delta_since_ms: int | None


class QuoteStore:
    """Newest values by instrument id; written by the streamer's loop, read from any thread.

    The values are immutable and one assignment replaces them, so a reader sees a whole quote,
    old or new, without a lock.
    """

    def __init__(self) -> None:
        self._quotes: dict[int, Quote] = {}
        self._books: dict[int, BookView] = {}
        self._readings: dict[int, BookReading] = {}
        self._delayed: dict[int, DelayedPrice] = {}
        self._symbols: dict[int, str] = {}
        self._references: dict[int, float] = {}
        self.is_local = False

    def latest(self, instrument_id: int) -> Quote | None:
        return self._quotes.get(instrument_id)

    def book(self, instrument_id: int) -> BookView | None:
        """Return the newest synchronised book, or None while there is none."""
        return self._books.get(instrument_id)

    def age_ms(self, value: Quote | BookView) -> int:
        """Return how long ago the value arrived, by the monotonic clock: never negative."""
        return max(0, monotonic_ms() - value.received_mono_ms)

    def put(self, quote: Quote) -> None:
        self._quotes[quote.instrument_id] = quote

    def drop(self, instrument_id: int) -> None:
        """Forget the quote of an instrument that is streamed no longer."""
        self._quotes.pop(instrument_id, None)

    def put_book(self, book: BookView) -> None:
        self._books[book.instrument_id] = book

    def drop_book(self, instrument_id: int) -> None:
        """Forget a book that lost its thread; nothing may be filled on it."""
        self._books.pop(instrument_id, None)
        self._readings.pop(instrument_id, None)

    def put_reading(self, instrument_id: int, reading: BookReading) -> None:
        self._readings[instrument_id] = reading

    def reading(self, instrument_id: int) -> BookReading | None:
        """Return what the newest books said, or None while there is no book."""
        return self._readings.get(instrument_id)

    def put_delayed(self, price: DelayedPrice) -> None:
        self._delayed[price.instrument_id] = price

    def delayed(self, instrument_id: int) -> DelayedPrice | None:
        """Return the delayed price that is shown while no source of quotes works."""
        return self._delayed.get(instrument_id)

    def drop_delayed(self, source: str) -> list[int]:
        """Forget the delayed prices of a source; return the instruments that had one."""
        gone = [key for key, price in self._delayed.items() if price.source == source]
        for key in gone:
            del self._delayed[key]
        return gone

    def forget_delayed(self, instrument_id: int) -> bool:
        """Forget the delayed price of one instrument, where there is one."""
        return self._delayed.pop(instrument_id, None) is not None

    def put_symbols(self, symbols: Mapping[int, str]) -> None:
        """Remember the symbols of instruments, so that no one asks the database per quote."""
        self._symbols |= symbols

    def symbol(self, instrument_id: int) -> str | None:
        return self._symbols.get(instrument_id)

    def put_references(self, closes: Mapping[int, float]) -> None:
        """Take the prices of 24 hours ago, by instrument id."""
        self._references = dict(closes)

    def change_24h(self, quote: Quote) -> float | None:
        """Return the change of 24 hours as a fraction, None where the old price is not stored."""
        reference = self._references.get(quote.instrument_id)
        if reference is None:
            return None
        newest = quote.mid if quote.last is None else quote.last
        return newest / reference - 1

    def clear(self) -> None:
        self._quotes.clear()
        self._books.clear()
        self._readings.clear()
        self._delayed.clear()


store = QuoteStore()
