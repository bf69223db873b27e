"""What each minute of an order book and its trades was like; listens on the streamer's loop.

A listener here only adds up numbers; the rows are written by the streamer's writer, every few
seconds, and lost ones are lost: a minute that cannot be kept any longer is dropped and counted.
"""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field

from markets.events import BookChanged, BookLost, QuoteChanged, TradeSeen
from markets.microstructure import BookMetrics, CumulativeDelta, OrderFlow, Touch, book_metrics
from markets.quotes import BookReading, store
from markets.services.book_stats import BookMinute, book_stats_write
from markets.streaming.writer import Writer
from markets.types import BookView

log = logging.getLogger(__name__)

MINUTE_S = 60
WRITE_EVERY_S = 2.0
# A database that is away for long must not cost the memory of the streamer.
MOST_WAITING = 20_000
# A frame this much older than the running minute is a clock that was set, not a late frame.
LATEST_FRAME_S = 120


@dataclass(slots=True)
class Running:
    """Sums of one minute; `is_whole` while every trade and change of it was heard."""

    open_time: int
    source: str
    is_whole: bool
    is_sided: bool = True
    samples: int = 0
    spread: float = 0.0
    imbalance: float = 0.0
    micro_offset: float = 0.0
    bid_depth: float = 0.0
    ask_depth: float = 0.0
    void_above: float | None = None
    void_below: float | None = None
    order_flow: float = 0.0
    bought: float = 0.0
    sold: float = 0.0

    def add(self, metrics: BookMetrics) -> None:
        self.samples += 1
        self.spread += metrics.spread_bps / 10_000
        self.imbalance += metrics.imbalance
        self.micro_offset += metrics.micro_offset
        self.bid_depth += metrics.bid_depth
        self.ask_depth += metrics.ask_depth
        above, below = metrics.void_above, metrics.void_below
        if above is not None:
            self.void_above = _least(self.void_above, above.distance)
        if below is not None:
            self.void_below = _least(self.void_below, below.distance)

    def as_row(self, instrument_id: int) -> BookMinute:
        """Return the means of the minute; what was not heard whole is None."""
        count = self.samples

        def mean(total: float) -> float | None:
            return total / count if count else None

        is_counted = self.is_whole and self.is_sided
        return BookMinute(
            instrument_id=instrument_id,
            open_time=self.open_time,
            spread=mean(self.spread),
            imbalance=mean(self.imbalance),
            micro_offset=mean(self.micro_offset),
            bid_depth=mean(self.bid_depth),
            ask_depth=mean(self.ask_depth),
            order_flow_imbalance=self.order_flow if self.is_whole and count else None,
            void_above=self.void_above,
            void_below=self.void_below,
            buy_volume=self.bought if is_counted else None,
            sell_volume=self.sold if is_counted else None,
            samples=count,
            source=self.source,
        )


@dataclass(slots=True)
class Watched:
    """One instrument: its running minute and what goes on over minutes."""

    minute: Running | None = None
    flow: OrderFlow = field(default_factory=OrderFlow)
    delta: CumulativeDelta = field(default_factory=CumulativeDelta)
    is_sided: bool = True
    whole_from: int | None = None

    def cut(self) -> None:
        """Begin the flows anew; the minute that runs when the next frame comes is not whole."""
        self.flow.cut()
        self.delta.cut()
        self.whole_from = None


class BookStats:
    """Collects the books and trades of one venue; all methods belong to the streamer's loop."""

    def __init__(self) -> None:
        self._watched: dict[int, Watched] = {}
        self._done: OrderedDict[tuple[int, int], BookMinute] = OrderedDict()
        self._ripe: list[tuple[int, int]] = []
        self.dropped = 0

    def on_book(self, event: BookChanged) -> None:
        """Measure the book and add it to its minute."""
        book = event.book
        one = self._of(book.instrument_id)
        metrics = book_metrics(book.bids, book.asks)
        if metrics is None:
            return
        as_of_ms = book.received_at_ms if book.as_of_ms is None else book.as_of_ms
        minute = self._minute(book.instrument_id, one, as_of_ms, book.source)
        if minute is not None:
            minute.add(metrics)
        store.put_reading(book.instrument_id, _reading(book, one, metrics))

    def on_quote(self, event: QuoteChanged) -> None:
        """Add the change of the best prices to the flow of the running minute."""
        quote = event.quote
        one = self._watched.get(quote.instrument_id)
        if one is None or one.minute is None or quote.source != one.minute.source:
            return
        touch = Touch(quote.bid, quote.bid_size, quote.ask, quote.ask_size)
        one.minute.order_flow += one.flow.add(touch)

    def on_trade(self, event: TradeSeen) -> None:
        """Add a trade to its minute and to the cumulative delta."""
        trade = event.trade
        one = self._of(trade.instrument_id)
        minute = self._minute(trade.instrument_id, one, trade.as_of_ms, trade.source)
        if trade.is_sell is None:
            one.is_sided = False
            if minute is not None:
                minute.is_sided = False
            return
        one.is_sided = True
        one.delta.add(trade.quantity, is_sell=trade.is_sell, as_of_ms=trade.as_of_ms)
        if minute is not None and trade.is_sell:
            minute.sold += trade.quantity
        elif minute is not None:
            minute.bought += trade.quantity

    def on_lost(self, event: BookLost) -> None:
        """Note that something of the running minute is missing."""
        one = self._watched.get(event.instrument_id)
        if one is None:
            return
        one.cut()
        if one.minute is not None:
            one.minute.is_whole = False

    def take(self) -> list[BookMinute]:
        """Return the minutes that were over at the last call: by now no frame of them is late."""
        rows = [self._done.pop(key) for key in self._ripe if key in self._done]
        self._ripe = list(self._done)
        return rows

    def reset(self) -> None:
        """Begin anew, as a session of the streamer does."""
        self._watched.clear()
        self._done.clear()
        self._ripe.clear()

    async def run(self, writer: Writer) -> None:
        """Write what is over until cancelled; never in the way of a listener."""
        while True:
            rows = self.take()
            if rows:
                await writer.insist(lambda rows=rows: book_stats_write(rows))  # type: ignore[misc]
            await asyncio.sleep(WRITE_EVERY_S)

    def _of(self, instrument_id: int) -> Watched:
        one = self._watched.get(instrument_id)
        if one is None:
            one = self._watched[instrument_id] = Watched()
        return one

    def _minute(
        self, instrument_id: int, one: Watched, as_of_ms: int, source: str
    ) -> Running | None:
        """Return the minute of a moment by the venue's clock; None for one that is over."""
        open_time = as_of_ms // 1000 // MINUTE_S * MINUTE_S
        minute = one.minute
        if minute is not None and minute.source == source:
            if open_time == minute.open_time:
                if one.whole_from is None:
                    one.whole_from = open_time + MINUTE_S
                return minute
            if minute.open_time - LATEST_FRAME_S <= open_time < minute.open_time:
                # A frame that came after its minute was closed: that minute is not whole.
                self._spoil(instrument_id, open_time)
                return None
            self._close(instrument_id, minute)
        elif minute is not None:
            one.cut()
        if one.whole_from is None:
            # The first minute was joined while it ran.
            one.whole_from = open_time + MINUTE_S
        one.minute = Running(open_time, source, is_whole=open_time >= one.whole_from)
        return one.minute

    def _close(self, instrument_id: int, minute: Running) -> None:
        row = minute.as_row(instrument_id)
        if row.samples == 0 and row.buy_volume is None:
            return  # trades without a book or a side say nothing here
        self._done[instrument_id, minute.open_time] = row
        while len(self._done) > MOST_WAITING:
            self._done.popitem(last=False)
            self.dropped += 1

    def _spoil(self, instrument_id: int, open_time: int) -> None:
        row = self._done.get((instrument_id, open_time))
        if row is not None:
            self._done[instrument_id, open_time] = row.without_flows()


def _reading(book: BookView, one: Watched, metrics: BookMetrics) -> BookReading:
    minute, delta = one.minute, one.delta
    is_whole = minute is not None and minute.is_whole
    is_counted = one.is_sided and delta.since_ms is not None
    return BookReading(
        book.update_id,
        metrics,
        minute.order_flow if minute is not None and is_whole else None,
        delta.value if is_counted else None,
        delta.since_ms if is_counted else None,
    )


def _least(known: float | None, value: float) -> float:
    return value if known is None else min(known, value)


stats = BookStats()
