"""The pages and the API of the sources: every one, its budget by whom, its breakers, its errors."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from markets.models import Breaker, Disagreement, Instrument, RateBudget, SourceState, Venue
from markets.providers.table import PROVIDERS
from mystic.lib.clock import now_ms

pytestmark = pytest.mark.django_db


@pytest.fixture
def live(settings):
    """The addresses of a Mystic that asks the real hosts; nothing is asked by a page."""
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": "https://data-api.binance.vision",
        "BINANCE_WS_URL": "wss://data-stream.binance.vision",
        "FRED_BASE_URL": "https://api.stlouisfed.org",
        "FRED_API_KEY": "",
        "COINGECKO_BASE_URL": "https://api.coingecko.com/api/v3",
    }


def budget(name, used, by, *, window_s=60, limit=3000, **fields):
    start = now_ms() // 1000 // window_s * window_s
    return RateBudget.objects.create(
        name=name, limit=limit, window_s=window_s, used=used, used_by=by,
        window_start=start, **fields,
    )  # fmt: skip


@pytest.fixture
def busy(live):
    now = timezone.now()
    SourceState.objects.create(source="binance:stream", state="live", last_message_at=now)
    SourceState.objects.create(source="binance:rest", state="live", last_message_at=now)
    Breaker.objects.create(
        source="coingecko",
        operation="quotes",
        state="open",
        failures=5,
        reason="api.coingecko.com answered 502",
        opened_at=now,
        retry_at=now + timedelta(seconds=30),
        latency_ms=210.0,
        calls=90,
        errors=5,
        last_error="api.coingecko.com answered 502",
        last_error_at=now,
    )
    Breaker.objects.create(
        source="binance", operation="klines", latency_ms=41.5, calls=7, last_success_at=now
    )
    # A day, so that no window turns while the test looks.
    budget("binance", 1234, {"live": 34, "backfill": 1200}, window_s=86_400)
    budget(
        "coingecko", 3, {"chart": 3}, window_s=86_400, limit=25,
        blocked_until=now + timedelta(minutes=5), is_ban=True,
    )  # fmt: skip


def row(html, code):
    """Return the row of one source."""
    return html.partition(f'id="source-{code}"')[2].partition("</tr>")[0]


def test_every_source_is_listed_also_those_that_are_off(client, live):
    html = client.get("/markets/sources/").content.decode()
    for code, provider in PROVIDERS.items():
        assert provider.name in row(html, code)
    assert "FRED_API_KEY is not set" in row(html, "fred")
    assert 'data-state="off"' in row(html, "fred")
    assert "CCXT_EXCHANGE is not set" in row(html, "ccxt")


def test_a_row_names_state_latency_budget_by_whom_breakers_and_the_last_error(client, busy):
    html = client.get("/markets/sources/").content.decode()
    binance, gecko = row(html, "binance"), row(html, "coingecko")
    assert 'data-state="live"' in binance
    assert "1234 / 3000 a day" in binance
    assert "live 34, backfill 1200" in binance
    assert "1 closed" in binance
    assert 'data-state="down"' in gecko
    assert "Open</span> quotes" in gecko
    assert "banned until" in gecko
    assert "api.coingecko.com answered 502" in gecko


def test_a_window_that_is_over_counts_nothing(client, live):
    RateBudget.objects.create(
        name="binance", limit=3000, used=2999, used_by={"order": 2999}, window_start=1_700_000_000
    )
    html = row(client.get("/markets/sources/").content.decode(), "binance")
    assert "0 / 3000 a minute" in html
    assert "order 2999" not in html


def test_the_budget_of_another_egress_is_not_this_ones(client, live):
    budget("binance@proxy", 7, {"live": 7}, window_s=86_400)
    assert "7 / 3000" not in client.get("/markets/sources/").content.decode()


def test_the_month_stands_beside_the_minute(client, live):
    budget("coingecko", 1, {}, window_s=86_400, limit=25)
    budget("coingecko:month", 800, {"chart": 800}, window_s=2_592_000, limit=9000)
    RateBudget.objects.filter(name="coingecko:month").update(window_start=now_ms() // 1000)
    html = row(client.get("/markets/sources/").content.decode(), "coingecko")
    assert "1 / 25 a day" in html
    assert "800 / 9000 a month" in html


def test_the_report_refreshes_without_the_frame(client, busy):
    html = client.get("/markets/sources/", headers={"HX-Request": "true"}).content.decode()
    assert "All sources" in html
    assert "<html" not in html


def test_the_page_of_one_source_shows_its_operations_and_connections(client, busy):
    html = client.get("/markets/sources/binance/").content.decode()
    assert "klines" in html
    assert "binance:stream" in html
    assert "<code>BINANCE_REST_URL</code>" in html
    assert client.get("/markets/sources/nowhere/").status_code == 404


def test_the_status_page_leads_there(client, busy):
    assert 'href="/markets/sources/"' in client.get("/status/").content.decode()


def test_the_api_says_the_same(client, busy):
    answer = client.get("/api/v1/sources")
    assert answer.status_code == 200
    told = {one["provider"]: one for one in json.loads(answer.content)["data"]}
    assert set(told) == set(PROVIDERS)
    assert told["binance"]["budgets"] == [
        {
            "limit": 3000,
            "window_s": 86_400,
            "used": 1234,
            "used_by": {"live": 34, "backfill": 1200},
        }
    ]
    assert (told["binance"]["latency_ms"], told["binance"]["state"]) == (41.5, "live")
    (breaker,) = told["coingecko"]["breakers"]
    assert (breaker["operation"], breaker["state"], breaker["errors_counted"]) == (
        "quotes",
        "open",
        5,
    )
    assert told["coingecko"]["is_banned"] is True
    assert told["fred"]["reason"] == "FRED_API_KEY is not set"


def test_the_api_takes_no_parameters(client, busy):
    assert client.get("/api/v1/sources?limit=3").status_code == 400


@pytest.fixture
def doubted(live):
    venue = Venue.objects.create(code="binance", name="Binance")
    btc = Instrument.objects.create(
        venue=venue, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT",
        tick=1_000_000, is_watched=True,
    )  # fmt: skip
    return Disagreement.objects.create(
        instrument=btc, source="binance", price=60_000.0, other_source="coinbase", other_price=6.2e4
    )


def test_a_disagreement_is_on_the_page_of_the_sources_and_of_the_symbol(client, doubted):
    html = client.get("/markets/sources/").content.decode()
    assert "Sources that disagree" in html
    assert "3.33 %" in html
    told = json.loads(client.get("/api/v1/sources").content)["data"]
    disputes = {one["provider"]: one["disagrees_on"] for one in told if one["disagrees_on"]}
    assert disputes == {"binance": ["BTC/USDT"]} | (
        {"coinbase": ["BTC/USDT"]} if "coinbase" in disputes else {}
    )
    warning = client.get("/markets/BTCUSDT/warning/").content.decode()
    assert "binance tells 60000, coinbase 62000, 3.3 % apart" in warning
    assert "Exits and stops go on." in warning
    assert 'hx-get="/markets/BTCUSDT/warning/"' in client.get("/markets/BTCUSDT/").content.decode()


def test_no_warning_without_a_disagreement(client, doubted):
    doubted.ended_at = timezone.now()
    doubted.save()
    assert client.get("/markets/BTCUSDT/warning/").content.decode().strip() == ""
    assert "Sources that disagree" not in client.get("/markets/sources/").content.decode()
    assert client.get("/markets/NOWHERE/warning/").status_code == 404


def test_the_page_asks_the_database_a_fixed_number_of_times(
    client, busy, django_assert_max_num_queries
):
    with django_assert_max_num_queries(12):
        client.get("/markets/sources/", headers={"HX-Request": "true"})


def test_a_stream_that_is_down_is_not_hidden_by_a_rest_side_that_works(client, live):
    SourceState.objects.create(source="binance:stream", state="down", detail="connection refused")
    SourceState.objects.create(source="binance:rest", state="live")
    html = row(client.get("/markets/sources/").content.decode(), "binance")
    assert 'data-state="down"' in html
    assert "connection refused" in html


def test_a_breaker_whose_time_is_over_is_tried_by_the_next_request(client, busy):
    Breaker.objects.filter(source="coingecko").update(retry_at=timezone.now())
    html = row(client.get("/markets/sources/").content.decode(), "coingecko")
    assert "the next request tries it" in html
