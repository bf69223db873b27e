"""A trader with a token, a pair with a live quote, and the API over HTTP as a program sees it."""

import json

import pytest
from django.test import Client

from markets.models import Instrument, Venue
from markets.quotes import store
from markets.types import BookView, Quote
from mystic.lib import bus
from mystic.lib.clock import monotonic_ms, now_ms
from mystic.models import ApiToken, User
from trading import desk
from trading.events import OrderSubmitted
from trading.services.accounts import account_open

PROBLEM = "application/problem+json"


class Program:
    """A client of the API: JSON in, JSON out, a token in the header."""

    def __init__(self, key=None):
        self.client = Client(raise_request_exception=False)
        self.headers = {} if key is None else {"Authorization": f"Token {key}"}

    def send(self, method, path, body=b"", *, content_type="application/json", headers=None):
        raw = body if isinstance(body, bytes) else body.encode()
        given = self.headers | (headers or {})
        return self.client.generic(method, path, raw, content_type, headers=given)

    def get(self, path):
        return self.send("GET", path, content_type="")

    def post(self, path, value=None, **headers):
        body = "" if value is None else json.dumps(value)
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.send("POST", path, body, headers=named)

    def delete(self, path):
        return self.send("DELETE", path, content_type="")


def token_of(user, scope=ApiToken.Scope.TRADE, **fields):
    return ApiToken.issue(user=user, name="program", scope=scope, **fields)[1]


def person(name):
    """Make a user who only has a token: no password is hashed."""
    return User.objects.create(username=name, email=f"{name}@example.org")


@pytest.fixture(autouse=True)
def fresh_process():
    """Quotes are the process's: none is left from the test before."""
    store.clear()
    yield
    store.clear()
    store.is_local = False


@pytest.fixture
def btc(db):
    venue = Venue.objects.create(code="binance", name="Binance")
    return Instrument.objects.create(
        venue=venue,
        symbol="BTC/USDT",
        native_id="BTCUSDT",
        base="BTC",
        quote="USDT",
        tick=1_000_000,
        step=1_000,
        min_quantity=1_000,
        min_notional=500_000_000,
        is_watched=True,
    )


@pytest.fixture
def quoted(btc):
    """Speak a quote and a book of BTC/USDT into the store of this process."""

    def speak(bid=59_999.0, ask=60_000.0, *, age_ms=0, source="binance", is_official=True):
        shared = {
            "instrument_id": btc.pk,
            "source": source,
            "is_official": is_official,
            "as_of_ms": None,
            "received_at_ms": now_ms() - age_ms,
            "received_mono_ms": monotonic_ms() - age_ms,
        }
        store.is_local = True
        store.put(Quote(bid=bid, bid_size=5.0, ask=ask, ask_size=5.0, last=None, **shared))
        store.put_book(
            BookView(bids=((bid, 5.0),), asks=((ask, 5.0),), update_id=now_ms(), **shared)
        )

    return speak


@pytest.fixture
def desk_open():
    """The paper desk executes what is submitted, as `mystic.wiring` attaches it."""
    is_new = desk.on_order_submitted not in bus._handlers.get(OrderSubmitted, [])
    bus.subscribe(OrderSubmitted, desk.on_order_submitted)
    yield
    if is_new:
        bus.unsubscribe(OrderSubmitted, desk.on_order_submitted)


@pytest.fixture
def tess(db):
    """A trader with a paper account."""
    user = person("tess")
    account_open(user=user)
    return user


@pytest.fixture
def program(tess):
    return Program(token_of(tess))


@pytest.fixture
def nobody(db):
    return Program()
