"""Points of feeds as strategies get them: from the rows, in the order in which they were known."""

from datetime import UTC, date, datetime, timedelta

import pytest

from markets.models import (
    BookStat,
    FeedState,
    Instrument,
    SentimentPoint,
    UnusualActivity,
    Venue,
)
from markets.selectors_feeds import UnknownFeedError, feed_points, feed_settled
from markets.services.feeds import CLAIM, feed_claim, feed_failed, feed_succeeded
from mystic.lib.clock import now_ms

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
MINUTE = 1_795_219_200


def book(minute, **values):
    return BookStat.objects.create(
        instrument_id=7, open_time=MINUTE + minute * 60, samples=3, source="binance", **values
    )


def mood(period, value, at):
    return SentimentPoint.objects.create(
        name="fear_greed", value=value, period=period, available_at=at, source="fear_greed",
        received_at_ms=at * 1000,
    )  # fmt: skip


def test_a_minute_of_the_book_is_known_from_its_end_on():
    book(0, imbalance=0.1)
    book(1, imbalance=None, spread=0.2)
    book(2, imbalance=0.3)
    found = feed_points("book.imbalance", 7, MINUTE)
    assert found.available_at.tolist() == [MINUTE + 60, MINUTE + 180]
    assert found.value.tolist() == [0.1, 0.3]
    assert feed_points("book.imbalance", 7, MINUTE + 60).value.tolist() == [0.3]
    assert feed_points("book.imbalance", 7, 0, MINUTE + 179).value.tolist() == [0.1]
    assert feed_points("book.imbalance", 7, 0, MINUTE + 180).value.tolist() == [0.1, 0.3]
    assert feed_points("book.imbalance", 8, 0).value.tolist() == []
    assert feed_points("book.imbalance", None, 0).value.tolist() == []


def test_the_borders_of_a_span():
    for n in (1, 2, 3):
        mood(n * 86_400, n, n * 100)
    assert feed_points("fear_greed", None, 100, 300).value.tolist() == [2, 3]
    assert feed_points("fear_greed", None, 99, 299).value.tolist() == [1, 2]


def test_of_one_moment_the_newest_period_counts():
    mood(2 * 86_400, 2, 100)
    mood(86_400, 1, 100)
    found = feed_points("fear_greed", None, 0)
    assert (found.available_at.tolist(), found.value.tolist()) == ([100], [2])


@pytest.mark.parametrize("name", ["feargreed", "book.samples", "book.pk", "", "macro:NOSUCH"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(UnknownFeedError):
        feed_points(name, 7, 0)


def test_a_minute_of_the_book_is_waited_for_until_it_can_be_there():
    now = now_ms() // 1000
    close = now // 60 * 60

    def settled(newest_close):
        return feed_settled("book.spread", 7, newest_close=newest_close)

    # Nothing is stored: what was to be written within a quarter of a minute is over.
    assert now - 15 <= settled(0) <= now - 10
    # The next bar closed, and the minute before it is not waited for any more.
    assert settled(now) <= now - 10
    BookStat.objects.create(
        instrument_id=7, open_time=close - 60, samples=1, source="binance", spread=0.1
    )
    assert settled(close) >= close
    assert feed_settled("fear_greed", None, newest_close=0) >= now


def test_in_a_replay_the_next_bar_ends_the_waiting(settings):
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": "http://127.0.0.1:9",
        "BINANCE_WS_URL": "ws://127.0.0.1:9",
    }
    assert feed_settled("book.spread", 7, newest_close=MINUTE + 120) == MINUTE + 60
    book(1, spread=0.1)
    assert feed_settled("book.spread", 7, newest_close=MINUTE + 120) == MINUTE + 120


def test_a_feed_is_claimed_by_one():
    first = feed_claim("fred:X", now=NOW)
    assert first is not None
    assert feed_claim("fred:X", now=NOW) is None
    # Who died loses it.
    assert feed_claim("fred:X", now=NOW + CLAIM) is not None


def test_following_begins_with_the_first_whole_reading():
    state = feed_claim("fred:X", now=NOW)
    feed_failed(state, reason="no", now=NOW)
    assert FeedState.objects.get().followed_from is None
    for hours in (1, 2):
        moment = NOW + timedelta(hours=hours)
        state = feed_claim("fred:X", now=moment)
        feed_succeeded(state, began=moment, next_read_at=moment)
    assert FeedState.objects.get().followed_from == int(NOW.timestamp()) + 3600


def unusual(stock, contract, day, at_s, premium):
    return UnusualActivity.objects.create(
        underlying=stock, contract=contract, day=day, volume=500, premium=premium, score=2.0,
        source="yahoo", detected_at_ms=at_s * 1000 - 400,
    )  # fmt: skip


def test_unusual_options_are_the_days_calls_less_its_puts():
    venue = Venue.objects.create(code="yahoo", name="Yahoo")
    stock = Instrument.objects.create(
        venue=venue, symbol="AAPL/USD", native_id="AAPL", base="AAPL", quote="USD",
        asset_class="stock",
    )  # fmt: skip
    first, second = date(2026, 11, 20), date(2026, 11, 21)
    at = MINUTE
    unusual(stock, "AAPL261218C00230000", first, at, 300_000.0)
    unusual(stock, "AAPL261218P00200000", first, at + 600, 450_000.5)
    unusual(stock, "AAPL261218C00240000", first, at + 600, 100_000.0)
    unusual(stock, "AAPL261218P00210000", first, at + 900, None)
    unusual(stock, "AAPL261218P00190000", second, at + 86_400, 70_000.0)
    found = feed_points("unusual_options", stock.pk, 0)
    assert found.available_at.tolist() == [at + 15, at + 615, at + 86_415]
    assert found.value.tolist() == [300_000.0, -50_000.5, -70_000.0]
    # What came before the span still belongs to the day's sum.
    part = feed_points("unusual_options", stock.pk, at + 15, at + 615)
    assert (part.available_at.tolist(), part.value.tolist()) == ([at + 615], [-50_000.5])
    assert len(feed_points("unusual_options", stock.pk, at + 15, at + 614).value) == 0
    assert len(feed_points("unusual_options", stock.pk + 1, 0).value) == 0
    assert len(feed_points("unusual_options", None, 0).value) == 0
