"""From a source's documented answer over a socket to the stored chain and its page."""

from datetime import UTC, date, datetime

import pytest
import time_machine
from django.conf import settings

from markets.asking import SourcePool
from markets.models import Instrument, OptionChain, OptionQuote, Quarantined, Venue
from markets.options.black_scholes import greeks
from markets.options.contracts import years_to_expiry
from markets.services.options import chain_refresh
from tests.servers import in_thread
from tests.servers_massive import KEY, MassiveServer, contract

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
EXPIRY = date(2027, 1, 15)
NOWHERE = "http://127.0.0.1:9"
pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def massive():
    with in_thread(MassiveServer()) as server:
        server.contracts = [
            {"ticker": "O:AAPL270115C00230000", "expiration_date": day}
            for day in ("2027-01-15", "2027-01-15", "2027-02-19")
        ]
        server.chain = [
            contract(230, "2027-01-15"),
            contract(230, "2027-01-15", "put", greeks={}, implied_volatility=None),
            contract(235, "2027-01-15", last_quote={"bid": 9.9, "ask": 9.3}),
            contract(240, "2027-01-15", "put", greeks={}, last_quote=None, last_trade=None),
        ]
        yield server


@pytest.fixture
def aapl(db):
    venue = Venue.objects.create(code="replay:massive", name="Massive (replay)", is_replay=True)
    return Instrument.objects.create(
        venue=venue,
        symbol="AAPL/USD",
        native_id="AAPL",
        base="AAPL",
        quote="USD",
        asset_class="stock",
        session_calendar="XNYS",
    )


def pool(server):
    replayed = {
        "BINANCE_REST_URL": NOWHERE,
        "BINANCE_WS_URL": NOWHERE.replace("http", "ws"),
        "MASSIVE_BASE_URL": server.rest_url,
        "MASSIVE_API_KEY": KEY,
        "MASSIVE_CALLS_PER_MINUTE": 6000,
    }
    return SourcePool(settings.ENV["MYSTIC_OPTION_SOURCES"], env=settings.ENV | replayed)


def test_massives_chain_is_stored_with_its_source(massive, aapl, now):
    found = chain_refresh(aapl, pool=pool(massive))
    assert found.read == {EXPIRY: 3}
    assert list(found.failed) == ["2027-02-19"]
    told, computed, unquoted = OptionQuote.objects.filter(expiry=EXPIRY).order_by("strike", "kind")
    assert {one.source for one in (told, computed, unquoted)} == {"replay:massive"}
    assert (told.contract, told.bid, told.ask) == ("AAPL270115C00230000", 9.1, 9.3)
    assert (told.implied_volatility, told.delta) == (0.31, 0.52)
    assert not told.are_greeks_computed
    assert computed.is_volatility_computed
    again = greeks(
        231.4,
        230.0,
        years_to_expiry(EXPIRY, computed.received_at_ms),
        computed.implied_volatility,
        [False],
    )
    assert float(again.price[0]) == pytest.approx(9.2, rel=1e-9)
    # Its volatility is told, but nobody quotes it: greeks come from that volatility.
    assert (unquoted.bid, unquoted.implied_volatility) == (None, 0.31)
    assert unquoted.are_greeks_computed
    assert Quarantined.objects.get().reason == "bid above ask"
    assert OptionChain.objects.get(expiry=EXPIRY).refused == 1


def test_a_source_that_breaks_off_stores_nothing_and_says_why(massive, aapl, now):
    massive.fail("/v3/snapshot/options/AAPL", body=b'{"status": "OK", "results": [')
    found = chain_refresh(aapl, pool=pool(massive))
    assert found.read == {}
    assert OptionQuote.objects.count() == 0
    detail = OptionChain.objects.get(expiry=EXPIRY).detail
    assert "massive (option_chain): " in detail
    assert KEY not in detail
