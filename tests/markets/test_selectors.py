"""What markets answers: instruments by name, sealed bars, provenance, health."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from markets import live
from markets.bars import BarsError
from markets.events import BarForming, BarsClosed, BookChanged, QuoteChanged, SourceChanged
from markets.health import report
from markets.models import Gap, Instrument, SourceState, StreamLease, Venue
from markets.quotes import store
from markets.selectors import (
    bars_load,
    closed_through,
    day_references,
    instrument_by_symbol,
    instruments_watched,
    quote_provenance,
    sources,
)
from markets.services import SourceReport, candles_store, catalogue_sync, source_state_write
from markets.types import Bar, BookView, FormingBar, Origin, Quote
from mystic.lib import bus
from mystic.lib.clock import monotonic_ms, now_ms
from mystic.lib.live import hub
from tests.markets.scripted import spec
from tests.memory import newest

pytestmark = pytest.mark.django_db

START = 1_699_999_200  # on the grid of an hour
MINUTE = 60


@pytest.fixture(autouse=True)
def fresh_store():
    store.clear()
    yield
    store.clear()
    store.put_references({})


@pytest.fixture
def catalogue():
    """Two venues that know the same pair, and one more each."""
    live_specs = [spec("BTC/USDT", "BTCUSDT"), spec("ETH/USDT", "ETHUSDT")]
    catalogue_sync(live_specs, venue_code="binance", symbols=["ETH/USDT", "BTC/USDT"])
    catalogue_sync(live_specs[:1], venue_code="replay:binance", symbols=["BTC/USDT"])
    catalogue_sync([spec("BTC/USDT", "BTC-USDT")], venue_code="coinbase", symbols=[])


def bar(key, number, close=None):
    value = 100.0 + number if close is None else close
    return Bar(
        key,
        MINUTE,
        START + number * MINUTE,
        value,
        value + 2,
        value - 2,
        value + 1,
        1.0,
        5,
        "binance",
        Origin.BACKFILL,
        0,
    )


def quote(key, *, source="binance", is_official=True, age_ms=0, last=101.0):
    return Quote(
        key,
        99.0,
        1.0,
        101.0,
        2.0,
        last,
        source,
        is_official,
        None,
        now_ms(),
        monotonic_ms() - age_ms,
    )


def of(code, symbol="BTC/USDT"):
    return Instrument.objects.get(venue__code=code, symbol=symbol)


@pytest.mark.parametrize("name", ["BTC/USDT", "BTCUSDT", "btc-usdt", " btc_usdt "])
def test_an_instrument_has_many_spellings(catalogue, name):
    assert instrument_by_symbol(name) == of("binance")


@pytest.mark.parametrize("name", ["", "BTC", "XXX/USDT", "BTC/USDT\x00", "B" * 500, "BTC'--"])
def test_an_unknown_instrument_does_not_exist(catalogue, name):
    with pytest.raises(Instrument.DoesNotExist):
        instrument_by_symbol(name)


def test_the_configured_venue_decides(catalogue, settings):
    assert [row.symbol for row in instruments_watched()] == ["BTC/USDT", "ETH/USDT"]
    settings.ENV = {**settings.ENV, "BINANCE_REST_URL": "http://127.0.0.1:9"}
    assert instrument_by_symbol("BTC/USDT") == of("replay:binance")
    assert instruments_watched() == [of("replay:binance")]
    with pytest.raises(Instrument.DoesNotExist):
        instrument_by_symbol("ETH/USDT")


def test_scales_never_change_and_rules_are_translated(catalogue):
    finer = replace(spec("BTC/USDT", "BTCUSDT"), price_scale=10, tick=500, status="halted")
    catalogue_sync([finer], venue_code="binance", symbols=["BTC/USDT"])
    row = of("binance")
    assert (row.price_scale, row.tick, row.status) == (8, 5, "halted")
    coarser = replace(finer, price_scale=2, tick=1)
    catalogue_sync([coarser], venue_code="binance", symbols=["BTC/USDT"])
    assert of("binance").tick == 1_000_000
    unsayable = replace(finer, price_scale=10, tick=1)
    catalogue_sync([unsayable], venue_code="binance", symbols=["BTC/USDT"])
    assert of("binance").tick == 1_000_000


def test_bars_are_loaded_newest_first_cut_and_oldest_first_ordered(catalogue):
    key = of("binance").pk
    candles_store([bar(key, n) for n in range(120)])
    assert closed_through(key, MINUTE) == START + 120 * MINUTE
    assert closed_through(key, 3600) == START + 120 * MINUTE
    assert bars_load(key, MINUTE, limit=3).open_time.tolist() == [
        START + n * MINUTE for n in (117, 118, 119)
    ]
    early = bars_load(key, MINUTE, end=START + 90, limit=10)
    assert early.open_time.tolist() == [START]
    hours = bars_load(key, 3600, limit=10)
    assert hours.open_time.tolist() == [START, START + 3600]
    assert hours.open.tolist() == [100.0, 160.0]
    assert hours.high.tolist() == [161.0, 221.0]
    assert hours.low.tolist() == [98.0, 158.0]
    assert hours.close.tolist() == [160.0, 220.0]
    assert hours.volume.tolist() == [60.0, 60.0]
    assert (hours.timeframe, hours.source) == (3600, "binance")


def test_an_hour_that_is_not_over_is_not_loaded(catalogue):
    key = of("binance").pk
    candles_store([bar(key, n) for n in range(119)])
    assert bars_load(key, 3600, limit=10).open_time.tolist() == [START]
    assert closed_through(key, 3600) == START + 3600
    # The venue confirmed that it has no bar for the last minute.
    Gap.objects.create(
        instrument_id=key,
        timeframe=60,
        start=START + 119 * 60,
        end=START + 120 * 60,
        state="absent",
    )
    assert bars_load(key, 3600, limit=10).open_time.tolist() == [START, START + 3600]


@pytest.mark.parametrize("end", [START + 60 * n for n in (1, 59, 60, 61, 119, 120, 200)])
def test_no_bar_is_loaded_that_closed_after_the_end(catalogue, end):
    key = of("binance").pk
    candles_store([bar(key, n) for n in range(180)])
    for timeframe in (60, 300, 3600):
        bars = bars_load(key, timeframe, end=end, limit=1000)
        assert all(bars.open_time + timeframe <= end)
        assert len(bars) == min(end - START, 180 * 60) // timeframe


def test_strange_questions_about_bars(catalogue):
    key = of("binance").pk
    assert len(bars_load(key, 60, limit=10)) == 0
    assert closed_through(key, 60) is None
    candles_store([bar(key, 0)])
    assert len(bars_load(key, 60, limit=0)) == 0
    for timeframe in (1, 90, 0, -60):
        with pytest.raises(BarsError):
            bars_load(key, timeframe, limit=10)


def test_a_quote_is_live_only_when_official_and_fresh(catalogue):
    fresh = quote_provenance(quote(1))
    assert (fresh.is_live, fresh.is_stale, fresh.source) == (True, False, "binance")
    old = quote_provenance(quote(1, age_ms=30_500))
    assert (old.is_live, old.is_stale) == (False, True)
    played = quote_provenance(quote(1, source="replay:binance", is_official=False))
    assert (played.is_live, played.is_replay, played.is_stale) == (False, True, False)


def test_the_change_of_a_day_is_known_or_missing(catalogue):
    key = of("binance").pk
    day = 1440
    candles_store([bar(key, 0, close=199.0), bar(key, day), bar(key, day - 1)])
    assert day_references([key]) == {key: 200.0}
    assert store.change_24h(quote(key)) is None
    store.put_references(day_references([key]))
    assert store.change_24h(quote(key, last=210.0)) == pytest.approx(0.05)
    assert store.change_24h(quote(key, last=None)) == pytest.approx(-0.5)


def test_pages_hear_of_quotes_books_bars_and_sources(catalogue):
    row = of("binance")
    store.put_symbols({row.pk: row.symbol})
    live.on_quote(QuoteChanged(quote(row.pk)))
    message = newest(f"quote:{row.pk}", "quote")
    assert message["type"] == "market_data"
    assert (message["source"], message["is_live"]) == ("binance", True)
    data = message["data"]
    assert (data["symbol"], data["slug"], data["bid"], data["ask"], data["mid"]) == (
        "BTC/USDT",
        "BTCUSDT",
        99.0,
        101.0,
        100.0,
    )
    assert data["change_24h"] is None

    is_official = True
    view = BookView(
        row.pk,
        ((99.0, 1.0),),
        ((101.0, 2.0),),
        7,
        "binance",
        is_official,
        5,
        now_ms(),
        monotonic_ms(),
    )
    live.on_book(BookChanged(view))
    levels = newest(f"book:{row.pk}", "book")["data"]["bids"]
    assert [tuple(level) for level in levels] == [(99.0, 1.0)]

    forming = FormingBar(row.pk, 60, START, 1.0, 2.0, 0.5, 1.5, 9.0, "replay:binance", now_ms())
    live.on_bar_forming(BarForming(forming))
    message = newest(f"bar:{row.pk}", "bar")
    assert (message["is_live"], message["source"]) == (False, "replay:binance")
    names = ("open_time", "o", "h", "l", "c", "v")
    assert [message["data"][name] for name in names] == [START, 1.0, 2.0, 0.5, 1.5, 9.0]

    live.on_bars_closed(BarsClosed(60, (bar(row.pk, 0),)))
    live.on_source(SourceChanged("binance:stream", "live", "data"))
    message = newest("system", "binance:stream")
    assert (message["type"], message["data"]["state"]) == ("source", "live")


def test_a_source_is_told_when_its_state_changes(django_capture_on_commit_callbacks):
    heard = []
    bus.subscribe(SourceChanged, heard.append)
    try:
        for state, detail in (("connecting", "a"), ("live", "b"), ("live", "c"), ("down", "d")):
            with django_capture_on_commit_callbacks(execute=True):
                source_state_write([SourceReport("binance:stream", state, detail)])
    finally:
        bus.unsubscribe(SourceChanged, heard.append)
    assert [(e.state, e.detail) for e in heard] == [
        ("connecting", "a"),
        ("live", "b"),
        ("down", "d"),
    ]
    assert SourceState.objects.get().detail == "d"


def test_sources_of_a_dead_streamer_are_not_called_live(catalogue):
    source_state_write([SourceReport("binance:stream", "live", "data")])
    StreamLease.objects.create(name="markets", holder="elsewhere:1:a")
    assert [row.state for row in sources()] == ["live"]
    StreamLease.objects.update(renewed_at=timezone.now() - timedelta(seconds=30))
    row = sources()[0]
    assert row.state == "off"
    assert "not running" in row.detail
    assert SourceState.objects.get().state == "live"


def test_health_tells_what_is_and_what_is_not(catalogue):
    key = of("binance").pk
    hub.forget(f"quote:{key}", "quote")
    candles_store([bar(key, n) for n in range(3)])
    Gap.objects.create(instrument_id=key, timeframe=60, start=START - 600, end=START)
    told = report()
    assert (told["status"], told["venue"], told["is_replay"]) == ("degraded", "binance", False)
    assert told["open_gaps"][0]["bars"] == 10
    assert [row["symbol"] for row in told["instruments"]] == ["BTC/USDT", "ETH/USDT"]
    assert told["instruments"][0]["quote"] is None
    StreamLease.objects.create(name="markets", holder="here:1:a")
    source_state_write([SourceReport("binance:stream", "live", "data", counters={"quotes": 4})])
    store.put(quote(key))
    told = report()
    assert told["status"] == "ok"
    assert told["sources"][0]["counters"] == {"quotes": 4}
    assert told["instruments"][0]["quote"]["is_live"] is True
    assert Venue.objects.count() == 3


@pytest.mark.parametrize(
    ("rest", "seen"), [("down", "down"), ("blocked", "down"), ("live", "connecting")]
)
def test_a_stream_that_waits_for_rest_is_down(rest, seen):
    SourceState.objects.create(source="binance:rest", state=rest)
    SourceState.objects.create(source="binance:stream", state="connecting")
    SourceState.objects.create(source="coinbase:stream", state="connecting")
    assert {row.source: row.state for row in sources()} == {
        "binance:rest": rest,
        "binance:stream": seen,
        "coinbase:stream": "connecting",
    }
