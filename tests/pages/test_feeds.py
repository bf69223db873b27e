"""The pages and the API of macro series, news and mood: values with source and age, or why not."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from markets.models import (
    FeedState,
    Instrument,
    MacroPoint,
    NewsFeed,
    NewsItem,
    SentimentPoint,
    Venue,
)
from markets.selectors_search import instruments_found
from mystic.lib.clock import from_ms, now_ms

NOW_S = now_ms() // 1000
TODAY = from_ms(NOW_S * 1000).date()
DAY = 86_400


def plain(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.fixture
def rate(db):
    venue = Venue.objects.create(code="fred", name="FRED")
    one = Instrument.objects.create(
        venue=venue, symbol="DGS10", native_id="DGS10", base="DGS10", quote="",
        asset_class="macro", name="10-Year Treasury Constant Maturity",
    )  # fmt: skip

    def point(days_ago, value, *, vintage_days_ago=None, at=None):
        told = days_ago - 1 if vintage_days_ago is None else vintage_days_ago
        MacroPoint.objects.create(
            instrument=one, period=TODAY - timedelta(days=days_ago), value=value,
            vintage=TODAY - timedelta(days=told),
            available_at=NOW_S - told * DAY if at is None else at,
            source="fred", received_at_ms=(NOW_S - told * DAY) * 1000,
        )  # fmt: skip

    for days in range(40, 2, -1):
        point(days, 4 + days / 100)
    point(3, 4.5, vintage_days_ago=1)
    FeedState.objects.create(name="fred:DGS10", told={"unit": "%", "frequency": "Daily"})
    return point


@pytest.fixture
def keyed(settings):
    settings.ENV = {
        **settings.ENV,
        "FRED_BASE_URL": "https://api.stlouisfed.org",
        "FRED_API_KEY": "k" * 32,
        "FEAR_GREED_URL": "https://api.alternative.me",
        "MYSTIC_NEWS": "on",
    }


@pytest.fixture
def story(btc):
    feed = NewsFeed.objects.create(name="Loopback", url="https://news.example/rss")

    def make(title, *instruments, **fields):
        item = NewsItem.objects.create(
            feed=feed, key=title[:64], title=title, published_at=timezone.now(),
            **{"available_at": NOW_S - 60, "sentiment": 0.5, "method": "vader-3.3.2", **fields},
        )  # fmt: skip
        item.instruments.set(instruments)
        return item

    return make


def mood(value, label, age_s, **fields):
    at = NOW_S - age_s
    return SentimentPoint.objects.create(
        name="fear_greed", value=value, label=label, period=at // DAY * DAY, available_at=at,
        source="fear_greed", received_at_ms=at * 1000, **fields,
    )  # fmt: skip


def test_the_list_shows_value_release_vintages_and_source(client, rate, keyed):
    html = client.get("/markets/macro/").content.decode()
    row = plain(
        html[html.index('id="macro-DGS10"') : html.index("</tr>", html.index("macro-DGS10"))]
    )
    assert "10-Year Treasury Constant Maturity" in row
    assert " 4.5 %" in row
    assert "+0.4600" in row
    assert "39" in row
    assert "Source fred" in row
    assert "<polyline points=" in html
    # Another series that is wanted and has no value says why.
    assert "it was not read yet" in plain(html)


def test_without_a_key_the_page_says_what_to_do_and_shows_what_is_stored(client, rate, settings):
    settings.ENV = {**settings.ENV, "FRED_API_KEY": ""}
    text = plain(client.get("/markets/macro/").content.decode())
    assert "Macro series are off: FRED_API_KEY is not set." in text
    assert "4.5" in text
    assert "stale: nothing newer has arrived" in text


def test_a_series_shows_its_revisions(client, rate, keyed):
    text = plain(client.get("/markets/macro/DGS10/").content.decode())
    assert "10-Year Treasury Constant Maturity · Daily · %" in text
    row = f"{TODAY - timedelta(days=3)} 4.5 4.03 1 {TODAY - timedelta(days=1)}"
    assert row in text


def test_what_is_not_released_yet_is_not_shown(client, rate, keyed):
    rate(1, 99.0, vintage_days_ago=0, at=NOW_S + 3600)
    assert "99" not in plain(client.get("/markets/macro/DGS10/").content.decode())
    data = client.get("/api/v1/macro/DGS10").json()["data"]
    assert data["observations"][0]["value"] == 4.5


def test_a_wanted_series_without_values_has_a_page_and_an_unknown_one_has_none(client, db, keyed):
    text = plain(client.get("/markets/macro/GDP/").content.decode())
    assert "Nothing of GDP is stored: it was not read yet." in text
    assert client.get("/markets/macro/NOSUCH/").status_code == 404


def test_a_failed_reading_is_said(client, rate, keyed):
    FeedState.objects.update(last_error="fred (macro): answered 500", failures=2)
    assert "answered 500" in plain(client.get("/markets/macro/").content.decode())
    assert "The last reading failed" in client.get("/markets/macro/DGS10/").content.decode()


def test_news_is_escaped_and_links_lead_outside_safely(client, story, btc, keyed):
    story("<script>alert(1)</script> & more", btc, link="https://news.example/1")
    story("No link here", link="")
    html = client.get("/markets/news/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in html
    assert "<script>alert" not in html
    assert (
        '<a href="https://news.example/1" rel="noopener noreferrer nofollow" target="_blank">'
        in html
    )
    assert 'href=""' not in html
    assert "Loopback" in html


def test_news_of_one_symbol(client, story, btc, pair, keyed):
    pair("ETH/USDT")
    story("Bitcoin story", btc)
    story("General story")
    text = plain(client.get("/markets/news/?symbol=btcusdt").content.decode())
    assert "Bitcoin story" in text
    assert "General story" not in text
    assert (
        "No stored story names ETH/USDT"
        in client.get("/markets/news/?symbol=ETH/USDT").content.decode()
    )
    unknown = client.get("/markets/news/?symbol=%3Cb%3E").content.decode()
    assert "“&lt;b&gt;” is not in the catalogue" in unknown


def test_a_story_is_shown_from_its_moment_on(client, story, keyed):
    story("Not yet", available_at=now_ms() // 1000 + 86_400)
    assert "Not yet" not in client.get("/markets/news/").content.decode()


def test_pages_of_news(client, story, keyed, django_assert_max_num_queries):
    for n in range(45):
        story(f"Story {n}", available_at=NOW_S - n)
    first = client.get("/markets/news/").content.decode()
    assert "Page 1 of 2" in first
    assert "page=2" in first
    assert "Story 44" in client.get("/markets/news/?page=2").content.decode()
    assert client.get("/markets/news/?page=zzz").status_code == 200
    with django_assert_max_num_queries(14):
        client.get("/markets/news/")


def test_the_last_mood_stands_with_its_age_when_the_source_fails(client, btc, keyed):
    mood(33, "Fear", 3 * DAY)
    mood(40, "Fear", 4 * DAY)
    FeedState.objects.create(name="fear_greed", failures=3, last_error="alternative.me says: down")
    text = plain(client.get("/markets/news/").content.decode())
    assert "33 Fear" in text
    assert "stale: nothing newer has arrived" in text
    assert "alternative.me says: down" in text


def test_without_a_value_there_is_a_dash_and_never_a_fifty(client, btc, keyed):
    text = plain(client.get("/markets/news/").content.decode())
    assert "nothing was told yet" in text
    assert "50" not in text[text.index("Fear and greed") : text.index("Stories")]


def test_the_pair_s_page_asks_for_its_news(client, story, btc, keyed):
    story("Bitcoin story", btc)
    mood(33, "Fear", 60)
    text = plain(client.get("/markets/BTCUSDT/news/").content.decode())
    assert "Bitcoin story" in text
    assert "33 Fear" in text
    assert client.get("/markets/NOSUCH/news/").status_code == 404


def test_api_of_a_series(client, rate, keyed):
    body = client.get("/api/v1/macro/dgs10?limit=2").json()
    data = body["data"]
    assert (data["series"], data["unit"], len(data["observations"])) == ("DGS10", "%", 2)
    newest = data["observations"][0]
    assert (newest["value"], newest["first_value"], newest["revisions"]) == (4.5, 4.03, 1)
    assert (body["source"], body["live_data"]) == ("fred", False)
    refused = client.get("/api/v1/macro/NOSUCH")
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_series")
    assert client.get("/api/v1/macro/DGS10?limit=0").json()["code"] == "limit_invalid"
    assert client.get("/api/v1/macro/DGS10?x=1").json()["code"] == "unknown_parameter"


def test_api_of_news_and_mood(client, story, btc, keyed):
    story("Bitcoin story", btc, link="https://news.example/1")
    story("General story", available_at=NOW_S - 90)
    mood(33, "Fear", 60)
    everything = client.get("/api/v1/news").json()["data"]
    assert [one["title"] for one in everything] == ["Bitcoin story", "General story"]
    (one,) = client.get("/api/v1/news?symbol=BTC/USDT").json()["data"]
    assert (one["symbols"], one["source"], one["sentiment"]) == (["BTC/USDT"], "Loopback", 0.5)
    assert client.get("/api/v1/news?symbol=NO/SUCH").status_code == 404
    assert client.get("/api/v1/news?symbol=").status_code == 400
    told = client.get("/api/v1/mood?symbol=BTC/USDT").json()
    assert (told["data"]["fear_greed"][0]["value"], told["data"]["news"]) == (33, [])
    assert told["data"]["reasons"] == {"news": "nothing was told yet"}
    assert told["source"] == "fear_greed"


def test_feeds_can_be_edited_in_the_admin_and_stories_cannot(admin_client, story):
    story("A story")
    feed = NewsFeed.objects.get(name="Loopback")
    assert admin_client.get(f"/admin/markets/newsfeed/{feed.pk}/change/").status_code == 200
    assert admin_client.get("/admin/markets/newsitem/add/").status_code == 403


def test_a_series_has_no_page_of_a_pair(client, rate, keyed):
    assert client.get("/markets/DGS10/").headers["Location"] == "/markets/macro/DGS10/"


def test_a_series_is_found_by_its_id_and_its_name(rate, keyed):
    for query in ("dgs10", "treasury"):
        assert [one.symbol for one in instruments_found(query)] == ["DGS10"]
