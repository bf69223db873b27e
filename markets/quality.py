"""Refuse impossible market data at the door, and count every refusal with its reason."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from markets.types import Bar

# Far beyond any price or quantity that trades; a larger number is a broken frame.
LARGEST = 1e15
# How far ahead of the venue's own clock a bar may end before it is called impossible.
FUTURE_GRACE_S = 120


SAMPLE_LENGTH = 300
_SECRET = re.compile(
    r"(?i)\b((?:api[_-]?key|access[_-]?key|key|token|secret|signature|password|authorization)"
    r"[\"']?\s*[:=]\s*[\"']?(?:bearer\s+|token\s+)?)[^\s\"'&,;<)}]+"
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Refused:
    """One thing that a source sent and was refused.

    `kind` is bar, quote, trade, book, option, macro or news; `instrument_id` is 0 where none is
    known; `sample` is the thing itself, as text only when it is written down.
    """

    source: str
    kind: str
    instrument_id: int
    reason: str
    sample: object = None


class Refusals:
    """Counts of what was refused, by reason; one object per source.

    With `note` each refusal is also handed on, to be kept; it must be quick and never raise.
    """

    __slots__ = ("_note", "_source", "counts")

    def __init__(self, source: str = "", note: Callable[[Refused], None] | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._source = source
        self._note = note

    def add(
        self, reason: str, *, kind: str = "", instrument_id: int = 0, sample: object = None
    ) -> None:
        self.counts[f"refused_{reason}"] += 1
        if self._note is not None and kind:
            self._note(Refused(self._source, kind, instrument_id, reason, sample))

    def as_dict(self) -> dict[str, int]:
        return dict(self.counts)


def sample_text(sample: object) -> str:
    """Return a refused thing as one short line that can be shown: no secrets, no control codes."""
    if sample is None:
        return ""
    text = sample.decode(errors="replace") if isinstance(sample, bytes) else str(sample)
    text = _UNPRINTABLE.sub(" ", text[: 4 * SAMPLE_LENGTH])
    text = _SECRET.sub(r"\1***", text)
    return text if len(text) <= SAMPLE_LENGTH else f"{text[: SAMPLE_LENGTH - 1]}…"


def price_fault(*prices: float) -> str | None:
    """Return why one of the prices cannot be one, or None."""
    for price in prices:
        if not math.isfinite(price):
            return "not_a_number"
        if price <= 0:
            return "price_not_positive"
        if price > LARGEST:
            return "absurd"
    return None


def quantity_fault(*quantities: float) -> str | None:
    """Return why one of the quantities cannot be one, or None; nought is possible."""
    for quantity in quantities:
        if not math.isfinite(quantity):
            return "not_a_number"
        if quantity < 0:
            return "quantity_negative"
        if quantity > LARGEST:
            return "absurd"
    return None


def bar_fault(bar: Bar, *, venue_now: int | None = None) -> str | None:
    """Return why a closed bar is impossible, or None.

    Parameters
    ----------
    bar : Bar
        The bar as the venue sent it.
    venue_now : int, optional
        The venue's own clock in epoch seconds; a bar that ends well after it is refused.
    """
    fault = price_fault(bar.open, bar.high, bar.low, bar.close) or quantity_fault(bar.volume)
    if fault is not None:
        return fault
    if bar.high < bar.low:
        return "high_below_low"
    if not (bar.low <= bar.open <= bar.high and bar.low <= bar.close <= bar.high):
        return "close_outside_range"
    if bar.timeframe <= 0 or bar.open_time < 0 or bar.open_time % bar.timeframe:
        return "off_grid"
    if venue_now is not None and bar.close_time > venue_now + FUTURE_GRACE_S:
        return "in_the_future"
    return None


def quote_fault(bid: float, bid_size: float, ask: float, ask_size: float) -> str | None:
    """Return why a best bid and ask cannot be one, or None; equal prices count as crossed."""
    fault = price_fault(bid, ask) or quantity_fault(bid_size, ask_size)
    if fault is not None:
        return fault
    return "crossed" if bid >= ask else None


def trade_fault(price: float, quantity: float) -> str | None:
    """Return why a trade is impossible, or None."""
    fault = price_fault(price) or quantity_fault(quantity)
    if fault is None and quantity == 0:
        return "quantity_nought"
    return fault


def levels_fault(levels: Iterable[tuple[float, float]]) -> str | None:
    """Return why one of these (price, quantity) levels is impossible, or None."""
    for price, quantity in levels:
        fault = price_fault(price) or quantity_fault(quantity)
        if fault is not None:
            return fault
    return None
