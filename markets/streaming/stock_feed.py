"""What is heard of stocks: polled prices and frames of a stream become quotes and bars."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from markets.events import DelayedPricesGone, DelayedPriceTold, QuoteChanged, TradeSeen
from markets.models import Instrument
from markets.providers.base import (
    BookTickerEvent,
    DepthEvent,
    KlineEvent,
    StreamState,
    TickerRow,
    TradeEvent,
)
from markets.quality import Refusals, price_fault, quote_fault, trade_fault
from markets.quotes import store
from markets.services.quarantine import quarantine
from markets.sessions import Calendar
from markets.streaming.feed import quote_of
from markets.streaming.series import SeriesKeeper
from markets.streaming.stock_rest import HoursRest
from markets.types import DelayedPrice, Quote, TradeTick
from mystic.lib.bus import publish
from mystic.lib.clock import monotonic_ms, now_ms

# A frame that is later than this comes from a delayed feed, not over a slow line.
DELAYED_MS = 60_000


def quote_polled(
    instrument_id: int,
    row: TickerRow,
    *,
    source: str,
    is_official: bool,
) -> Quote | None:
    """Return the quote that a polled price is, or None where bid, ask or their time is missing.

    Its age counts from its own time, not from its arrival: what was late when it came is old, and
    an old quote fills no order. A size that was not told is nought: nothing can be taken from it.
    """
    if row.bid is None or row.ask is None or row.as_of_ms is None:
        return None
    wall = now_ms()
    late_ms = max(0, wall - row.as_of_ms)
    return Quote(
        instrument_id,
        row.bid,
        row.bid_size or 0.0,
        row.ask,
        row.ask_size or 0.0,
        None if price_fault(row.last) else row.last,
        source,
        is_official,
        row.as_of_ms,
        wall,
        monotonic_ms() - late_ms,
        is_delayed=row.is_delayed,
    )


def tell_last(instrument_id: int, row: TickerRow, *, source: str, is_official: bool) -> None:
    """Keep and publish a price that came without bid and ask: it is shown and fills nothing."""
    if price_fault(row.last) is not None:
        return
    price = DelayedPrice(
        instrument_id,
        row.last,
        source,
        is_official,
        is_cross_rate=False,
        as_of_ms=row.as_of_ms,
        received_at_ms=now_ms(),
        received_mono_ms=monotonic_ms(),
    )
    store.put_delayed(price)
    publish(DelayedPriceTold(price))


def tell(quote: Quote) -> bool:
    """Keep and publish a quote, unless a newer one of the same instrument is kept."""
    kept = store.latest(quote.instrument_id)
    if kept is not None and kept.received_mono_ms > quote.received_mono_ms:
        return False
    store.put(quote)
    if store.forget_delayed(quote.instrument_id):
        publish(DelayedPricesGone((quote.instrument_id,)))
    publish(QuoteChanged(quote))
    return True


class StockFeed:
    """The handler of a stream of stocks; every method is called on the stream's loop."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        *,
        rest: HoursRest,
        keeper: SeriesKeeper,
        calendar: Callable[[], Calendar],
        on_state: Callable[[StreamState, str], None],
    ) -> None:
        self.refusals = Refusals(rest.source, quarantine.note)
        self.counts = dict.fromkeys(("quotes", "trades", "klines", "outside_hours"), 0)
        # By the source's own name; replaced as a whole when the lists change.
        self.instruments = dict(instruments)
        self._rest = rest
        self._keeper = keeper
        self._calendar = calendar
        self._on_state = on_state
        self._last: dict[int, float] = {}

    def on_bad_frame(self, reason: str, raw: bytes) -> None:
        """Keep the beginning of a frame that could not be used."""
        self.refusals.add(reason, kind="frame", sample=raw)

    def on_book_ticker(self, event: BookTickerEvent) -> None:
        instrument = self.instruments.get(event.native_id)
        fault = quote_fault(event.bid, event.bid_size, event.ask, event.ask_size)
        if fault is not None:
            key = 0 if instrument is None else instrument.pk
            self.refusals.add(fault, kind="quote", instrument_id=key, sample=event)
        if instrument is None or fault is not None:
            return
        self.counts["quotes"] += 1
        last = self._last.get(instrument.pk) if event.last is None else event.last
        quote = quote_of(instrument.pk, event, self._rest.source, self._rest.is_official, last)
        late_ms = 0 if event.event_ms is None else event.received_at_ms - event.event_ms
        if late_ms > DELAYED_MS:
            mono_ms = event.received_mono_ms - late_ms
            quote = replace(quote, is_delayed=True, received_mono_ms=mono_ms)
        self._heard(event.event_ms)
        tell(quote)

    def on_trade(self, event: TradeEvent) -> None:
        instrument = self.instruments.get(event.native_id)
        fault = trade_fault(event.price, event.quantity)
        if fault is not None:
            key = 0 if instrument is None else instrument.pk
            self.refusals.add(fault, kind="trade", instrument_id=key, sample=event)
        if instrument is None or fault is not None:
            return
        self.counts["trades"] += 1
        self._last[instrument.pk] = event.price
        self._heard(event.event_ms)
        trade = TradeTick(
            instrument.pk,
            event.trade_id,
            event.price,
            event.quantity,
            event.is_sell,
            self._rest.source,
            event.event_ms,
            event.received_at_ms,
        )
        publish(TradeSeen(trade))

    def on_kline(self, event: KlineEvent) -> None:
        instrument = self.instruments.get(event.native_id)
        if instrument is None or not event.is_closed:
            return
        if not self._calendar().has_open(event.open_time, event.open_time + event.timeframe):
            self.counts["outside_hours"] += 1
            return
        self.counts["klines"] += 1
        self._heard(min(event.event_ms, (event.open_time + event.timeframe) * 1000))
        self._keeper.on_kline(instrument.pk, event)

    def on_depth(self, event: DepthEvent) -> None:
        """Sources of stocks give no books."""

    def on_connected(self, *, is_overlap: bool) -> None:
        """After a cut ask for the bars that may be missing."""
        if not is_overlap:
            self._keeper.catch_up_all()

    def on_state(self, state: StreamState, reason: str) -> None:
        self._on_state(state, reason)

    def counters(self) -> dict[str, int]:
        return {**self.counts, **self.refusals.as_dict()}

    def _heard(self, event_ms: int | None) -> None:
        if event_ms is not None:
            self._rest.heard(event_ms // 1000)
            self._keeper.clock.heard(event_ms)
