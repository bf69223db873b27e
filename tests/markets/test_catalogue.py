"""The whole catalogue of a venue: new, changed, gone, and what is watched stays watched."""

from datetime import timedelta

import pytest
from django.utils import timezone

from markets.models import Instrument, Venue
from markets.providers.base import InstrumentSpec, Status
from markets.services import catalogue_due, catalogue_sync, catalogue_whole
from markets.tasks_catalogue import sync
from tests.servers import BinanceServer, in_thread

pytestmark = pytest.mark.django_db


def spec(symbol, *, tick=1, price_scale=2, status=Status.TRADING):
    base, quote = symbol.split("/")
    return InstrumentSpec(
        symbol, base + quote, base, quote, 8, 8, price_scale, tick, 1, 0, 0, status
    )


def test_everything_listed_is_written_once():
    specs = [spec(f"A{n}/USDT") for n in range(450)]
    change = catalogue_whole(specs, venue_code="binance")
    assert (change.new, change.changed, change.delisted) == (450, 0, 0)
    change = catalogue_whole(specs, venue_code="binance")
    assert (change.new, change.changed, change.delisted) == (0, 0, 0)
    assert Instrument.objects.count() == 450
    assert not Instrument.objects.filter(is_watched=True).exists()


def test_a_new_rule_is_said_in_the_scale_that_the_instrument_has():
    catalogue_whole([spec("BTC/USDT", tick=1, price_scale=2)], venue_code="binance")
    change = catalogue_whole([spec("BTC/USDT", tick=5, price_scale=1)], venue_code="binance")
    btc = Instrument.objects.get()
    assert change.changed == 1
    assert (btc.price_scale, btc.tick) == (2, 50)


def test_what_is_gone_is_delisted_and_comes_back():
    both = [spec("BTC/USDT"), spec("LUNA/USDT")]
    catalogue_whole(both, venue_code="binance")
    change = catalogue_whole(both[:1], venue_code="binance")
    assert change.delisted == 1
    assert Instrument.objects.get(symbol="LUNA/USDT").status == "delisted"
    catalogue_whole(both, venue_code="binance")
    assert Instrument.objects.get(symbol="LUNA/USDT").status == "trading"


def test_what_is_watched_stays_watched():
    catalogue_sync([spec("BTC/USDT")], venue_code="binance", symbols=["BTC/USDT"])
    catalogue_whole([spec("BTC/USDT"), spec("ETH/USDT")], venue_code="binance")
    assert [one.symbol for one in Instrument.objects.filter(is_watched=True)] == ["BTC/USDT"]


def test_an_empty_answer_changes_nothing():
    catalogue_whole([spec("BTC/USDT")], venue_code="binance")
    catalogue_whole([], venue_code="binance")
    assert Instrument.objects.get().status == "trading"


def test_it_is_due_when_some_hours_have_passed():
    assert catalogue_due("binance", every=timedelta(hours=6))
    catalogue_whole([spec("BTC/USDT")], venue_code="binance")
    assert not catalogue_due("binance", every=timedelta(hours=6))
    Venue.objects.update(listed_at=timezone.now() - timedelta(hours=7))
    assert catalogue_due("binance", every=timedelta(hours=6))


@pytest.mark.django_db(transaction=True)
def test_the_task_asks_the_venue_once_and_then_waits(settings):
    with in_thread(BinanceServer()) as server:
        server.add_symbol("BTC", "USDT")
        settings.ENV = {
            **settings.ENV,
            "BINANCE_REST_URL": server.rest_url,
            "BINANCE_WS_URL": server.ws_url,
        }
        sync()
        sync()
        asked = server.asked("/api/v3/exchangeInfo")
    assert len(asked) == 1
    assert "symbols" not in asked[0].query
    assert Venue.objects.get().code == "replay:binance"
    assert [row.symbol for row in Instrument.objects.all()] == ["BTC/USDT"]
