"""A paper account on a venue whose quotes the test speaks itself."""

from datetime import date
from decimal import Decimal

import pytest

from markets.hours import hours
from markets.models import Instrument, SessionDay, Venue
from markets.quotes import store
from markets.selectors import hours_load
from markets.types import BookView, Quote
from mystic.lib import bus
from mystic.lib.clock import monotonic_ms, now_ms
from mystic.lib.units import to_units
from trading import desk, live
from trading.events import (
    OrderChanged,
    OrderFilled,
    OrderSubmitted,
    PositionChanged,
    RiskHalted,
)
from trading.models import Order
from trading.services.accounts import account_open
from trading.services.ledger import ledger_verify
from trading.tickets import Ticket
from trading.watch import watch

HOUR = 3_600
LISTENERS = [
    (OrderSubmitted, desk.on_order_submitted),
    (OrderChanged, watch.on_order_changed),
    (OrderChanged, live.on_order_changed),
    (OrderFilled, live.on_order_filled),
    (PositionChanged, watch.on_position_changed),
    (PositionChanged, live.on_position_changed),
    (RiskHalted, live.on_risk_halted),
]


def units(text, scale=8):
    return to_units(Decimal(text), scale)


class Market:
    """Speaks quotes and books into the process's store."""

    def __init__(self):
        self.source = "binance"
        self.clock = now_ms()

    def quote(self, instrument, bid, ask, size=1000.0, *, age_ms=0, source=None):
        self.clock += 1
        quote = Quote(
            instrument_id=instrument.pk,
            bid=bid,
            bid_size=size,
            ask=ask,
            ask_size=size,
            last=None,
            source=source or self.source,
            is_official=True,
            as_of_ms=None,
            received_at_ms=self.clock,
            received_mono_ms=monotonic_ms() - age_ms,
        )
        store.put(quote)
        return quote

    def book(self, instrument, bids, asks, *, age_ms=0):
        self.clock += 1
        book = BookView(
            instrument_id=instrument.pk,
            bids=tuple(bids),
            asks=tuple(asks),
            update_id=self.clock,
            source=self.source,
            is_official=True,
            as_of_ms=None,
            received_at_ms=self.clock,
            received_mono_ms=monotonic_ms() - age_ms,
        )
        store.put_book(book)
        return book


@pytest.fixture
def venue(db):
    return Venue.objects.create(code="binance", name="Binance")


@pytest.fixture
def make_instrument(venue):
    def make(symbol="BTC/USDT", **fields):
        base, quote = symbol.split("/")
        defaults = {
            "native_id": base + quote,
            "base": base,
            "quote": quote,
            "tick": units("0.01"),
            "step": units("0.00001"),
            "min_quantity": units("0.00001"),
            "min_notional": units("5"),
            "is_watched": True,
        }
        owner = fields.pop("venue", venue)
        return Instrument.objects.create(venue=owner, symbol=symbol, **(defaults | fields))

    return make


@pytest.fixture
def btc(make_instrument):
    return make_instrument()


@pytest.fixture
def market():
    store.clear()
    store.is_local = True
    yield Market()
    store.is_local = False
    store.clear()


@pytest.fixture
def flow():
    """The listeners that `mystic.wiring` attaches."""
    added = [pair for pair in LISTENERS if pair[1] not in bus._handlers.get(pair[0], [])]
    for kind, handler in added:
        bus.subscribe(kind, handler)
    yield
    for kind, handler in added:
        bus.unsubscribe(kind, handler)


@pytest.fixture
def account(ann):
    return account_open(user=ann)


@pytest.fixture
def exact():
    """Whatever the test did, the ledger adds up afterwards."""
    yield
    assert ledger_verify() == []


@pytest.fixture
def ticket(account, btc):
    def make(side=Order.Side.BUY, quantity="0.001", **fields):
        values = {
            "account_id": account.pk,
            "instrument_id": btc.pk,
            "side": side,
            "quantity": None if quantity is None else units(quantity),
            "actor": "ann",
        }
        return Ticket(**(values | fields))

    return make


@pytest.fixture
def strategy(db):
    from signals.models import Strategy

    return Strategy.objects.create(
        class_name="TrendPullback", version="v1", name="Trend pullback", timeframe=60
    )


@pytest.fixture
def sessions():
    """Write a calendar around now; the market is open, or closed between two sessions."""

    def write(*, is_open):
        now = now_ms() // 1000
        spans = [(now - 48 * HOUR, now - 40 * HOUR), (now + 40 * HOUR, now + 48 * HOUR)]
        if is_open:
            spans.append((now - HOUR, now + HOUR))
        SessionDay.objects.all().delete()
        for number, (opens_at, closes_at) in enumerate(spans, start=1):
            SessionDay.objects.create(
                calendar="XNYS",
                day=date(2026, 1, number),
                opens_at=opens_at,
                closes_at=closes_at,
            )
        hours_load("XNYS")

    return write


@pytest.fixture(autouse=True)
def no_hours():
    hours.clear()
    yield
    hours.clear()


@pytest.fixture
def make_signal(strategy, btc):
    from signals.models import Decision, Signal

    bars = iter(range(0, 10**6, 60))

    def make(side="BUY", instrument=btc, **fields):
        bar = next(bars)
        decision = Decision.objects.create(
            strategy=strategy, instrument=instrument, bar_open=bar, verdict="enter_long", source="t"
        )
        defaults = {"confidence": 0.8, "price": 60000.0, "reason": "because", "source": "binance"}
        return Signal.objects.create(
            decision=decision,
            strategy=strategy,
            instrument=instrument,
            side=side,
            bar_close=bar + 60,
            **(defaults | fields),
        )

    return make
