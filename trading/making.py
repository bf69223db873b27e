"""The desk of the market makers, inside the process that streams.

A quote or a trade costs a look into memory. At most once in `refresh_ms` a maker's orders are
looked at, by one worker thread of its own, so that no stop waits for it. Nothing here is kept:
what runs is read from the rows every second, and a start begins without any order. Of several
processes only the one that streams has seats; one that waits for the lease leaves orders alone.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import close_old_connections, connections

from markets.events import BookLost, QuoteChanged, TradeSeen
from markets.models import Instrument
from markets.quotes import store
from markets.selectors import closed_reason
from markets.selectors_sources import pause_reason
from mystic.lib.clock import monotonic_ms, now_ms
from mystic.lib.units import price_units
from signals.making import Grid, Maker, MarketNow, Parameters, Wanted
from trading.execution.fees import PAPER
from trading.execution.fills import MarketView
from trading.models import MarketMaker
from trading.services.making import maker_tend, makers_clear, orphans_clear

log = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0


def parameters_of(row: MarketMaker) -> Parameters:
    """Return the parameters that a row holds."""
    return Parameters(row.order_size, row.max_inventory, **row.params)


def market_now(instrument: Instrument, view: MarketView) -> MarketNow | None:
    """Return the market of an instrument, None without a quote and a book that is in step.

    It is as old as the older of both.
    """
    quote, book = view.latest(instrument.pk), view.book(instrument.pk)
    if quote is None or book is None:
        return None
    reading = store.reading(instrument.pk)
    metrics = None if reading is None else reading.metrics
    return MarketNow(
        at_ms=now_ms(),
        bid=price_units(quote.bid, instrument.price_scale),
        ask=price_units(quote.ask, instrument.price_scale),
        age_ms=max(view.age_ms(quote), view.age_ms(book)),
        pause_reason=pause_reason(instrument.pk),
        closed_reason=closed_reason(instrument),
        void_below=None if metrics is None else metrics.void_below,
        void_above=None if metrics is None else metrics.void_above,
    )


@dataclass(slots=True)
class Seat:
    """One running maker: what it has learnt of the market, and when it was tended last."""

    maker_id: int
    instrument: Instrument
    started_at: datetime
    maker: Maker
    tended_ms: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, row: MarketMaker) -> "Seat":
        instrument = row.instrument
        grid = Grid(instrument.tick, instrument.step, instrument.min_quantity)
        maker = Maker(
            parameters_of(row),
            grid,
            maker_fee_ppm=PAPER.maker_ppm,
            max_age_ms=settings.ENV["MYSTIC_MAX_QUOTE_AGE_MS"],
        )
        return cls(row.pk, instrument, row.started_at, maker)

    def is_due(self) -> bool:
        """Tell whether the maker may be tended again, and take the turn."""
        now = monotonic_ms()
        if now - self.tended_ms < self.maker.parameters.refresh_ms:
            return False
        self.tended_ms = now
        return True

    def wanted(self, market: MarketNow | None, inventory: int) -> Wanted:
        with self.lock:
            return self.maker.wanted(market, inventory)


class MakingDesk:
    """The makers that this process serves."""

    def __init__(self) -> None:
        self._seats: dict[int, tuple[Seat, ...]] = {}
        self._is_active = False
        self._busy: set[int] = set()
        self._busy_lock = threading.Lock()
        self._worker: ThreadPoolExecutor | None = None
        self._looker: threading.Thread | None = None
        self._stop = threading.Event()

    # The streamer's side: quick, in memory.

    def on_quote(self, event: QuoteChanged) -> None:
        """Learn from a quote, and have the makers of its instrument tended that are due."""
        quote = event.quote
        for seat in self._seats.get(quote.instrument_id, ()):
            if 0 < quote.bid < quote.ask:
                with seat.lock:
                    seat.maker.on_mid(quote.mid, quote.received_at_ms)
            if seat.is_due():
                self._hand(seat)

    def on_trade(self, event: TradeSeen) -> None:
        """Learn how far a trade reached from the mid that stands."""
        trade = event.trade
        seats = self._seats.get(trade.instrument_id, ())
        quote = store.latest(trade.instrument_id) if seats else None
        if quote is None or not 0 < quote.bid < quote.ask:
            return
        for seat in seats:
            with seat.lock:
                seat.maker.on_trade(trade.price, quote.mid, trade.received_at_ms)

    def on_lost(self, event: BookLost) -> None:
        """Withdraw at once what rests in a book that is not known any more."""
        for seat in self._seats.get(event.instrument_id, ()):
            with seat.lock:
                seat.maker.on_cut()
            self._hand(seat)

    # Life.

    def start(self) -> None:
        """Cancel what an earlier process left behind, then begin to look."""
        self._stop.clear()
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="making")
        worker.submit(self._clear, "the process was started").result()
        self._worker = worker
        self._submit(self.look)
        self._looker = threading.Thread(target=self._looking, name="making-look", daemon=True)
        self._looker.start()

    def stop(self) -> None:
        """End the threads, then cancel everything: nobody would look after it."""
        self._stop.set()
        with self._busy_lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            if self._is_active:
                worker.submit(self._clear, "the process ends")
            worker.submit(connections.close_all)
            worker.shutdown(wait=True)
        if self._looker is not None:
            self._looker.join(5.0)
            self._looker = None
        self.forget()

    def forget(self) -> None:
        """Forget what was learnt; the rows stay."""
        self._seats, self._is_active = {}, False
        with self._busy_lock:
            self._busy.clear()

    def drain(self) -> None:
        """Wait until everything handed over so far is done."""
        if self._worker is not None:
            self._worker.submit(lambda: None).result()

    # The worker's side.

    def look(self) -> None:
        """Read which makers run, cancel what belongs to no running one, tend those that wait."""
        if not self._streams():
            return
        rows = MarketMaker.objects.filter(state=MarketMaker.State.RUNNING)
        known = {seat.maker_id: seat for seats in self._seats.values() for seat in seats}
        seats: dict[int, tuple[Seat, ...]] = {}
        for row in rows.select_related("instrument"):
            seat = known.get(row.pk)
            if seat is None or seat.started_at != row.started_at:
                seat = Seat.of(row)
            seats[row.instrument_id] = (*seats.get(row.instrument_id, ()), seat)
        self._seats = seats
        orphans_clear()
        for seat in [seat for found in seats.values() for seat in found]:
            if seat.is_due():
                self._attempt(seat)

    def _streams(self) -> bool:
        """Tell whether this process streams; when that changes, begin or end without orders."""
        if store.is_local != self._is_active:
            is_active, self._seats = store.is_local, {}
            makers_clear(cause="a new start" if is_active else "this process streams no more")
            self._is_active = is_active
        return self._is_active

    def _attempt(self, seat: Seat) -> None:
        """Tend one maker; its fault is logged and holds up no other."""
        try:
            self._tend(seat)
        except Exception:
            log.exception("market maker %d could not be tended", seat.maker_id)

    def _tend(self, seat: Seat) -> None:
        market = market_now(seat.instrument, store)
        maker_tend(seat.maker_id, lambda inventory: seat.wanted(market, inventory))

    def _looking(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            self._submit(self.look)

    def _clear(self, cause: str) -> None:
        try:
            makers_clear(cause=cause)
        except Exception:
            log.exception("the orders of market makers could not be cancelled: %s", cause)
        finally:
            close_old_connections()

    def _hand(self, seat: Seat) -> None:
        self._submit(lambda: self._attempt(seat), seat.maker_id)

    def _submit(self, act: Callable[[], object], key: int = 0) -> None:
        """Give the worker one job per maker at a time."""
        with self._busy_lock:
            if self._worker is None or key in self._busy:
                return
            self._busy.add(key)
            self._worker.submit(self._run, act, key)

    def _run(self, act: Callable[[], object], key: int) -> None:
        close_old_connections()
        try:
            act()
        except Exception:
            log.exception("the desk of the market makers could not look")
        finally:
            with self._busy_lock:
                self._busy.discard(key)
            close_old_connections()


desk = MakingDesk()
