"""What a stream's frames become: quotes, books, trades, forming bars and closed ones."""

import logging
from collections.abc import Callable, Mapping

from markets.events import BarForming, QuoteChanged, TradeSeen
from markets.models import Instrument
from markets.providers.base import (
    BookTickerEvent,
    DepthEvent,
    KlineEvent,
    StreamState,
    TradeEvent,
)
from markets.quality import Refusals, price_fault, quantity_fault, quote_fault, trade_fault
from markets.quotes import store
from markets.services.quarantine import quarantine
from markets.streaming.books import Books
from markets.streaming.series import SeriesKeeper
from markets.streaming.venue_clock import VenueClock
from markets.types import FormingBar, Quote, TradeTick
from mystic.lib.bus import publish

log = logging.getLogger(__name__)


class Feed:
    """The handler of the first source's stream; every method is called on the stream's loop."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        *,
        source: str,
        is_official: bool,
        clock: VenueClock,
        keeper: SeriesKeeper,
        books: Books,
        on_state: Callable[[StreamState, str], None],
    ) -> None:
        self.instruments = dict(instruments)
        self.source = source
        self.is_official = is_official
        self.is_quoting = True
        self.refusals = Refusals(source, quarantine.note)
        self.counts = dict.fromkeys(("quotes", "trades", "klines", "depths", "unknown_symbols"), 0)
        self._clock = clock
        self._keeper = keeper
        self._books = books
        self._on_state = on_state
        self._last: dict[int, float] = {}

    def on_state(self, state: StreamState, reason: str) -> None:
        self._on_state(state, reason)

    def on_connected(self, *, is_overlap: bool) -> None:
        """After a cut ask for missing bars and fetch the books again; an overlap missed nothing."""
        if is_overlap:
            return
        self._books.reset_all()
        self._keeper.catch_up_all()

    def on_bad_frame(self, reason: str, raw: bytes) -> None:
        """Keep the beginning of a frame that could not be used."""
        self.refusals.add(reason, kind="frame", sample=raw)

    def on_book_ticker(self, event: BookTickerEvent) -> None:
        instrument = self._known(event.native_id)
        if instrument is None or not self.is_quoting:
            return
        fault = quote_fault(event.bid, event.bid_size, event.ask, event.ask_size)
        if fault is not None:
            self.refusals.add(fault, kind="quote", instrument_id=instrument.pk, sample=event)
            return
        if event.event_ms is not None:
            self._clock.heard(event.event_ms)
        self.counts["quotes"] += 1
        last = self._last.get(instrument.pk) if event.last is None else event.last
        quote = quote_of(instrument.pk, event, self.source, self.is_official, last)
        store.put(quote)
        publish(QuoteChanged(quote))

    def on_trade(self, event: TradeEvent) -> None:
        instrument = self._known(event.native_id)
        if instrument is None:
            return
        fault = trade_fault(event.price, event.quantity)
        if fault is not None:
            self.refusals.add(fault, kind="trade", instrument_id=instrument.pk, sample=event)
            return
        self.counts["trades"] += 1
        self._clock.heard(event.event_ms)
        self._last[instrument.pk] = event.price
        trade = TradeTick(
            instrument.pk,
            event.trade_id,
            event.price,
            event.quantity,
            event.is_sell,
            self.source,
            event.event_ms,
            event.received_at_ms,
        )
        publish(TradeSeen(trade))

    def on_depth(self, event: DepthEvent) -> None:
        instrument = self._known(event.native_id)
        if instrument is None:
            return
        self.counts["depths"] += 1
        self._clock.heard(event.event_ms)
        self._books.on_depth(instrument, event)

    def on_kline(self, event: KlineEvent) -> None:
        instrument = self._known(event.native_id)
        if instrument is None:
            return
        self.counts["klines"] += 1
        self._clock.heard(event.event_ms)
        if event.is_closed:
            self._keeper.on_kline(instrument.pk, event)
            return
        fault = price_fault(event.open, event.high, event.low, event.close)
        fault = fault or quantity_fault(event.volume)
        if fault is not None:
            self.refusals.add(fault, kind="bar", instrument_id=instrument.pk, sample=event)
            return
        bar = FormingBar(
            instrument.pk,
            event.timeframe,
            event.open_time,
            event.open,
            event.high,
            event.low,
            event.close,
            event.volume,
            self.source,
            event.received_at_ms,
        )
        publish(BarForming(bar))

    def counters(self) -> dict[str, int]:
        """Return what was counted, with what was refused and why."""
        return {
            **self.counts,
            **self.refusals.as_dict(),
            **self._books.counts,
            **self._books.refusals.as_dict(),
            "books_synced": self._books.synced(),
        }

    def _known(self, native_id: str) -> Instrument | None:
        instrument = self.instruments.get(native_id)
        if instrument is None:
            self.counts["unknown_symbols"] += 1
        return instrument


def quote_of(
    instrument_id: int,
    event: BookTickerEvent,
    source: str,
    is_official: bool,  # noqa: FBT001  a value, not a switch
    last: float | None,
) -> Quote:
    """Return the quote that a best bid and ask tell."""
    return Quote(
        instrument_id,
        event.bid,
        event.bid_size,
        event.ask,
        event.ask_size,
        last,
        source,
        is_official,
        event.event_ms,
        event.received_at_ms,
        event.received_mono_ms,
    )
