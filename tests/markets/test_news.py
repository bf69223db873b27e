"""News: each feed by its own row, each story once, foreign text harmless, whom it is about."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps

from markets.models import Instrument, NewsFeed, NewsItem, Venue
from markets.sentiment.doubles import Story, item_key
from markets.sentiment.names import Finder, Known
from markets.sentiment.plain import clean_link, plain_text
from markets.sentiment.tone import METHOD, tone_of, tone_word
from markets.services.feeds import SETTLE_S
from markets.services.news import news_read
from mystic.lib.clock import now_ms
from tests.servers import in_thread
from tests.servers_feeds import NewsServer, item, rss

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = "Fri, 20 Nov 2026 09:30:00 +0000"


async def anywhere(url):
    """Tests talk to loopback, which the product's own policy forbids."""


@pytest.fixture
def press():
    with in_thread(NewsServer()) as server:
        yield server


@pytest.fixture
def feed(db, press, settings):
    """Make a feed of the loopback server; the list that Mystic begins with is taken away."""
    settings.ENV = {**settings.ENV, "MYSTIC_NEWS": "on"}
    NewsFeed.objects.all().delete()

    def make(name="a", *items, **fields):
        press.bodies[f"/{name}"] = rss(*items)
        return NewsFeed.objects.create(
            name=name, url=f"{press.rest_url}/{name}", next_read_at=NOW, **fields
        )

    return make


@pytest.fixture
def instruments(db):
    venue = Venue.objects.create(code="binance", name="Binance")

    def make(base, quote, **fields):
        return Instrument.objects.create(
            venue=venue, symbol=f"{base}/{quote}", native_id=base + quote, base=base, quote=quote,
            is_watched=True, **fields,
        )  # fmt: skip

    return {
        "BTC": make("BTC", "USDT"),
        "LINK": make("LINK", "USDT"),
        "AAPL": make("AAPL", "USD", asset_class="stock", name="Apple Inc."),
    }


def read(moment=NOW, **more):
    return news_read(now=moment, policy=anywhere, **more)


def again(moment=NOW):
    NewsFeed.objects.update(next_read_at=moment)
    return read(moment)


def test_a_story_is_stored_with_its_time_tone_and_instruments(feed, instruments):
    feed(
        "a",
        item(
            "Bitcoin soars as Apple wins a great prize",
            link="https://news.example/1?utm_source=rss",
            guid="1",
            date=TODAY,
            summary="&lt;b&gt;Good&lt;/b&gt; news.",
        ),
    )
    before = now_ms() // 1000
    assert read() == 1
    story = NewsItem.objects.get()
    assert (story.title, story.link, story.summary) == (
        "Bitcoin soars as Apple wins a great prize",
        "https://news.example/1",
        "Good news.",
    )
    assert story.published_at == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    assert before + SETTLE_S <= story.available_at <= now_ms() // 1000 + 1 + SETTLE_S
    assert {one.base for one in story.instruments.all()} == {"BTC", "AAPL"}
    assert (story.sentiment, story.method) == (tone_of(story.title), METHOD)
    assert story.sentiment > 0.5


def test_a_feed_is_read_when_its_row_says(feed, press):
    one = feed("a", item("One story of some length", date=TODAY))
    read()
    one.refresh_from_db()
    assert (one.last_read_at, one.next_read_at) == (NOW, NOW + timedelta(minutes=10))
    assert read(NOW + timedelta(minutes=9)) == 0
    assert len(press.requests) == 1


def test_at_most_four_feeds_are_read_in_one_go(feed):
    for n in range(6):
        feed(f"f{n}", item(f"A story that only feed number {n} tells", date=TODAY))
    assert [read(), read(), read()] == [4, 2, 0]


def test_an_unchanged_feed_is_known_by_its_etag(feed, press):
    one = feed("a", item("One story of some length", date=TODAY))
    press.etags["/a"] = '"v1"'
    assert [read(), again()] == [1, 0]
    assert press.requests[1].headers["If-None-Match"] == '"v1"'
    one.refresh_from_db()
    assert (one.etag, one.failures) == ('"v1"', 0)


def test_reading_again_adds_nothing(feed):
    feed("a", item("By id", guid="7"), item("By link", link="https://x.example/a"), item("Title"))
    assert [read(), again(), again(NOW + timedelta(days=1))] == [3, 0, 0]


def test_the_same_story_of_two_feeds_is_one_row(feed):
    title = "SEC approves first spot Solana ETF in the United States"
    feed("a", item(f"{title} - CoinDesk", guid="1", date=TODAY))
    feed("b", item(f"{title}!", guid="9", date=TODAY))
    feed("c", item("Another title", link="https://x.example/s?utm_campaign=c", guid="5"))
    feed("d", item("Yet another wording of it", link="https://x.example/s", guid="6"))
    assert read() == 2
    assert {one.feed.name for one in NewsItem.objects.select_related("feed")} == {"a", "c"}


def test_other_figures_or_a_not_make_another_story(feed):
    feed("a", item("Bitcoin price falls below 90,000 dollars again"))
    feed("b", item("Bitcoin price falls below 80,000 dollars again"))
    feed("c", item("Senate will vote on the crypto market bill today"))
    feed("d", item("Senate will not vote on the crypto market bill today"))
    assert read() == 4


def test_old_news_is_no_news_and_a_future_date_is_now(feed):
    feed(
        "a",
        item("Eight days old story", date="Thu, 12 Nov 2026 09:30:00 +0000"),
        item("A story from tomorrow", date="Sat, 21 Nov 2026 12:00:00 +0000"),
    )
    assert read() == 1
    assert NewsItem.objects.get().published_at == NOW


def test_a_feed_that_fails_waits_longer_and_the_others_are_read(feed, press):
    bad = feed("bad", item("Never seen"))
    feed("good", item("Seen all the same", date=TODAY))
    press.fail("/bad", status=404)
    assert read() == 1
    waits, moment = [], NOW
    for _ in range(3):
        bad.refresh_from_db()
        waits.append((bad.next_read_at - moment).total_seconds() / 60)
        moment = bad.next_read_at
        read(moment)
    assert waits == [10, 20, 40]
    bad.refresh_from_db()
    assert bad.failures == 4
    assert "answered 404" in bad.last_error
    press.mend()
    read(bad.next_read_at)
    bad.refresh_from_db()
    assert (bad.failures, bad.last_error) == (0, "")


def test_a_feed_that_wants_silence_gets_it(feed, press):
    one = feed("a", item("Never seen"))
    press.fail("/a", status=429, headers={"Retry-After": "7200"})
    read()
    one.refresh_from_db()
    assert one.next_read_at == NOW + timedelta(hours=2)


def test_a_feed_that_blocks_us_is_left_alone_for_hours(feed, press):
    one = feed("a", item("Never seen"))
    press.fail("/a", status=403)
    read()
    one.refresh_from_db()
    assert one.next_read_at == NOW + timedelta(hours=6)


def test_the_product_s_own_policy_asks_no_private_host(feed, press):
    one = feed("a", item("Never seen"))
    assert news_read(now=NOW) == 0
    one.refresh_from_db()
    assert "is not plain https" in one.last_error
    assert press.requests == []


def test_an_entity_bomb_is_a_fault_of_that_feed_alone(feed, press):
    one = feed("a")
    press.bodies["/a"] = b'<!DOCTYPE r [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><rss>&b;</rss>'
    feed("good", item("Seen all the same", date=TODAY))
    assert read() == 1
    one.refresh_from_db()
    assert "declares entities" in one.last_error


def test_switched_off_or_inactive_nothing_is_asked(feed, press, settings):
    feed("a", item("Never seen"), is_active=False)
    assert read() == 0
    NewsFeed.objects.update(is_active=True)
    settings.ENV = {**settings.ENV, "MYSTIC_NEWS": "off"}
    assert read() == 0
    assert press.requests == []


def test_mystic_begins_with_a_list_of_feeds(db):
    # Another test may have emptied the tables since they were made.
    import_module("markets.migrations.0006_feed_states").seed(apps, None)
    feeds = {one.name: one for one in NewsFeed.objects.all()}
    assert {"CoinDesk", "Cointelegraph", "Blockworks", "Federal Reserve"} <= set(feeds)
    assert all(one.url.startswith("https://") for one in feeds.values())
    # The SEC wants to know who asks.
    assert [name for name, one in feeds.items() if not one.is_active] == ["SEC"]


# -- pure parts -----------------------------------------------------------------------------------

THINGS = Finder(
    [
        Known(1, "BTC"),
        Known(2, "ETH"),
        Known(3, "LINK"),
        Known(4, "ADA"),
        Known(5, "AVAX"),
        Known(6, "SOL"),
        Known(7, "AAPL", "Apple Inc."),
        Known(8, "META", "Meta Platforms, Inc. Class A Common Stock"),
        Known(9, "JPM", "JPMorgan Chase & Co."),
        Known(10, "SPY", "SPDR S&P 500 ETF Trust"),
        Known(11, "T", "AT&T Inc."),
    ]
)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("Bitcoin and Ether fall", {1, 2}),
        ("BTC, ETH slide", {1, 2}),
        ("BITCOIN CRASHES AS BTC HOLDERS SELL", {1}),
        ("Bitcoin Cash forks", set()),
        ("Ethereum Classic is attacked", set()),
        ("The missing LINK in banking", set()),
        ("Chainlink (LINK) rises", {3}),
        ("$LINK and LINK/USDT", {3}),
        ("LINK price rises", {3}),
        ("Court hears ADA lawsuit", set()),
        ("ADA holders vote", {4}),
        ("Cardano founder speaks", {4}),
        ("An Avalanche of selling", set()),
        ("Avalanche network halts", {5}),
        ("SOL up 5%", {6}),
        ("solar panels", set()),
        ("Console sales", set()),
        ("apple pie and pineapple", set()),
        ("Apple unveils a phone", {7}),
        ("Nasdaq: AAPL", {7}),
        ("Meta and JPMorgan Chase", {8, 9}),
        ("SPY options", {10}),
        ("AT&T raises prices", {11}),
        ("Model T turns 100", set()),
        ("stETH, WBTC and BTCUSDT", set()),
        ("link between crypto and price", set()),
        ("", set()),
    ],
)
def test_whom_a_headline_is_about(text, keys):
    assert THINGS.find(text) == keys


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<b>Hi</b> &lt;script&gt;alert(1)&lt;/script&gt;there", "Hi there"),
        ("AT&amp;T up 5% &lt; 6%", "AT&T up 5% < 6%"),
        ("right\u202eto\x00left\n here", "right to left here"),
        ("<img src=x onerror=alert(1)>Title", "Title"),
        ("a" * 30, "a" * 19 + "\u2026"),
        ("<p>One</p><p>Two</p>", "One Two"),
        ("<scr<script>ipt>alert(1)</script>", "ipt>alert(1)"),
    ],
)
def test_foreign_text_becomes_plain(text, wanted):
    found = plain_text(text, 20)
    assert found == wanted
    assert "<script" not in found


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("https://a.example/x?utm_source=r&id=3&UTM_Medium=q#top", "https://a.example/x?id=3"),
        ("javascript:alert(1)", ""),
        ("JAVASCRIPT:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,<script>", ""),
        ("//a.example/x", ""),
        ("/x", ""),
        ("https://user:word@a.example/", ""),
        ("https://a.example:99999/", ""),
        ("https://a.example/" + "x" * 600, ""),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
    ],
)
def test_links_lead_to_the_web_or_nowhere(link, wanted):
    assert clean_link(link) == wanted


def test_keys_are_of_the_id_in_its_feed_else_the_link_else_the_title():
    def key(**more):
        fields = {"feed": "a", "guid": "", "link": "", "title": "T"} | more
        return item_key(**fields)

    assert key(guid="1") != key(guid="1", feed="b")
    assert key(guid="1") == key(guid="1", link="https://x", title="other")
    assert key(link="https://x") == key(link="https://x", feed="b", title="other")
    assert key(title="A big move") == key(title="the BIG move!", feed="b") != key(title="Small")
    assert len(key()) == 64


def test_small_differences_make_no_other_story():
    one = Story.of("Fed\u2019s Powell says rates will stay higher for longer | Decrypt")
    assert one.is_like(Story.of("Powell says rates will stay higher for longer, Fed"))
    assert not one.is_like(Story.of("Powell says rates will fall"))
    assert not Story.of("Up").is_like(Story.of("Up"))


@pytest.mark.parametrize(
    ("title", "score"),
    # The compound scores that the authors of VADER print for these sentences.
    [
        ("VADER is smart, handsome, and funny.", 0.8316),
        ("VADER is not smart, handsome, nor funny.", -0.7424),
        ("Today SUX!", -0.5461),
        ("The book was good.", 0.4404),
    ],
)
def test_the_tone_is_vader_s(title, score):
    assert tone_of(title) == score


def test_tones_have_words():
    assert [tone_word(x) for x in (-0.05, -0.049, 0.0, 0.049, 0.05)] == [
        "negative",
        "neutral",
        "neutral",
        "neutral",
        "positive",
    ]
