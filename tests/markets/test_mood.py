"""The mood: the index as its source tells it, the tone of an hour's news; nothing invented."""

from datetime import UTC, datetime, timedelta

import pytest

from markets.models import FeedState, Instrument, NewsFeed, NewsItem, SentimentPoint, Venue
from markets.selectors_feeds import feed_points
from markets.services.feeds import SETTLE_S
from markets.services.mood import fear_greed_read, news_mood_write
from tests.servers import in_thread
from tests.servers_feeds import FearGreedServer

pytestmark = pytest.mark.django_db
DAY = 86_400
TODAY = 1_795_219_200
NOW = datetime.fromtimestamp(TODAY + 3600, tz=UTC)


@pytest.fixture
def index():
    server = FearGreedServer()
    server.points = [
        (TODAY, 47, "Neutral"),
        (TODAY - DAY, 33, "Fear"),
        (TODAY - 2 * DAY, 20, "Extreme Fear"),
    ]
    with in_thread(server):
        yield server


@pytest.fixture
def env(settings, index):
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": "http://127.0.0.1:9",
        "BINANCE_WS_URL": "ws://127.0.0.1:9",
        "FEAR_GREED_URL": index.rest_url,
    }
    return settings.ENV


def points():
    return list(SentimentPoint.objects.order_by("period"))


def test_the_first_reading_takes_all_and_the_past_counts_from_its_day_s_end(env, index):
    assert fear_greed_read(now=NOW) == 3
    assert index.requests[0].value("limit") == "0"
    found = points()
    assert [(one.value, one.label) for one in found] == [
        (20, "Extreme Fear"),
        (33, "Fear"),
        (47, "Neutral"),
    ]
    assert [one.available_at for one in found[:2]] == [TODAY - DAY, TODAY]
    received = -(-found[2].received_at_ms // 1000)
    assert found[2].available_at >= received
    assert {one.source for one in found} == {"replay:fear_greed"}


def test_the_next_reading_is_when_the_source_says(env, index):
    fear_greed_read(now=NOW)
    state = FeedState.objects.get(name="replay:fear_greed")
    assert state.next_read_at == NOW + timedelta(seconds=40_211, minutes=5)
    assert fear_greed_read(now=state.next_read_at - timedelta(seconds=1)) == 0
    assert len(index.requests) == 1


def test_without_a_word_about_the_next_value_it_is_read_hourly(env, index):
    index.seconds_left = "soon"
    fear_greed_read(now=NOW)
    assert FeedState.objects.get().next_read_at == NOW + timedelta(hours=1)


def test_an_error_with_status_200_keeps_the_last_value_and_invents_none(env, index):
    fear_greed_read(now=NOW)
    before = [(one.pk, one.value) for one in points()]
    index.complaint = "No data"
    later = NOW + timedelta(days=1)
    assert fear_greed_read(now=later) == 0
    assert [(one.pk, one.value) for one in points()] == before
    state = FeedState.objects.get()
    assert "alternative.me says: No data" in state.last_error
    assert (state.failures, state.last_read_at) == (1, NOW)
    assert state.next_read_at == later + timedelta(minutes=5)


def test_days_that_were_missed_count_from_when_we_had_them(env, index):
    fear_greed_read(now=NOW)
    index.points = [(TODAY + n * DAY, 50 + n, "Greed") for n in (3, 2, 1)] + index.points
    later = NOW + timedelta(days=3)
    assert fear_greed_read(now=later) == 3
    assert index.requests[-1].value("limit") == "6"
    late = [one for one in points() if one.period > TODAY]
    assert [one.value for one in late] == [51, 52, 53]
    assert all(one.available_at >= -(-one.received_at_ms // 1000) for one in late)


def test_a_value_that_is_told_again_differently_stays_as_it_was_known(env, index):
    fear_greed_read(now=NOW)
    index.points[0] = (TODAY, 99, "Extreme Greed")
    FeedState.objects.update(next_read_at=NOW)
    assert fear_greed_read(now=NOW) == 0
    assert points()[-1].value == 47


def test_switched_off_nothing_is_asked(env, index):
    env["FEAR_GREED_URL"] = ""
    assert fear_greed_read(now=NOW) == 0
    assert index.requests == []


def test_live_and_replayed_points_are_not_mixed(env, index, settings):
    fear_greed_read(now=NOW)
    assert len(feed_points("fear_greed", None, 0).value) == 3
    live = {
        "BINANCE_REST_URL": "https://data-api.binance.vision",
        "BINANCE_WS_URL": "wss://data-stream.binance.vision",
    }
    settings.ENV = settings.ENV | live
    assert len(feed_points("fear_greed", None, 0).value) == 0


# -- the tone of the news -------------------------------------------------------------------------


@pytest.fixture
def coins(db):
    venue = Venue.objects.create(code="binance", name="Binance")
    return [
        Instrument.objects.create(
            venue=venue, symbol=f"{base}/USDT", native_id=f"{base}USDT", base=base, quote="USDT"
        )
        for base in ("BTC", "ETH")
    ]


@pytest.fixture
def story(db):
    feed = NewsFeed.objects.create(name="Loopback", url="https://news.example/rss")

    def make(at, tone, *instruments):
        item = NewsItem.objects.create(
            feed=feed,
            key=f"{at}/{tone}",
            title=f"Story {at}",
            published_at=NOW,
            available_at=at,
            sentiment=tone,
        )
        item.instruments.set(instruments)

    return make


def moods():
    rows = SentimentPoint.objects.filter(name="news").order_by("period", "instrument_id")
    return [(one.period, one.instrument_id, one.value, one.count) for one in rows]


def test_an_hour_s_tone_is_the_mean_of_its_texts(story, coins):
    btc, eth = coins
    story(TODAY, 0.5, btc)
    story(TODAY + 3599, -0.1, btc, eth)
    story(TODAY + 3600, -0.9, btc)
    assert news_mood_write(now_s=TODAY + 3600 + 60) == 3
    means = {key: (value, count) for _, key, value, count in moods()}
    assert means == {
        None: (pytest.approx(0.2), 2),
        btc.pk: (pytest.approx(0.2), 2),
        eth.pk: (-0.1, 1),
    }
    for one in SentimentPoint.objects.all():
        assert one.available_at == TODAY + 3600 + 60 + SETTLE_S
        assert (one.method, one.period) == ("vader-3.3.2", TODAY)


def test_an_hour_that_is_not_over_or_has_no_news_has_no_point(story):
    story(TODAY, 0.5)
    assert news_mood_write(now_s=TODAY + 3600 + 59) == 0
    assert news_mood_write(now_s=TODAY + 3 * 3600) == 1
    assert moods() == [(TODAY, None, 0.5, 1)]


def test_an_hour_is_worked_out_once(story):
    story(TODAY, 0.5)
    news_mood_write(now_s=TODAY + 3700)
    story(TODAY + 10, -0.5)
    assert news_mood_write(now_s=TODAY + 3800) == 0
    assert moods() == [(TODAY, None, 0.5, 1)]


def test_hours_missed_are_made_up_and_count_from_now(story):
    story(TODAY, 0.5)
    story(TODAY + 7200, 0.1)
    story(TODAY - 60 * 3600, 0.9)
    now = TODAY + 10 * 3600
    assert news_mood_write(now_s=now) == 2
    assert set(SentimentPoint.objects.values_list("available_at", flat=True)) == {now + SETTLE_S}
    # Of one moment the newest hour is read.
    assert feed_points("market_news", None, 0).value.tolist() == [0.1]


def test_news_of_an_instrument_and_of_the_market_are_feeds_of_their_own(story, coins):
    btc, eth = coins
    story(TODAY, 0.5, btc)
    news_mood_write(now_s=TODAY + 3700)
    at = TODAY + 3700 + SETTLE_S
    assert feed_points("news", btc.pk, 0).available_at.tolist() == [at]
    assert feed_points("news", btc.pk, at).value.tolist() == []
    assert feed_points("news", eth.pk, 0).value.tolist() == []
    assert feed_points("news", None, 0).value.tolist() == []
    assert feed_points("market_news", None, 0).value.tolist() == [0.5]
