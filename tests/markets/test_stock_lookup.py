"""A stock that the catalogue has not is asked from the sources, and can then be watched."""

import pytest
from django.core.cache import cache
from django.test import Client

from markets.models import Instrument, InstrumentAlias, Venue
from markets.providers.base import Status
from markets.providers.us_stocks import stock_spec
from markets.providers.yahoo import rest as yahoo_rest
from markets.selectors_search import lacks_stock, stock_venue
from markets.services import stock_lookup
from markets.services.stocks import stocks_sync, stocks_whole
from mystic.lib.ratelimit import WeightBudget
from tests.servers import in_thread
from tests.servers_alpaca import KEY, SECRET, AlpacaServer
from tests.servers_yahoo import YahooServer

pytestmark = pytest.mark.django_db(transaction=True)

OFFER = "Ask the stock sources"


@pytest.fixture(autouse=True)
def replayed(settings, monkeypatch):
    """Every address is one of this machine, so all of it is a replay."""
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": "http://127.0.0.1:9",
        "BINANCE_WS_URL": "ws://127.0.0.1:9",
        "MYSTIC_STOCK_SOURCES": ["alpaca", "yahoo"],
        "ALPACA_API_KEY": "",
        "ALPACA_API_SECRET": "",
    }
    monkeypatch.setattr(yahoo_rest, "budget_default", lambda: WeightBudget(1_000_000))
    cache.clear()


@pytest.fixture
def yahoo(settings):
    with in_thread(YahooServer()) as server:
        settings.ENV["YAHOO_BASE_URL"] = server.rest_url
        yield server


@pytest.fixture
def alpaca(settings):
    with in_thread(AlpacaServer()) as server:
        addresses = {"ALPACA_DATA_URL": server.rest_url, "ALPACA_API_URL": server.rest_url}
        settings.ENV |= addresses | {"ALPACA_API_KEY": KEY, "ALPACA_API_SECRET": SECRET}
        yield server


@pytest.fixture
def as_ann(ann):
    client = Client()
    client.force_login(ann)
    return client


def asset(ticker, name):
    more = {"status": "active", "tradable": True, "fractionable": True}
    return {"symbol": ticker, "name": name, **more}


def watched(code, *tickers):
    specs = {one: stock_spec(one, f"{one} Inc.", Status.TRADING) for one in tickers}
    return stocks_sync(specs, venue_code=code, is_watched=True)


def search(client, query, **more):
    return client.get("/markets/search/", {"q": query, **more}).content.decode()


def look_up(client, query):
    answer = client.post("/markets/lookup/", {"q": query})
    return answer.status_code, answer.content.decode()


def test_yahoo_is_asked_for_a_ticker_and_for_a_name(as_ann, client, yahoo):
    yahoo.add_stock("PLTR", longName="Palantir Technologies Inc.")
    yahoo.add_stock("BRK-B", longName="Berkshire Hathaway Inc.")
    yahoo.add_stock("PTX.DE", longName="Palantir in Frankfurt", currency="EUR")
    yahoo.add_stock("PAL", longName="Palantir Fund", quoteType="ETF")
    yahoo.add_stock("PAL-USD", longName="Palantir Coin", quoteType="CRYPTOCURRENCY")
    assert OFFER in search(as_ann, "brk-b")
    assert OFFER not in search(client, "brk-b")
    status, html = look_up(as_ann, "brk-b")
    assert status == 200
    assert "replay:yahoo knows 1 that match, asked just now." in html
    stock = Instrument.objects.get()
    assert (stock.symbol, stock.native_id, stock.name) == (
        "BRK.B",
        "BRK-B",
        "Berkshire Hathaway Inc.",
    )
    assert (stock.venue.code, stock.is_watched, stock.session_calendar, stock.tick) == (
        "replay:yahoo",
        False,
        "XNYS",
        100,
    )
    assert f'hx-post="/markets/watch/{stock.pk}/"' in html
    assert not yahoo.asked("/v1/finance/search")
    assert OFFER not in search(as_ann, "BRK.B")
    status, html = look_up(as_ann, "  palantir ")
    (asked,) = yahoo.asked("/v1/finance/search")
    assert asked.value("q") == "palantir"
    found = Instrument.objects.exclude(pk=stock.pk).values_list("symbol", flat=True)
    assert sorted(found) == ["PAL", "PLTR"]
    assert "knows 2 that match" in html
    assert not Instrument.objects.filter(is_watched=True).exists()


def test_what_another_source_knows_is_kept_for_the_one_that_is_followed(as_ann, alpaca, yahoo):
    watched("replay:alpaca", "AAPL")
    alpaca.fail("/v2/assets", status=503)
    yahoo.add_stock("BRK-B")
    status, html = look_up(as_ann, "BRK.B")
    assert (status, "replay:yahoo knows 1" in html) == (200, True)
    stock = Instrument.objects.get(symbol="BRK.B")
    assert (stock.venue.code, stock.native_id) == ("replay:alpaca", "BRK.B")
    alias = InstrumentAlias.objects.get()
    assert (alias.source, alias.native_id, alias.instrument) == ("replay:yahoo", "BRK-B", stock)


def test_alpaca_is_searched_and_asked_for_one_name_once_its_list_is_stored(as_ann, alpaca):
    alpaca.assets = {
        "BRK.B": asset("BRK.B", "Berkshire Hathaway"),
        "BRKR": asset("BRKR", "Bruker Corporation"),
        "NEW": asset("NEW", "New and Listed Today"),
    }
    _, html = look_up(as_ann, "brk")
    assert "replay:alpaca knows 2" in html
    assert len(alpaca.asked("/v2/assets")) == 1
    stocks_whole([stock_spec("BRK.B", "", Status.TRADING)], venue_code="replay:alpaca")
    _, html = look_up(as_ann, "new")
    assert "replay:alpaca knows 1" in html
    _, html = look_up(as_ann, "bruker gmbh")
    assert "replay:alpaca knows no stock in US dollars" in html
    assert len(alpaca.asked("/v2/assets")) == 1
    assert len(alpaca.asked("/v2/assets/NEW")) == 1
    assert Instrument.objects.get(symbol="NEW").name == "New and Listed Today"


def test_nothing_found_and_nobody_answering_are_said(as_ann, alpaca):
    status, html = look_up(as_ann, "NOPE")
    assert status == 200
    assert "replay:alpaca knows no stock in US dollars that is called so" in html
    assert "Try its ticker, such as AAPL." in html
    alpaca.fail("/v2/assets", status=503)
    status, html = look_up(as_ann, "NOPE")
    assert status == 200
    assert "No source of stocks answered" in html
    assert "YAHOO_BASE_URL is switched off" in html
    assert not Instrument.objects.exists()


def test_a_source_that_is_silent_is_not_waited_for(as_ann, alpaca, monkeypatch):
    monkeypatch.setattr(stock_lookup, "WITHIN_S", 0.3)
    alpaca.fail("/v2/assets", delay_s=1.5)
    status, html = look_up(as_ann, "AAPL")
    assert (status, "none answered within" in html) == (200, True)
    assert not stock_lookup._turn.locked()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "../v2/account",
        "AAPL?x=1",
        "AA%50L",
        "A\x00B",
        "\uff21\uff21PL",
        "<script>",
        "1",
        "x" * 61,
    ],
)
def test_what_is_no_name_asks_nobody(as_ann, alpaca, query):
    status, html = look_up(as_ann, query)
    assert (status, "one looks like AAPL or Apple" in html) == (422, True)
    assert len(query) > 40 or OFFER not in search(as_ann, query)
    assert not alpaca.requests
    assert "<script>" not in html


def test_a_person_asks_some_times_a_minute_and_others_too(as_ann, ben, alpaca, monkeypatch):
    monkeypatch.setattr(stock_lookup, "now_ms", lambda: 1_795_188_600_000)
    for _ in range(stock_lookup.PER_MINUTE):
        assert look_up(as_ann, "NOPE")[0] == 200
    asked = len(alpaca.requests)
    status, html = look_up(as_ann, "NOPE")
    assert (status, "ask again in the next" in html) == (429, True)
    assert len(alpaca.requests) == asked
    other = Client()
    other.force_login(ben)
    assert look_up(other, "NOPE")[0] == 200


def test_one_look_up_runs_at_a_time(as_ann, alpaca, monkeypatch):
    monkeypatch.setattr(stock_lookup, "WAIT_TURN_S", 0.05)
    with stock_lookup._turn:
        status, html = look_up(as_ann, "AAPL")
    assert (status, "another look-up is under way" in html) == (429, True)
    assert not alpaca.requests


def test_only_members_ask_and_only_by_post(client, as_ann, alpaca):
    answer = client.post("/markets/lookup/", {"q": "AAPL"})
    assert (answer.status_code, answer["Location"]) == (
        302,
        "/accounts/login/?next=/markets/lookup/",
    )
    assert as_ann.get("/markets/lookup/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = as_ann.cookies
    assert strict.post("/markets/lookup/", {"q": "AAPL"}).status_code == 403
    assert not alpaca.requests


def test_it_is_offered_for_what_may_be_a_stock_and_is_not_known(as_ann, alpaca, settings):
    venue = Venue.objects.create(code="replay:binance", name="Binance", is_replay=True)
    pair = Instrument.objects.create(
        venue=venue, symbol="ETH/USDT", native_id="ETHUSDT", base="ETH", quote="USDT"
    )
    assert not lacks_stock("ethusdt", [pair])
    assert not lacks_stock("ETH/USDT", [pair])
    assert lacks_stock("eth", [pair])
    assert OFFER not in search(as_ann, "eth", **{"class": "crypto"})
    (apple,) = watched("replay:alpaca", "AAPL")
    assert stock_venue() == "replay:alpaca"
    assert not lacks_stock("aapl", [apple])
    assert lacks_stock("AAP", [apple])
    stocks_whole([stock_spec("AAPL", "Apple", Status.TRADING)], venue_code="replay:alpaca")
    assert not lacks_stock("AAP", [apple])
    assert lacks_stock("BRK.B", [])
    settings.ENV |= {"ALPACA_API_KEY": ""}
    assert not lacks_stock("BRK.B", [])
    assert stock_venue() == ""
