"""Stocks from loopback sources to the page: quotes, bars, hours, one source after another."""

import re
import time
from datetime import UTC, date, datetime, timedelta

import pytest

from markets.circuits import circuits
from markets.events import QuoteChanged
from markets.health import report
from markets.hours import hours
from markets.models import Candle, Gap, Instrument, InstrumentAlias, SessionDay, SourceState
from markets.providers.yahoo import rest as yahoo_rest
from markets.quotes import store
from markets.selectors import (
    closed_until,
    instrument_by_symbol,
    instruments_watched,
    quote_provenance,
)
from markets.streaming import Streamer, stock_bars
from markets.streaming.sealing import Note
from markets.streaming.session import Plan
from markets.streaming.stocks import StockDesk, StockPlan
from markets.types import Bar, Origin
from mystic.lib import bus
from mystic.lib.clock import iso
from mystic.lib.ratelimit import WeightBudget
from tests.markets.scripted import Market, until
from tests.servers import in_thread
from tests.servers_alpaca import KEY, SECRET, AlpacaServer, at
from tests.servers_alpaca import bar as alpaca_bar
from tests.servers_yahoo import YahooServer

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE, HOUR, DAY = 60, 3600, 86_400
SYMBOLS = ("AAPL", "MSFT")


@pytest.fixture(autouse=True)
def replayed(settings, monkeypatch):
    """Every address is one of this machine, so all of it is a replay."""
    env = dict(settings.ENV)
    env |= {"BINANCE_REST_URL": "http://127.0.0.1:9", "BINANCE_WS_URL": "ws://127.0.0.1:9"}
    env |= {"MYSTIC_STOCKS": list(SYMBOLS), "MYSTIC_STOCK_SOURCES": ["alpaca", "yahoo"]}
    env |= {"ALPACA_API_KEY": "", "ALPACA_API_SECRET": "", "MYSTIC_SYMBOLS": ["BTC/USDT"]}
    settings.ENV = env
    monkeypatch.setattr(yahoo_rest, "budget_default", lambda: WeightBudget(1_000_000))
    hours.clear()
    yield
    hours.clear()


def now_s():
    return time.time_ns() // 1_000_000_000


def sessions(*spans):
    """Store sessions, and one a year ahead so that nobody computes the real ones."""
    far = now_s() + 364 * DAY
    for number, (opens, closes) in enumerate([*spans, (far, far + HOUR)]):
        day = date(2026, 1, 1) + timedelta(days=number)
        if opens == far:
            day = datetime.fromtimestamp(far, tz=UTC).date()
        SessionDay.objects.create(calendar="XNYS", day=day, opens_at=opens, closes_at=closes)


def minute_before(moment):
    return moment // MINUTE * MINUTE


def yahoo_bars(server, symbol, spans, *, holes=()):
    rows = []
    for low, high in spans:
        for start in range(low, high, MINUTE):
            if start not in holes:
                price = 100 + len(rows) % 7
                rows.append((start, price, price + 1.0, price - 1.0, price + 0.5, 1000))
    server.bars[symbol, "1m"] = rows
    return [row[0] for row in rows]


class Running:
    """A streamer with a scripted venue of pairs and the real desk of stocks."""

    def __init__(self, *, days=1, poll_s=0.2, sources=("alpaca", "yahoo")):
        market = Market(["BTC/USDT"])
        market.grow(3)
        self.told = []
        plan = StockPlan(SYMBOLS, tuple(sources), MINUTE, days)
        self.streamer = Streamer(
            self.told.append,
            plan=Plan(("BTC/USDT",), MINUTE, 1),
            make_first=lambda: market.source("replay:binance"),
            make_fallbacks=list,
            make_delayed=lambda: None,
            make_desk=lambda writer, tell: StockDesk(
                plan, writer=writer, on_progress=tell, poll_s=poll_s
            ),
        )

    def __enter__(self):
        self.streamer.start()
        return self

    def __exit__(self, *_):
        self.streamer.stop()


def quoted(symbol, source):
    """Return the newest quote of a stock once it came from a source."""

    def look():
        row = Instrument.objects.filter(symbol=symbol, is_watched=True).first()
        quote = None if row is None else store.latest(row.pk)
        return quote if quote is not None and quote.source == source else None

    return until(look, within=40, say=f"{source} gave no quote of {symbol}")


def test_yahoo_alone_gives_quotes_bars_and_names_of_an_open_market(client):
    opens = minute_before(now_s()) - 40 * MINUTE
    before = (opens - 20 * HOUR, opens - 20 * HOUR + 30 * MINUTE)
    sessions(before, (opens, opens + 6 * HOUR))
    seen = []
    bus.subscribe(QuoteChanged, seen.append)
    with in_thread(YahooServer()) as server:
        point_yahoo(server)
        spans = [before, (opens, minute_before(now_s()) - MINUTE)]
        hole = opens + 5 * MINUTE
        truth = yahoo_bars(server, "AAPL", spans, holes={hole})
        yahoo_bars(server, "MSFT", spans)
        server.add_stock("AAPL", 231.4, longName="Apple Inc.")
        server.add_stock("MSFT", 421.0)
        with Running() as running:
            quote = quoted("AAPL", "replay:yahoo")
            assert (quote.bid, quote.ask, quote.last) == (231.38, 231.42, 231.4)
            assert not quote.is_official
            apple = instrument_by_symbol("aapl")
            until(lambda: stored(apple) == truth, within=40, say="the bars were not stored")
            until(lambda: not Gap.objects.filter(state="open").exists(), within=20)
            absent = Gap.objects.filter(instrument=apple, state="absent")
            inside = [(gap.start, gap.end) for gap in absent if gap.start >= before[0]]
            assert (before[1], opens) in inside
            assert (hole, hole + MINUTE) in inside
            until(lambda: state("alpaca:rest") == ("off", "ALPACA_API_KEY is not set"))
            until(lambda: state("replay:yahoo:rest")[0] == "live")
            page = client.get("/markets/").content.decode()
            assert running.streamer.desk.quotes.served_by == "yahoo"
        bus.unsubscribe(QuoteChanged, seen.append)
        asked = server.asked("/v8/finance/chart/AAPL")
    # The night was sealed without a question of its own.
    assert all(
        int(one.value("period2")) > opens or int(one.value("period1")) < before[1] for one in asked
    )
    assert (apple.asset_class, apple.session_calendar, apple.name) == (
        "stock",
        "XNYS",
        "Apple Inc.",
    )
    assert (apple.base, apple.quote, apple.price_scale, apple.tick) == ("AAPL", "USD", 4, 100)
    assert apple.venue.code == "replay:yahoo"
    assert [row.symbol for row in instruments_watched()] == ["BTC/USDT", "AAPL", "MSFT"]
    assert "AAPL" in page
    assert "US stocks" in page
    assert "replay:yahoo" in page
    assert {event.quote.source for event in seen if event.quote.instrument_id == apple.pk} == {
        "replay:yahoo"
    }


def test_a_bar_that_cannot_be_written_begins_the_desk_anew():
    opens = minute_before(now_s()) - 40 * MINUTE
    sessions((opens, opens + 6 * HOUR))
    with in_thread(YahooServer()) as server:
        point_yahoo(server)
        truth = yahoo_bars(server, "AAPL", [(opens, minute_before(now_s()) - MINUTE)])
        server.add_stock("AAPL", 231.4)
        with Running() as running:
            quoted("AAPL", "replay:yahoo")
            apple = instrument_by_symbol("aapl")
            until(lambda: stored(apple) == truth, within=40, say="the bars were not stored")
            desk = running.streamer.desk
            moment = truth[0] - DAY
            for price in (None, 1.0):
                bar = Bar(apple.pk, MINUTE, moment, *(price,) * 5, 1, "yahoo", Origin.LIVE, 0)
                note = Note(apple.pk, MINUTE, sealed=[bar])
                running.streamer._loop.call_soon_threadsafe(desk.sealing.put, note)
                until(lambda: not desk.sealing._notes, within=40, say="nobody writes any more")
            until(lambda: moment in stored(apple), within=40, say="nothing is written any more")


def test_a_closed_market_is_closed_and_not_stale(client):
    opened = minute_before(now_s()) - 30 * HOUR
    opens = minute_before(now_s()) + 13 * HOUR
    sessions((opened, opened + 2 * HOUR), (opens, opens + 6 * HOUR))
    with in_thread(YahooServer()) as server:
        point_yahoo(server)
        trade_s = opened + 2 * HOUR - 1
        for symbol in SYMBOLS:
            server.add_stock(symbol, 231.4, regularMarketTime=trade_s, marketState="CLOSED")
            truth = yahoo_bars(server, symbol, [(opened, opened + 2 * HOUR)])
        with Running(days=2):
            quote = quoted("MSFT", "replay:yahoo")
            apple = instrument_by_symbol("AAPL")
            until(lambda: stored(apple) == truth, within=40, say="the bars were not stored")
            until(lambda: "closed until" in state("replay:yahoo:rest")[1], within=20)
            polled = len(server.asked("/v7/finance/quote"))
            origin = quote_provenance(store.latest(apple.pk))
            page = client.get("/markets/").content.decode()
            told = next(one for one in report()["instruments"] if one["symbol"] == "AAPL")
            listed = client.get("/api/coinstate?asset_class=stock").json()
            refused = client.get("/api/coinstate?asset_class=gold")
            status = client.get("/status/").content.decode()
            asked = len(server.requests)
            pause(2.0)
            assert len(server.asked("/v7/finance/quote")) == polled
            assert len(server.requests) - asked <= 2
            assert state("replay:yahoo:rest")[0] == "standby"
    assert closed_until(apple) == opens
    assert (origin.is_stale, origin.closed_until_ms) == (False, opens * 1000)
    assert origin.as_of_ms == trade_s * 1000
    # Its age is that of the price, not of the answer.
    assert store_age(quote) > 20 * HOUR * 1000
    words = datetime.fromtimestamp(opens, tz=UTC).strftime("closed until %a %H:%M UTC")
    assert words in page
    assert "closed until" in status
    assert [one["symbol"] for one in listed["data"]] == list(SYMBOLS)
    assert {one["closed_until"] for one in listed["data"]} == {iso(opens * 1000)}
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_asset_class")
    ages = [int(found) for found in re.findall(r'data-age-ms="(\d+)"', page)]
    assert sum(one > 20 * HOUR * 1000 for one in ages) == 2
    assert "stale" not in told["quote"]
    assert told["closed_until"] == iso(opens * 1000)


def test_the_next_source_gives_the_quotes_under_its_name_and_hands_them_back(monkeypatch):
    monkeypatch.setattr(stock_bars, "FALLBACK_AFTER_S", 0.3)
    monkeypatch.setattr(stock_bars, "LOOK_EVERY_S", 0.1)
    opens = minute_before(now_s()) - 10 * MINUTE
    sessions((opens - 20 * HOUR, opens - 18 * HOUR), (opens, opens + 6 * HOUR))
    with in_thread(YahooServer()) as yahoo, in_thread(AlpacaServer()) as alpaca:
        point_yahoo(yahoo)
        point_alpaca(alpaca)
        for symbol in SYMBOLS:
            yahoo.add_stock(symbol, 500.0)
            yahoo_bars(yahoo, symbol, [(opens, opens + 8 * MINUTE)])
            alpaca.assets[symbol] = asset(symbol)
            alpaca.bars[symbol] = [alpaca_bar(opens + n * MINUTE) for n in range(9)]
        fresh(alpaca)
        with Running() as running:
            quote = quoted("AAPL", "replay:alpaca")
            assert (quote.bid, quote.ask) == (231.39, 231.41)
            alpaca.fail("/v2/stocks/snapshots", status=503)
            later = quoted("AAPL", "replay:yahoo")
            assert later.instrument_id == quote.instrument_id
            assert (later.bid, later.last) == (499.98, 500.0)
            until(lambda: state("replay:alpaca:rest")[0] == "down", within=20)
            serves = "gives the quotes while replay:alpaca does not answer"
            until(lambda: state("replay:yahoo:rest") == ("live", serves), within=20)
            second = Instrument.objects.get(symbol="AAPL", venue__code="replay:yahoo")
            until(lambda: len(stored(second)) == 8, within=20, say="no bars of the second source")
            assert not second.is_watched
            assert any("replay:yahoo gives the quotes" in text for text in running.told)
            alpaca.mend()
            fresh(alpaca)
            circuits.forget()
            quoted("AAPL", "replay:alpaca")
            until(lambda: state("replay:yahoo:rest")[0] == "standby", within=20)
    apple = Instrument.objects.get(symbol="AAPL", is_watched=True)
    assert apple.venue.code == "replay:alpaca"
    assert Instrument.objects.filter(symbol="AAPL").count() == 2
    sources = Candle.objects.filter(instrument_id=apple.pk).values_list("source", flat=True)
    assert set(sources) == {"replay:alpaca"}
    alias = InstrumentAlias.objects.get(source="replay:yahoo", instrument=apple)
    assert alias.native_id == "AAPL"
    assert instrument_by_symbol("AAPL") == apple


def test_a_stream_brings_quotes_and_bars_and_nothing_is_polled(settings):
    opens = minute_before(now_s()) - 5 * MINUTE
    sessions((opens - 20 * HOUR, opens - 18 * HOUR), (opens, opens + 6 * HOUR))
    with in_thread(AlpacaServer()) as alpaca:
        point_alpaca(alpaca)
        settings.ENV["ALPACA_WS_URL"] = alpaca.ws_url
        for symbol in SYMBOLS:
            alpaca.assets[symbol] = asset(symbol)
            alpaca.bars[symbol] = [alpaca_bar(opens + n * MINUTE) for n in range(4)]
        fresh(alpaca)
        with Running(poll_s=0.3) as running:
            alpaca.call(alpaca.until_subscribed(streams=4))
            apple = until(lambda: Instrument.objects.filter(symbol="AAPL", is_watched=True).first())
            until(lambda: len(stored(apple)) == 4, within=30, say="the history is missing")
            newest = opens + 4 * MINUTE
            alpaca.call(alpaca.publish({"T": "b", "S": "AAPL", **alpaca_bar(newest, 231.2)}))
            outside = opens - 3 * HOUR
            alpaca.call(alpaca.publish({"T": "b", "S": "AAPL", **alpaca_bar(outside, 231.0)}))
            alpaca.call(alpaca.publish(stream_quote("AAPL", 300.0, 300.1)))
            until(lambda: stored(apple)[-1] == newest, within=20, say="the bar was not sealed")
            quote = until(lambda: (q := store.latest(apple.pk)) and q.bid == 300.0 and q)
            assert (quote.ask, quote.is_delayed) == (300.1, False)
            assert Candle.objects.get(instrument_id=apple.pk, open_time=newest).origin == "live"
            assert outside not in stored(apple)
            until(lambda: state("replay:alpaca:stream")[0] == "live", within=10)
            assert running.streamer.desk.board.report("replay:alpaca:stream").source
    assert state("replay:alpaca:stream")[0] == "off"


def test_a_source_that_refuses_our_key_leaves_its_place_to_the_next(settings):
    opens = minute_before(now_s()) - 5 * MINUTE
    sessions((opens - 20 * HOUR, opens - 18 * HOUR), (opens, opens + 6 * HOUR))
    with in_thread(YahooServer()) as yahoo, in_thread(AlpacaServer()) as alpaca:
        point_yahoo(yahoo)
        point_alpaca(alpaca)
        settings.ENV["ALPACA_API_KEY"] = "wrong"
        for symbol in SYMBOLS:
            yahoo.add_stock(symbol, 500.0)
        with Running():
            quoted("AAPL", "replay:yahoo")
            until(lambda: "does not accept the key" in state("replay:alpaca:rest")[1], within=20)
    assert {row.venue.code for row in instruments_watched()[1:]} == {"replay:yahoo"}


def test_prices_without_bid_and_ask_are_shown_and_never_filled():
    opens = minute_before(now_s()) - 5 * MINUTE
    sessions((opens - 20 * HOUR, opens - 18 * HOUR), (opens, opens + 6 * HOUR))
    with in_thread(YahooServer()) as server:
        point_yahoo(server)
        server.add_stock("AAPL", 231.4, bid=0, ask=0)
        server.add_stock("MSFT", 421.0)
        with Running():
            quoted("MSFT", "replay:yahoo")
            apple = instrument_by_symbol("AAPL")
            price = until(lambda: store.delayed(apple.pk), within=10)
            assert (price.last, price.source) == (231.4, "replay:yahoo")
            assert store.latest(apple.pk) is None


def test_without_any_source_the_desk_says_why_and_asks_nobody():
    with Running():
        until(lambda: state("alpaca:rest") == ("off", "ALPACA_API_KEY is not set"), within=20)
        assert state("yahoo:rest") == ("off", "YAHOO_BASE_URL is switched off")
    assert not Instrument.objects.filter(asset_class="stock").exists()


def point_yahoo(server):
    from django.conf import settings

    settings.ENV["YAHOO_BASE_URL"] = server.rest_url


def point_alpaca(server):
    from django.conf import settings

    settings.ENV |= {
        "ALPACA_DATA_URL": server.rest_url,
        "ALPACA_API_URL": server.rest_url,
        "ALPACA_API_KEY": KEY,
        "ALPACA_API_SECRET": SECRET,
        "ALPACA_WS_URL": "",
    }


def asset(symbol):
    return {
        "id": symbol,
        "class": "us_equity",
        "exchange": "NASDAQ",
        "symbol": symbol,
        "name": f"{symbol} Common Stock",
        "status": "active",
        "tradable": True,
        "fractionable": True,
    }


def fresh(server):
    """Let the newest prices be of this moment."""
    server.time_ms = now_s() * 1000
    for symbol in SYMBOLS:
        moment = at(now_s())
        server.snapshots[symbol] = {
            "latestTrade": {"t": moment, "x": "V", "p": 231.4, "s": 100, "i": 1, "z": "C"},
            "latestQuote": {"t": moment, "bp": 231.39, "bs": 2, "ap": 231.41, "as": 3},
        }


def stream_quote(symbol, bid, ask):
    sides = {"ax": "V", "ap": ask, "as": 3, "bx": "V", "bp": bid, "bs": 2, "c": ["R"], "z": "C"}
    return {"T": "q", "S": symbol, **sides, "t": at(time.time())}


def stored(row):
    times = Candle.objects.filter(instrument_id=row.pk).order_by("open_time")
    return list(times.values_list("open_time", flat=True))


def state(source):
    row = SourceState.objects.filter(source=source).first()
    return (None, "") if row is None else (row.state, row.detail)


def store_age(quote):
    return store.age_ms(quote)


def pause(seconds):
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() >= end, within=seconds + 5)
