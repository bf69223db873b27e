"""Every stock that Alpaca lists, written as the desk writes the few it watches."""

from datetime import timedelta

import pytest
from django.forms.models import model_to_dict
from django.utils import timezone

from markets.models import Instrument, Venue
from markets.providers.base import Status
from markets.providers.us_stocks import stock_spec
from markets.services import catalogue
from markets.services.stocks import stocks_add, stocks_sync, stocks_whole
from markets.tasks_catalogue import sync
from tests.servers import in_thread
from tests.servers_alpaca import KEY, SECRET, AlpacaServer

pytestmark = pytest.mark.django_db


def spec(ticker, name="", status=Status.TRADING, **more):
    return stock_spec(ticker, name or f"{ticker} Inc.", status, **more)


def values(row):
    return model_to_dict(row, exclude=["id", "updated_at", "is_watched", "venue"])


def test_one_stock_is_the_same_whoever_writes_it():
    told = {"BRK.B": spec("BRK.B", "Berkshire Hathaway", step=1)}
    (desk,) = stocks_sync(told, venue_code="alpaca", is_watched=True)
    (found,) = stocks_add(told, venue_code="replay:alpaca")
    stocks_whole(list(told.values()), venue_code="yahoo")
    whole = Instrument.objects.get(venue__code="yahoo")
    assert values(desk) == values(found) == values(whole)
    assert (desk.price_scale, desk.quote_scale, desk.tick, desk.step) == (4, 8, 100, 1)
    assert (desk.asset_class, desk.session_calendar) == ("stock", "XNYS")
    assert (desk.symbol, desk.base, desk.quote) == ("BRK.B", "BRK.B", "USD")
    assert desk.name == "Berkshire Hathaway"
    assert [found.is_watched, whole.is_watched, desk.is_watched] == [False, False, True]


def test_a_whole_list_is_written_in_slices_and_what_is_watched_stays_so(monkeypatch):
    monkeypatch.setattr(catalogue, "SLICE", 100)
    (apple, _) = stocks_sync(
        {"AAPL": spec("AAPL"), "OLD": spec("OLD")}, venue_code="alpaca", is_watched=True
    )
    specs = [spec(f"T{n}") for n in range(450)]
    change = stocks_whole([*specs, spec("AAPL", "Apple Inc.")], venue_code="alpaca")
    assert (change.new, change.changed, change.delisted) == (450, 1, 1)
    watched = Instrument.objects.filter(is_watched=True)
    assert {row.symbol: row.status for row in watched} == {"AAPL": "trading", "OLD": "delisted"}
    again = Instrument.objects.get(symbol="AAPL")
    assert (again.pk, again.name, again.tick) == (apple.pk, "Apple Inc.", 100)
    change = stocks_whole([*specs, spec("AAPL", "Apple Inc.")], venue_code="alpaca")
    assert (change.new, change.changed, change.delisted) == (0, 0, 0)
    assert stocks_whole([], venue_code="alpaca").delisted == 0


def test_a_stock_that_is_known_is_not_changed_by_a_look_up():
    stocks_sync({"AAPL": spec("AAPL", "Apple Inc.")}, venue_code="alpaca", is_watched=True)
    told = {"AAPL": spec("AAPL", "Another"), "MSFT": spec("MSFT")}
    rows = stocks_add(told, venue_code="alpaca")
    assert [(row.symbol, row.name, row.is_watched) for row in rows] == [
        ("AAPL", "Apple Inc.", True),
        ("MSFT", "MSFT Inc.", False),
    ]
    assert stocks_add({}, venue_code="alpaca") == []


@pytest.mark.django_db(transaction=True)
def test_the_task_asks_alpaca_for_all_assets_in_one_request(settings):
    with in_thread(AlpacaServer()) as server:
        for ticker in ("AAPL", "BRK.B", "F", "BRK-ODD-ONE"):
            server.assets[ticker] = {
                "symbol": ticker,
                "name": f"{ticker} Common Stock",
                "status": "active",
                "tradable": ticker != "F",
                "fractionable": True,
            }
        settings.ENV = {
            **settings.ENV,
            "BINANCE_REST_URL": "http://127.0.0.1:9",
            "BINANCE_WS_URL": "ws://127.0.0.1:9",
            "ALPACA_DATA_URL": server.rest_url,
            "ALPACA_API_URL": server.rest_url,
            "ALPACA_API_KEY": KEY,
            "ALPACA_API_SECRET": SECRET,
        }
        sync()
        sync()
        (asked,) = server.asked("/v2/assets")
        assert (asked.value("status"), asked.value("asset_class")) == ("active", "us_equity")
        found = Instrument.objects.filter(venue__code="replay:alpaca").order_by("symbol")
        assert [(row.symbol, row.status, row.step) for row in found] == [
            ("AAPL", "trading", 1),
            ("BRK.B", "trading", 1),
            ("F", "halted", 1),
        ]
        Venue.objects.update(listed_at=timezone.now() - timedelta(hours=7))
        del server.assets["F"]
        sync()
    assert Instrument.objects.get(symbol="F").status == "delisted"
