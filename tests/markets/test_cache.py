"""Newest values in memory: what pages ask is there, and every value has its origin and its age."""

import pytest
from django.test import Client

from markets import cache, live
from markets.events import BookChanged, QuoteChanged
from markets.hits import Hits, hits
from markets.microstructure import book_metrics
from markets.models import Instrument, QualityScore, Quarantined, Venue
from markets.quality_score import Evidence, score_of
from markets.quotes import BookReading, store
from markets.services import candles_store
from markets.types import Bar, BookView, Origin, Quote
from mystic.lib import clock
from mystic.lib.live import hub
from tests.memory import listen, newest

pytestmark = pytest.mark.django_db
BIDS = tuple((100.0 - n, 1.0 + n) for n in range(20))
ASKS = tuple((101.0 + n, 2.0) for n in range(20))
SYMBOLS = ["BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "AVAX", "LINK", "DOT"]


@pytest.fixture(autouse=True)
def fresh():
    hits.forget()
    yield
    store.clear()
    store.is_local = False


@pytest.fixture
def venue():
    return Venue.objects.create(code="binance", name="Binance")


def pair(venue, base):
    return Instrument.objects.create(
        venue=venue,
        symbol=f"{base}/USDT",
        native_id=f"{base}USDT",
        base=base,
        quote="USDT",
        tick=1_000_000,
        is_watched=True,
    )


def origin(key, age_ms):
    return {
        "instrument_id": key,
        "source": "binance",
        "is_official": True,
        "as_of_ms": None,
        "received_at_ms": clock.now_ms() - age_ms,
        "received_mono_ms": clock.monotonic_ms() - age_ms,
    }


def quote_of(key, age_ms=0):
    prices = {"bid": 100.0, "bid_size": 1.0, "ask": 101.0, "ask_size": 2.0, "last": 100.5}
    return Quote(**prices, **origin(key, age_ms))


def book_of(key, age_ms=0):
    return BookView(bids=BIDS, asks=ASKS, update_id=7, **origin(key, age_ms))


def stream(key, *, symbol="BTC/USDT", age_ms=0):
    """Let this process be the one that streams, with a quote and a book."""
    store.is_local = True
    store.put_symbols({key: symbol})
    store.put(quote_of(key, age_ms))
    store.put_book(book_of(key, age_ms))
    reading = BookReading(7, book_metrics(BIDS, ASKS), 1.5, None, None)
    store.put_reading(key, reading)


def hear(key, *, symbol="BTC/USDT", age_ms=0):
    """Let another process stream: this one only knows what it told."""
    stream(key, symbol=symbol, age_ms=age_ms)
    live.on_quote(QuoteChanged(store.latest(key)))
    live.on_book(BookChanged(store.book(key)))
    newest(f"quote:{key}", "quote")
    newest(f"book:{key}", "book")
    store.clear()
    store.is_local = False


@pytest.mark.parametrize("arrive", [stream, hear])
def test_values_are_the_same_wherever_the_asker_runs(venue, arrive):
    key = pair(venue, "BTC").pk
    arrive(key, age_ms=400)
    quote, book = cache.quote_now(key), cache.book_now(key)
    assert (quote.bid, quote.ask, quote.last) == (100.0, 101.0, 100.5)
    assert (book.bids, book.asks, book.update_id) == (BIDS, ASKS, 7)
    assert book.metrics["spread"] == 1.0
    assert book.metrics["order_flow_imbalance"] == 1.5
    assert book.metrics["cumulative_delta"] is None
    for value in (quote, book):
        assert 400 <= value.age_ms < 60_000
        assert (value.origin.source, value.origin.received_at_ms > 0) == ("binance", True)


@pytest.mark.parametrize("arrive", [stream, hear])
def test_an_old_value_keeps_its_age_and_is_live_no_longer(venue, arrive):
    key = pair(venue, "BTC").pk
    arrive(key, age_ms=600_000)
    for value in (cache.quote_now(key), cache.book_now(key)):
        assert value.age_ms >= 600_000
        assert (value.origin.is_live, value.origin.is_stale) == (False, True)


def test_what_nobody_told_is_missing_and_counted(venue):
    key = pair(venue, "BTC").pk
    assert cache.quote_now(key) is None
    assert cache.book_now(key) is None
    stream(key)
    cache.quote_now(key)
    assert hits.report() == {
        "quote": {"hits": 1, "misses": 1, "rate": 0.5},
        "book": {"hits": 0, "misses": 1, "rate": 0.0},
        "bars": {"hits": 0, "misses": 0, "rate": None},
    }
    assert hits.rate() == pytest.approx(1 / 3)
    assert Hits().rate() is None


@pytest.mark.parametrize("arrive", [stream, hear])
def test_more_than_nine_in_ten_questions_of_pages_are_answered_from_memory(venue, arrive):
    """Three people with the market open: lists, ten pairs, their charts in three timeframes."""
    pairs = [pair(venue, base) for base in SYMBOLS]
    end = clock.now_ms() // 60_000 * 60
    candles_store(
        (
            Bar(one.pk, 60, end - 60 * n, 1.0, 1.0, 1.0, 1.0, 1.0, 1, "binance", Origin.BACKFILL, 0)
            for one in pairs
            for n in range(1, 300)
        ),
        is_announced=False,
    )
    for one in pairs:
        arrive(one.pk, symbol=one.symbol)
    client = Client()
    hits.forget()
    for _ in range(4):
        assert client.get("/markets/").status_code == 200
        client.get("/api/coinstate")
        for one in pairs:
            page = client.get(f"/markets/{one.slug}/").content.decode()
            assert f'data-prov="book:{one.symbol}"' in page
            for timeframe in ("1m", "5m", "1h") if one.pk % 3 == 0 else ("1m",):
                address = f"/markets/{one.slug}/bars.json?timeframe={timeframe}&limit=10"
                assert client.get(address).json()["data"]["bars"]
            body = client.get(f"/api/v1/market-data/{one.slug}/book?levels=5").json()
            assert body["data"]["age_ms"] is not None
            client.get(f"/api/v1/market-data/{one.slug}")
    report = hits.report()
    assert report["quote"]["rate"] == report["book"]["rate"] == 1.0
    assert hits.rate() > 0.9, report
    text = client.get("/metrics").content.decode()
    assert f'mystic_cache_hits_total{{kind="quote"}} {hits.hits["quote"]}' in text
    assert f'mystic_cache_misses_total{{kind="bars"}} {hits.misses["bars"]}' in text


def test_the_book_over_the_api(venue):
    one = pair(venue, "BTC")
    client = Client()
    path = "/api/v1/market-data/BTC%2FUSDT/book"
    empty = client.get(path).json()
    assert empty["data"] == {
        "symbol": "BTC/USDT",
        "bids": [],
        "asks": [],
        "update_id": None,
        "age_ms": None,
        "metrics": None,
    }
    assert empty["live_data"] is False
    stream(one.pk)
    body = client.get(path + "?levels=3").json()
    assert body["data"]["bids"] == [[100.0, 1.0, 1.0], [99.0, 2.0, 3.0], [98.0, 3.0, 6.0]]
    assert body["data"]["asks"][2] == [103.0, 2.0, 6.0]
    assert body["data"]["metrics"]["micro_price"] == pytest.approx(100 + 1 / 3)
    assert (body["source"], body["live_data"]) == ("binance", True)
    assert len(client.get(path).json()["data"]["asks"]) == 20
    for wrong in ("0", "21", "-1", "x", "1e1", "", "²"):
        answer = client.get(path, {"levels": wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "levels_invalid")
        assert "1 to 20" in answer.json()["detail"]
    assert client.get("/api/v1/market-data/NOPE/book").status_code == 404


def test_quality_over_the_api_and_on_its_page(venue):
    good, poor, new = (pair(venue, base) for base in SYMBOLS[:3])
    for one, evidence in (
        (good, Evidence(60, bars=1440)),
        (poor, Evidence(60, bars=1000, missing=440, holes=2)),
    ):
        score = score_of(evidence)
        QualityScore.objects.create(
            instrument=one,
            score=score.value,
            level=score.level.value,
            parts={
                "scored": score.as_json(),
                "flags": [
                    {
                        "open_time": 1_700_000_040,
                        "price": 5.0,
                        "low": 9.0,
                        "high": 11.0,
                        "standing": "outlier",
                    }
                ],
            },
        )
    hour = clock.now_ms() // 3_600_000 * 3600
    Quarantined.objects.create(
        source="binance",
        kind="quote",
        instrument_id=poor.pk,
        reason="crossed",
        hour=hour,
        count=3,
        sample="<script>bid=2 ask=1</script>",
    )
    client = Client()
    data = client.get("/api/v1/quality").json()["data"]
    told = {row["symbol"]: (row["score"], row["level"]) for row in data["instruments"]}
    assert told == {
        good.symbol: (100.0, "good"),
        poor.symbol: (40.0, "poor"),
        new.symbol: (None, "unknown"),
    }
    (refused,) = data["refused"]
    assert (refused["symbol"], refused["reason"], refused["count"]) == (poor.symbol, "crossed", 3)
    one = client.get(f"/api/v1/quality?symbol={good.slug}&limit=1").json()["data"]
    assert [row["symbol"] for row in one["instruments"]] == [good.symbol]
    assert one["refused"] == []
    assert client.get("/api/v1/quality?limit=0").status_code == 400
    assert client.get("/api/v1/quality?symbol=NOPE").status_code == 404

    page = client.get("/markets/quality/").content.decode()
    rows = [page.index(f'id="quality-{key.pk}"') for key in (poor, good, new)]
    assert rows == sorted(rows)
    assert "2 gaps of 440 bars in the last day" in page
    assert "Not judged yet" in page
    assert "&lt;script&gt;bid=2 ask=1&lt;/script&gt;" in page
    part = client.get("/markets/quality/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "2 gaps of 440 bars" in part
    pair_page = client.get(f"/markets/{poor.slug}/").content.decode()
    assert "Poor data" in pair_page
    assert "Quality of the data: 40 of 100" in client.get("/markets/").content.decode()


def test_a_hub_without_the_streamer_forgets_a_lost_book(venue):
    key = pair(venue, "BTC").pk
    listen()
    hear(key)
    hub.forget(f"book:{key}", "book")
    from tests.markets.scripted import until

    until(lambda: cache.book_now(key) is None, within=5)
    assert cache.quote_now(key) is not None
