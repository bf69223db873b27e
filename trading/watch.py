"""The watch: stops, targets and resting orders, looked at on every quote inside the streamer.

A quote costs a look into memory. What it triggers goes to one worker thread, which calls the
services; they hold the locks and find out whether the exit was done already. Nothing here is
kept: a restart loads it from the rows.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import close_old_connections, connections
from django.utils import timezone

from markets.events import QuoteChanged
from markets.hours import hours
from markets.quotes import store
from markets.types import Quote
from mystic.lib import doorbell
from mystic.lib.clock import monotonic_ms, now_ms
from trading import live
from trading.desk import ORDER_BELL, SIGNAL_BELL, WATCH_BELL
from trading.equities import Equities
from trading.events import OrderChanged, PositionChanged
from trading.models import Order
from trading.services.deployments import signals_act
from trading.services.fills import orders_expire, paper_execute, position_exit
from trading.services.locks import flatten_reasons
from trading.services.risk_days import daily_loss_check
from trading.watched import Watched, WatchedPosition

log = logging.getLogger(__name__)
COMPARE_EVERY_S = 1.0
# An exit that was refused, as where the venue halted the pair, is not asked again on every quote.
REFUSED_FOR_MS = 15_000


def _is_closed(instrument_id: int) -> bool:
    """Tell whether the market is closed: its stops and orders wait until it opens."""
    return hours.closed_until(instrument_id, now_ms() // 1000) is not None


class Watch:
    """What this process watches, and the thread that acts on it."""

    def __init__(self) -> None:
        self.watched = Watched()
        self.equities = Equities()
        self._busy: set[tuple[str, int]] = set()
        self._busy_lock = threading.Lock()
        self._refused: dict[int, int] = {}
        self._worker: ThreadPoolExecutor | None = None
        self._comparer: threading.Thread | None = None
        self._stop = threading.Event()

    # The streamer's side: quick, in memory.

    def on_quote_changed(self, event: QuoteChanged) -> None:
        self.on_quote(event.quote)

    def on_quote(self, quote: Quote) -> None:
        """Look whether the quote ends a position or fills an order; called on the loop."""
        plan = self.watched.plan(quote.instrument_id)
        if not plan.positions and not plan.orders:
            return
        if _is_closed(quote.instrument_id):
            live.marks_publish(quote, plan.positions, self.equities)
            return
        leaving = plan.leaving
        for position in plan.positions:
            trigger = position.trigger(quote.bid) if position.id not in leaving else ""
            if trigger and not self._is_refused(position.id):
                self._hand("position", position.id, self._exit, position, trigger)
        for order in plan.orders:
            if order.may_trade(quote.bid, quote.ask):
                self._hand("order", order.id, self._execute, order.id)
        live.marks_publish(quote, plan.positions, self.equities)

    # Any thread: keep the memory current.

    def load(self) -> None:
        """Read what is open from the database, as at every start."""
        self.watched.load()
        self.equities.load(self.watched.positions())

    def on_position_changed(self, event: PositionChanged) -> None:
        """Look at the position again, here or in the process that watches."""
        if self.is_running:
            self.watched.position_refresh(event.position_id)
        elif settings.REDIS_URL:
            doorbell.ring(WATCH_BELL, event.position_id, redis_url=settings.REDIS_URL)

    def on_order_changed(self, event: OrderChanged) -> None:
        if self.is_running:
            self.watched.order_refresh(event.order_id)

    # Life.

    @property
    def is_running(self) -> bool:
        return self._worker is not None

    def start(self) -> None:
        """Load what is open, answer the doorbells, and begin to compare with the rows."""
        self._stop.clear()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="trading-watch")
        self._submit(self.load)
        doorbell.answer(ORDER_BELL, lambda row: self._hand("order", row, self._execute, row))
        doorbell.answer(SIGNAL_BELL, lambda row: self._hand("signal", row, signals_act, row))
        doorbell.answer(
            WATCH_BELL,
            lambda row: self._hand("refresh", row, self.watched.position_refresh, row),
        )
        self._comparer = threading.Thread(target=self._compare, name="trading-compare", daemon=True)
        self._comparer.start()

    def stop(self) -> None:
        """End the threads when they have done what was handed to them."""
        self._stop.set()
        with self._busy_lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.submit(connections.close_all)
            worker.shutdown(wait=True)
        if self._comparer is not None:
            self._comparer.join(5.0)
            self._comparer = None
        with self._busy_lock:
            self._busy.clear()

    def drain(self) -> None:
        """Wait until everything handed over so far is done."""
        if self._worker is not None:
            self._worker.submit(lambda: None).result()

    # The worker's side.

    def _hand[**P](
        self,
        kind: str,
        row_id: int,
        act: Callable[P, object],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Give the worker one job per row at a time; a ring while it works is not needed."""
        with self._busy_lock:
            if self._worker is None or (kind, row_id) in self._busy:
                return
            self._busy.add((kind, row_id))
            self._worker.submit(self._run, kind, row_id, lambda: act(*args, **kwargs))

    def _submit(self, act: Callable[[], object]) -> None:
        if self._worker is not None:
            self._worker.submit(self._run, "watch", 0, act)

    def _run(self, kind: str, row_id: int, act: Callable[[], object]) -> None:
        close_old_connections()
        try:
            act()
        except Exception:
            log.exception("the watch could not handle %s %d", kind, row_id)
        finally:
            with self._busy_lock:
                self._busy.discard((kind, row_id))
            close_old_connections()

    def _is_refused(self, position_id: int) -> bool:
        return monotonic_ms() < self._refused.get(position_id, 0)

    def _exit(self, position: WatchedPosition, trigger: str) -> None:
        order = position_exit(position.id, cause=trigger, actor="watch")
        self._refused.pop(position.id, None)
        if order is not None and order.status == Order.Status.DENIED:
            self._refused[position.id] = monotonic_ms() + REFUSED_FOR_MS
            log.warning("the exit of position %d was refused: %s", position.id, order.reason_code)
        self.watched.position_refresh(position.id)

    def _execute(self, order_id: int) -> None:
        paper_execute(order_id)
        self.watched.order_refresh(order_id)

    def _compare(self) -> None:
        while not self._stop.wait(COMPARE_EVERY_S):
            self._hand("compare", 0, self.compare)

    def compare(self) -> None:
        """Read the rows again, end what waited too long, and look for daily losses."""
        self.load()
        orders_expire()
        held = self.watched.positions()
        self._flatten(held)
        for account_id in self.equities.breached(held):
            self._attempt(daily_loss_check, account_id)
        for instrument_id in {position.instrument_id for position in held}:
            quote = store.latest(instrument_id)
            if quote is not None:
                live.marks_publish(quote, self.watched.plan(instrument_id).positions, self.equities)

    def _flatten(self, held: Sequence[WatchedPosition]) -> None:
        """Leave what a lock says to leave: after a restart, or where the last exit expired."""
        reasons = flatten_reasons(now=timezone.now()) if held else {}
        for position in held if reasons else ():
            reason = reasons.get(position.account_id, reasons.get(None))
            is_leaving = position.id in self.watched.plan(position.instrument_id).leaving
            is_held = self._is_refused(position.id) or _is_closed(position.instrument_id)
            if reason is not None and not is_leaving and not is_held:
                self._attempt(self._exit, position, f"flatten: {reason}")

    def _attempt[**P](self, act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Do one account's work; its fault is logged and holds up no other account."""
        try:
            act(*args, **kwargs)
        except Exception:
            log.exception("the watch could not handle %s", args)


watch = Watch()
