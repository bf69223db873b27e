"""Price rules, watched in memory on every quote; whatever touches the database has its own thread.

`on_quote` is called on the streamer's loop for every change of a best price: while the price stays
between the nearest levels, it costs one comparison.
"""

import logging
import math
import queue
import threading
from collections import defaultdict
from dataclasses import dataclass, field, replace

from django.db import Error, close_old_connections

from markets.events import QuoteChanged
from markets.types import Quote
from mystic.lib import doorbell
from notifications.rules import PriceRule, price_step, quiet_band
from notifications.services.alert_rules import BELL
from notifications.services.price_rules import (
    Crossing,
    crossing_tell,
    price_rules_load,
    price_rules_version,
    rule_arm,
)

log = logging.getLogger(__name__)
CHECK_EVERY_S = 2.0
RETRY_AFTER_S = 1.0


@dataclass(slots=True)
class _Watched:
    """The rules of one instrument and the interval of prices in which nothing happens."""

    rules: dict[int, PriceRule] = field(default_factory=dict)
    low: float = 0.0
    high: float = 0.0


class PriceWatch:
    """The price rules of all users, from the database at the start and whenever they change."""

    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[Crossing | str] = queue.SimpleQueue()
        self._version: object = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def on_quote(self, event: QuoteChanged) -> None:
        """Step the rules of the quote's instrument; quick, and never touches the database."""
        quote = event.quote
        watched = self._watched.get(quote.instrument_id)
        if watched is None:
            return
        price = quote.mid
        if 0.0 < price < math.inf and not watched.low < price < watched.high:
            with self._lock:
                self._step(watched, quote, price)

    def _step(self, watched: _Watched, quote: Quote, price: float) -> None:
        for rule in tuple(watched.rules.values()):
            step = price_step(rule, price)
            if step is not None:
                watched.rules[rule.rule_id] = replace(rule, is_armed=step.is_armed)
                self._work.put(Crossing(rule, quote, price, step))
        levels = [rule.level for rule in watched.rules.values()]
        watched.low, watched.high = quiet_band(levels, price)

    def load(self) -> None:
        """Take the rules from the database; a rule already watched keeps where its price stood."""
        self._version = price_rules_version()
        fresh: dict[int, _Watched] = defaultdict(_Watched)
        loaded = price_rules_load()
        with self._lock:
            for rule in loaded:
                old = self._watched.get(rule.instrument_id, _Watched()).rules.get(rule.rule_id)
                if old is not None and old.row_version == rule.row_version:
                    rule = replace(rule, is_armed=old.is_armed)  # noqa: PLW2901
                fresh[rule.instrument_id].rules[rule.rule_id] = rule
            self._watched = dict(fresh)

    def start(self) -> None:
        """Load the rules, answer the doorbell and begin the thread that writes."""
        self._stopping.clear()
        self.load()
        doorbell.answer(BELL, lambda _row_id: self._work.put("load"))
        self._thread = threading.Thread(target=self._run, name="price-rules", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what was seen and end the thread."""
        if self._thread is not None:
            self._stopping.set()
            self._work.put("stop")
            self._thread.join(timeout=5)
            self._thread = None

    def _run(self) -> None:
        while True:
            try:
                item = self._work.get(timeout=CHECK_EVERY_S)
            except queue.Empty:
                item = "check"
            if item == "stop":
                close_old_connections()
                return
            self._work_off(item)

    def _work_off(self, item: Crossing | str) -> None:
        close_old_connections()
        try:
            if isinstance(item, Crossing):
                self._settle(item)
            elif item == "load" or price_rules_version() != self._version:
                self.load()
        except Error:
            log.exception("price rules could not be read or written")
            self._again(item)
        except Exception:  # one rule's fault must not silence the others for good
            log.exception("a price rule could not be handled")
        finally:
            close_old_connections()

    def _again(self, item: Crossing | str) -> None:
        """Come back to what the database refused: a crossing is told at least once."""
        if item != "check" and not self._stopping.wait(RETRY_AFTER_S):
            self._work.put(item)

    def _settle(self, crossing: Crossing) -> None:
        if crossing.step.is_fired:
            crossing_tell(crossing)
        else:
            rule_arm(crossing.rule.rule_id, is_armed=crossing.step.is_armed)


watch = PriceWatch()


def on_quote(event: QuoteChanged) -> None:
    watch.on_quote(event)
