"""The pages and the API of options: states, marks, bad questions."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from markets.chain_view import chain_view, smile_picture
from markets.models import (
    Instrument,
    OptionChain,
    OptionQuote,
    OptionUnderlying,
    UnusualActivity,
    Venue,
)
from markets.options.contracts import Contract
from markets.providers.rows import OptionKind, OptionRow
from markets.services.option_store import chain_store
from tests.markets import goog

NOW = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
FRIDAY, NEXT = date(2026, 11, 20), date(2026, 11, 27)
PAGE = "/markets/AAPLUSD/options/"
API = "/api/v1/market-data/AAPL/options"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def stock(ticker):
    venue, _ = Venue.objects.get_or_create(code="yahoo", defaults={"name": "Yahoo"})
    return Instrument.objects.create(
        venue=venue,
        symbol=f"{ticker}/USD",
        native_id=ticker,
        base=ticker,
        quote="USD",
        asset_class="stock",
        session_calendar="XNYS",
    )


@pytest.fixture
def aapl(db):
    return stock("AAPL")


@pytest.fixture
def btc(db):
    venue = Venue.objects.create(code="binance", name="Binance")
    return Instrument.objects.create(
        venue=venue, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT"
    )


def rows(expiry, strikes=(220, 225, 230, 235, 240), **told):
    made = []
    for strike in strikes:
        for kind in OptionKind:
            inner = max(231.0 - strike if kind is OptionKind.CALL else strike - 231.0, 0)
            usual = {
                "bid": inner + 2.0,
                "ask": inner + 2.2,
                "volume": 40,
                "open_interest": 100,
                "underlying_price": 231.0,
                "as_of_ms": NOW_MS - 900_000,
            }
            made.append(
                OptionRow(
                    contract=Contract("AAPL", expiry, kind, strike).symbol,
                    underlying="AAPL",
                    kind=kind,
                    strike=float(strike),
                    expiry=expiry,
                    **(usual | told),
                )
            )
    return made


def listed(instrument, *expiries):
    OptionUnderlying.objects.create(
        instrument=instrument, listed_at=NOW, asked_at=NOW, source="yahoo"
    )
    return [OptionChain.objects.create(underlying=instrument, expiry=day) for day in expiries]


@pytest.fixture
def chains(aapl):
    first, second = listed(aapl, FRIDAY, NEXT)
    chain_store(first, rows(FRIDAY), source="yahoo", received_at_ms=NOW_MS)
    chain_store(second, rows(NEXT, (200, 260)), source="yahoo", received_at_ms=NOW_MS)
    return first, second


def page(client, address=PAGE, status=200, **query):
    response = client.get(address, query)
    assert response.status_code == status
    return response.content.decode()


def problem(client, address, **query):
    response = client.get(address, query)
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    return response.status_code, body["code"], body["detail"]


# The page


def test_a_chain_shows_calls_and_puts_with_their_source_and_marks(client, chains):
    html = page(client)
    assert html.count("data-strike=") == 5
    assert "20 November 2026" in html
    assert '<span class="badge badge-warn">delayed</span>' in html
    assert "* computed" in html
    assert "assumed 0: no DGS1MO or DGS3MO is stored" in html
    assert "these are American" in html
    assert 'aria-current="page">20 Nov' in html
    assert 'title="yahoo, delayed by its source"' in html
    assert ">AAPL 231.00<" in html
    assert '<svg class="smile"' in html


def test_another_expiry_is_one_click_away(client, chains):
    html = page(client, expiry="2026-11-27")
    assert 'hx-get="?expiry=2026-11-20"' in html
    assert html.count("data-strike=") == 2
    assert "Fewer than three contracts" in html


def test_a_page_that_asks_writes_the_wish_and_says_why_nothing_came(client, aapl):
    html = page(client)
    state = OptionUnderlying.objects.get()
    assert (state.instrument_id, state.wanted_at, state.asked_at) == (aapl.pk, NOW, NOW)
    assert "No source answered." in html
    assert "massive: MASSIVE_API_KEY is not set" in html
    assert "every 3s" not in html


def test_a_page_waits_while_the_sources_are_being_asked(client, aapl):
    OptionUnderlying.objects.create(instrument=aapl, asked_at=NOW)
    html = page(client)
    assert "The sources are being asked" in html
    assert 'hx-trigger="every 3s"' in html


def test_a_chain_that_could_not_be_renewed_says_so_beside_the_old_one(client, chains, noon):
    noon.shift(timedelta(minutes=30))
    html = page(client)
    assert "This chain could not be renewed: massive: MASSIVE_API_KEY is not set" in html
    assert html.count("data-strike=") == 5


def test_crypto_has_a_page_that_says_it_has_none(client, btc):
    html = page(client, "/markets/BTCUSDT/options/")
    assert "No options for this instrument." in html
    assert "BTC/USDT is crypto" in html
    assert OptionUnderlying.objects.count() == 0


def test_nothing_is_listed_of_a_stock_without_options(client, aapl):
    OptionUnderlying.objects.create(
        instrument=aapl, asked_at=NOW, listed_at=NOW, detail="yahoo lists no options of AAPL"
    )
    assert "yahoo lists no options of AAPL" in page(client)


@pytest.mark.parametrize(
    "expiry", ["2026-11-21", "soon", "2026-02-30", "20261120", "2026-11-20T00", "\x00", "9" * 5000]
)
def test_a_day_that_is_no_expiry_is_not_found_and_nothing_is_asked(client, chains, expiry):
    page(client, status=404, expiry=expiry)
    assert OptionChain.objects.filter(wanted_at__isnull=False).count() == 0


def test_an_underlying_has_one_address(client, aapl):
    for written in ("AAPL", "aapl", "aapl-usd"):
        response = client.get(f"/markets/{written}/options/")
        assert (response.status_code, response["Location"]) == (302, PAGE)
    page(client, "/markets/NOPE/options/", status=404)


def test_missing_values_are_dashes_with_their_reason(client, aapl):
    (chain,) = listed(aapl, FRIDAY)
    told = rows(FRIDAY, (230,), bid=None, ask=None, volume=None, open_interest=None)
    chain_store(chain, told, source="yahoo", received_at_ms=NOW_MS)
    html = page(client)
    assert 'title="no bid and ask to take the middle of"><span>—</span>' in html
    assert "no open interest is told" in html
    assert "0.0 %" not in html.split("<tbody>")[1].split("</tbody>")[0]


def test_a_real_chain_around_the_money(client, noon):
    noon.move_to(datetime.fromtimestamp(goog.CLOSE_MS / 1000, tz=UTC))
    google = stock("GOOG")
    OptionUnderlying.objects.create(
        instrument=google, asked_at=datetime.fromtimestamp(goog.CLOSE_MS / 1000, tz=UTC),
        listed_at=datetime.fromtimestamp(goog.CLOSE_MS / 1000, tz=UTC),
    )  # fmt: skip
    for day in goog.EXPIRIES:
        chain = OptionChain.objects.create(underlying=google, expiry=day)
        chain_store(chain, goog.chain(day), source="yahoo", received_at_ms=goog.CLOSE_MS)
    view = chain_view(google, goog.EXPIRIES[2], at_ms=goog.CLOSE_MS)
    assert (view.state, len(view.rungs), view.hidden, view.days) == ("ready", 30, 141, 22)
    assert [rung.strike for rung in view.rungs[14:16]] == [747.5, 750.0]
    assert view.money_strike == 750.0
    assert view.computed == sum(one.delta is not None for one in view.quotes)
    assert 0.3 < view.volume_ratio < 3
    assert 650 <= view.max_pain <= 800
    ys = [dot.y for dot in view.smile.dots]
    assert all(0 <= y <= view.smile.floor for y in ys)
    html = page(client, "/markets/GOOGUSD/options/", expiry="2016-01-15")
    assert html.count("data-strike=") == 30
    assert page(client, "/markets/GOOGUSD/options/", expiry="2016-01-15", all="1").count(
        "data-strike="
    ) == 171  # fmt: skip


def test_a_chain_costs_the_same_however_many_strikes(client, chains, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        page(client)


def test_three_points_make_a_smile():
    quotes = [
        OptionQuote(kind=kind, strike=strike, implied_volatility=volatility)
        for kind, strike, volatility in (
            ("put", 90.0, 0.4),
            ("call", 100.0, 0.2),
            ("call", 110.0, 0.3),
        )
    ]
    found = smile_picture(quotes, 100.0)
    assert [dot.strike for dot in found.dots] == [90, 100, 110]
    assert found.dots[0].y < found.dots[2].y < found.dots[1].y
    assert [tick.text for tick in found.y_ticks] == ["0%", "10%", "20%", "30%", "40%"]
    assert smile_picture(quotes[:2], 100.0) is None
    assert smile_picture(quotes, None) is None


def test_what_stands_out_has_a_page(client, aapl):
    assert "No contract has stood out yet" in page(client, "/markets/unusual/")
    (chain,) = listed(aapl, FRIDAY)
    chain_store(chain, rows(FRIDAY, (240,), volume=5000), source="yahoo", received_at_ms=NOW_MS)
    html = page(client, "/markets/unusual/")
    assert html.count("data-contract=") == 2
    assert "volume 5,000 is 50.0 times the open interest of 100" in html
    assert 'title="fewer than five days are stored"' in html


# The API


def test_the_api_gives_a_chain_with_its_provenance(client, chains):
    body = client.get(API).json()
    assert (body["source"], body["live_data"], body["delayed"]) == ("yahoo", False, True)
    assert body["as_of"] == "2026-11-18T16:45:00.000Z"
    data = body["data"]
    assert (data["symbol"], data["state"], data["expiry"]) == ("AAPL/USD", "ready", "2026-11-20")
    assert data["expiries"] == ["2026-11-20", "2026-11-27"]
    assert (data["underlying_price"], data["rate"], data["dividend_yield"]) == (231.0, 0.0, 0.0)
    assert data["rate_note"] == "assumed 0: no DGS1MO or DGS3MO is stored"
    assert (data["put_call_volume"], data["put_call_open_interest"]) == (1.0, 1.0)
    assert len(data["contracts"]) == 10
    first = data["contracts"][0]
    assert (first["contract"], first["kind"]) == ("AAPL261120C00220000", "call")
    assert first["is_volatility_computed"] is first["are_greeks_computed"] is True
    assert first["volatility_reason"] == ""


@pytest.mark.parametrize("symbol", ["AAPL", "aapl", "AAPLUSD", "AAPL/USD", "AAPL%2FUSD"])
def test_every_spelling_of_an_underlying_is_read(client, chains, symbol):
    assert client.get(f"/api/v1/market-data/{symbol}/options").status_code == 200


def test_a_query_narrows_the_contracts(client, chains):
    query = {"expiry": "2026-11-20", "kind": "put", "min_strike": "225", "max_strike": "235"}
    data = client.get(API, query).json()["data"]
    assert [one["strike"] for one in data["contracts"]] == [225, 230, 235]
    assert {one["kind"] for one in data["contracts"]} == {"put"}
    narrow = client.get(API, {"min_strike": "230", "max_strike": "230.000"}).json()["data"]
    assert len(narrow["contracts"]) == 2
    assert client.get(API, {"expiry": "2026-11-27"}).json()["data"]["expiry"] == "2026-11-27"


BAD = [
    ({"expiry": "2026-11-21"}, 404, "unknown_expiry"),
    ({"expiry": "2015-12-31"}, 404, "unknown_expiry"),
    ({"expiry": "2026-02-30"}, 400, "expiry_invalid"),
    ({"expiry": "20-11-2026"}, 400, "expiry_invalid"),
    ({"expiry": "20261120"}, 400, "expiry_invalid"),
    ({"expiry": ""}, 400, "expiry_invalid"),
    ({"expiry": "٢٠٢٦-11-20"}, 400, "expiry_invalid"),
    ({"expiry": "2026-11-20 "}, 400, "expiry_invalid"),
    ({"kind": "straddle"}, 400, "kind_invalid"),
    ({"kind": ""}, 400, "kind_invalid"),
    ({"min_strike": "240", "max_strike": "220"}, 400, "strike_range_reversed"),
    ({"min_strike": "-1"}, 400, "strike_invalid"),
    ({"min_strike": "1e3"}, 400, "strike_invalid"),
    ({"max_strike": "NaN"}, 400, "strike_invalid"),
    ({"max_strike": "100001"}, 400, "strike_invalid"),
    ({"max_strike": ""}, 400, "strike_invalid"),
    ({"strike": "230"}, 400, "unknown_parameter"),
]


@pytest.mark.parametrize(("query", "status", "code"), BAD, ids=[json.dumps(q) for q, *_ in BAD])
def test_a_wrong_question_is_refused_with_a_sentence(client, chains, query, status, code):
    found = problem(client, API, **query)
    assert found[:2] == (status, code)
    assert len(found[2]) > 15
    assert OptionChain.objects.filter(wanted_at__isnull=False).count() == 0


def test_an_unknown_expiry_names_the_listed_ones(client, chains):
    assert "listed are 2026-11-20, 2026-11-27" in problem(client, API, expiry="2026-11-21")[2]


def test_a_crypto_symbol_has_no_options(client, btc):
    status, code, detail = problem(client, "/api/v1/market-data/BTC%2FUSDT/options")
    assert (status, code) == (404, "no_options")
    assert detail == "BTC/USDT has no options here; Mystic reads those of US stocks and funds"


def test_an_unknown_symbol_is_not_found(client, aapl):
    assert problem(client, "/api/v1/market-data/NOPE/options")[:2] == (404, "unknown_symbol")
    long = "A" * 41
    assert problem(client, f"/api/v1/market-data/{long}/options")[:2] == (400, "symbol_too_long")


def test_no_source_is_said_and_waiting_is_no_error(client, aapl):
    status, code, detail = problem(client, API)
    assert (status, code) == (503, "no_source")
    assert "yahoo: YAHOO_BASE_URL is switched off" in detail
    OptionUnderlying.objects.update(detail="")
    data = client.get(API).json()["data"]
    assert (data["state"], data["contracts"], data["expiry"]) == ("waiting", [], None)


def test_the_api_gives_what_stands_out(client, aapl, btc):
    assert client.get("/api/v1/options/unusual").json()["data"] == []
    (chain,) = listed(aapl, FRIDAY)
    chain_store(chain, rows(FRIDAY, (240,), volume=5000), source="yahoo", received_at_ms=NOW_MS)
    body = client.get("/api/v1/options/unusual", {"symbol": "AAPL", "limit": "1"}).json()
    (found,) = body["data"]
    assert body["source"] == "yahoo"
    assert (found["symbol"], found["day"], found["volume"]) == ("AAPL/USD", "2026-11-18", 5000)
    assert found["reasons"][0]["code"] == "volume_over_open_interest"
    assert UnusualActivity.objects.count() == 2
    assert client.get("/api/v1/options/unusual", {"symbol": "BTCUSDT"}).json()["data"] == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"limit": "0"}, 400, "limit_invalid"),
        ({"limit": "501"}, 400, "limit_invalid"),
        ({"symbol": "NOPE"}, 404, "unknown_symbol"),
        ({"day": "today"}, 400, "unknown_parameter"),
    ],
)
def test_a_wrong_question_for_what_stands_out(client, aapl, query, status, code):
    assert problem(client, "/api/v1/options/unusual", **query)[:2] == (status, code)


def test_a_stocks_page_leads_to_its_options_and_a_pairs_does_not(client, aapl, btc):
    assert f'href="{PAGE}"' in page(client, "/markets/AAPLUSD/")
    assert "/options/" not in page(client, "/markets/BTCUSDT/")
    assert 'href="/markets/unusual/"' in page(client, "/markets/")
