"""How stocks, indices and macro series are found, watched and shown beside pairs."""

import pytest
from django.urls import reverse

from markets.hours import hours
from markets.models import Candle, Instrument, SessionDay, Venue
from markets.providers.base import Status
from markets.providers.us_stocks import stock_spec
from markets.selectors import (
    calendar_of,
    closed_until,
    instrument_by_symbol,
    instruments_watched,
    quote_provenance,
    stock_codes,
)
from markets.services.stocks import stocks_sync
from markets.types import Quote, slug_of
from markets.watch_hours import day_before, grouped
from markets.watchlist import rows_watched
from mystic.lib.clock import monotonic_ms, now_ms

pytestmark = pytest.mark.django_db

DAY = 86_400


@pytest.fixture(autouse=True)
def sources(settings):
    settings.ENV = {
        **settings.ENV,
        "MYSTIC_SYMBOLS": ["BTC/USDT", "ETH/USDT"],
        "MYSTIC_STOCKS": ["MSFT", "AAPL"],
        "MYSTIC_STOCK_SOURCES": ["alpaca", "yahoo"],
        "YAHOO_BASE_URL": "https://query2.finance.yahoo.com",
        "ALPACA_DATA_URL": "https://data.alpaca.markets",
        "ALPACA_API_URL": "https://paper-api.alpaca.markets",
        "ALPACA_API_KEY": "k",
        "ALPACA_API_SECRET": "s",
    }
    hours.clear()
    yield
    hours.clear()


def pair(symbol, **more):
    base, _, quote = symbol.partition("/")
    venue, _ = Venue.objects.get_or_create(code="binance", defaults={"name": "Binance"})
    values = {"native_id": base + quote, "base": base, "quote": quote, "is_watched": True}
    return Instrument.objects.create(venue=venue, symbol=symbol, **{**values, **more})


def stocks(code, *symbols, is_watched=False):
    specs = {one: stock_spec(one, f"{one} Inc.", Status.TRADING) for one in symbols}
    return stocks_sync(specs, venue_code=code, is_watched=is_watched)


def macro(symbol):
    venue, _ = Venue.objects.get_or_create(code="fred", defaults={"name": "FRED"})
    return Instrument.objects.create(
        venue=venue,
        symbol=symbol,
        native_id=symbol,
        base=symbol,
        quote="",
        asset_class="macro",
        is_watched=True,
    )


def test_every_class_is_found_by_what_people_write():
    btc = pair("BTC/USDT")
    (apple,) = stocks("alpaca", "AAPL", is_watched=True)
    (berkshire,) = stocks("yahoo", "BRK.B")
    (index,) = stocks("yahoo", "^GSPC")
    rate = macro("DGS10")
    for name in ("BTC/USDT", "btcusdt", "btc-usdt", "BTC_USDT"):
        assert instrument_by_symbol(name) == btc
    for name in ("AAPL", "aapl", " Aapl "):
        assert instrument_by_symbol(name) == apple
    for name in ("BRK.B", "brk-b", "BRKB"):
        assert instrument_by_symbol(name) == berkshire
    assert instrument_by_symbol("^gspc") == instrument_by_symbol("GSPC") == index
    assert instrument_by_symbol("dgs10") == rate
    for one in (btc, apple, berkshire, index, rate):
        assert instrument_by_symbol(one.slug) == one
        assert reverse("market", args=[one.slug])
    with pytest.raises(Instrument.DoesNotExist):
        instrument_by_symbol("NOPE")


def test_the_first_source_that_is_on_wins_and_replays_are_apart(settings):
    (at_yahoo,) = stocks("yahoo", "AAPL")
    (at_alpaca,) = stocks("alpaca", "AAPL")
    (played,) = stocks("replay:yahoo", "AAPL", is_watched=True)
    assert stock_codes() == ["alpaca", "yahoo"]
    assert instrument_by_symbol("AAPL") == at_alpaca
    settings.ENV["ALPACA_API_KEY"] = ""
    assert stock_codes() == ["yahoo"]
    assert instrument_by_symbol("AAPL") == at_yahoo
    assert instruments_watched() == []
    settings.ENV |= {
        "BINANCE_REST_URL": "http://127.0.0.1:9",
        "YAHOO_BASE_URL": "http://127.0.0.1:9",
    }
    assert instrument_by_symbol("AAPL") == played
    assert instruments_watched() == [played]


def test_pairs_come_before_stocks_and_macro_is_not_decided_on():
    macro("DGS10")
    stocks("alpaca", "AAPL", "MSFT", "NVDA", is_watched=True)
    pair("ETH/USDT")
    pair("BTC/USDT")
    names = [row.symbol for row in instruments_watched()]
    assert names == ["BTC/USDT", "ETH/USDT", "MSFT", "AAPL", "NVDA"]
    groups = grouped(rows_watched())
    assert [name for name, _ in groups] == ["Crypto", "US stocks"]
    assert [len(rows) for _, rows in groups] == [2, 3]


def test_only_one_venue_of_stocks_is_watched():
    stocks("alpaca", "AAPL", "MSFT", is_watched=True)
    rows = stocks("yahoo", "AAPL", is_watched=True)
    assert instruments_watched() == rows
    assert Instrument.objects.filter(asset_class="stock", is_watched=True).count() == 1


def test_a_second_sync_keeps_scales_and_names():
    (first,) = stocks("yahoo", "AAPL")
    spec = stock_spec("AAPL", "", Status.HALTED)
    (again,) = stocks_sync({"AAPL": spec}, venue_code="yahoo", is_watched=True)
    assert (again.pk, again.name, again.status) == (first.pk, "AAPL Inc.", "halted")
    assert (again.price_scale, again.tick, again.quote_scale, again.step) == (4, 100, 8, 10**8)
    assert (again.quote, again.session_calendar) == ("USD", "XNYS")


@pytest.mark.parametrize(
    ("symbol", "slug"),
    [
        ("BTC/USDT", "BTCUSDT"),
        ("AAPL", "AAPL"),
        ("BRK.B", "BRK-B"),
        ("^GSPC", "GSPC"),
        ("EURUSD=X", "EURUSDX"),
    ],
)
def test_a_slug_fits_an_address(symbol, slug):
    assert slug_of(symbol) == slug


def now_s():
    return now_ms() // 1000


def session(opens, closes, day="2026-01-05"):
    SessionDay.objects.create(calendar="XNYS", day=day, opens_at=opens, closes_at=closes)


def test_a_quote_of_a_closed_market_is_old_and_not_stale():
    (apple,) = stocks("alpaca", "AAPL", is_watched=True)
    session(now_s() - 9000, now_s() - 5000, "2026-01-05")
    session(now_s() + 5000, now_s() + 9000, "2026-01-06")
    opens = now_s() + 5000
    calendar_of("XNYS")
    hours.follow({apple.pk: "XNYS"})
    mono = monotonic_ms() - 5_000_000
    told = (1.0, 1.0, 2.0, 1.0, None, "alpaca")
    times = {"as_of_ms": 1, "received_at_ms": now_ms(), "received_mono_ms": mono}
    quote = Quote(apple.pk, *told, is_official=True, **times)
    origin = quote_provenance(quote)
    assert (origin.is_stale, origin.is_live) == (False, False)
    assert abs(origin.closed_until_ms // 1000 - opens) <= 1
    assert origin.as_json()["closed_until"].endswith("Z")
    assert closed_until(apple) == origin.closed_until_ms // 1000
    other = Quote(apple.pk + 1, *told, is_official=True, **times)
    assert quote_provenance(other).is_stale
    assert quote_provenance(other).closed_until_ms is None


def test_a_pair_never_closes():
    assert closed_until(pair("BTC/USDT")) is None


def test_the_day_before_is_the_last_price_until_then():
    btc = pair("BTC/USDT")
    (apple, other) = stocks("alpaca", "AAPL", "MSFT", is_watched=True)
    monday = 1_795_444_200
    friday_close = monday - 3 * DAY + 23_400
    for one, times in ((apple, (friday_close - 60, monday)), (other, (monday,)), (btc, (monday,))):
        for time in times:
            Candle.objects.create(
                instrument_id=one.pk,
                timeframe=60,
                open_time=time,
                open=1,
                high=1,
                low=1,
                close=1,
                volume=1,
                source="t",
                origin="live",
                received_at_ms=1,
            )
    newest = {one.pk: monday for one in (btc, apple, other)}
    assert day_before([btc, apple, other], newest) == {
        btc.pk: monday - DAY,
        apple.pk: friday_close - 60,
        other.pk: monday - DAY,
    }
