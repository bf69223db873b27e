"""A stock on anybody's list is followed within seconds, and no longer than it is listed."""

import pytest
from django.test import Client

from markets.models import Candle, Instrument, Venue, WatchItem
from markets.providers.base import Status
from markets.providers.us_stocks import stock_spec
from markets.quotes import store
from markets.selectors import instruments_watched
from markets.selectors_streamed import MOST_STOCKS, stocks_followed
from markets.services.stocks import stocks_add
from markets.services.watchlists import watch_add, watch_hand_over, watch_remove
from markets.streaming import stock_bars, stock_following, stock_lists
from tests.markets import test_stocks as desk
from tests.markets.scripted import until
from tests.markets.test_stocks import HOUR, MINUTE, Running, now_s, quoted, sessions
from tests.servers import in_thread
from tests.servers_alpaca import AlpacaServer
from tests.servers_alpaca import bar as alpaca_bar
from tests.servers_yahoo import YahooServer

pytestmark = pytest.mark.django_db(transaction=True)

replayed = desk.replayed


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(stock_following, "FOLLOW_EVERY_S", 0.1)
    monkeypatch.setattr(stock_lists, "LOOK_EVERY_S", 0.1)


def listed(code, *tickers, quote="USD"):
    specs = {one: stock_spec(one, f"{one} Inc.", Status.TRADING, quote=quote) for one in tickers}
    return stocks_add(specs, venue_code=code)


def opened():
    opens = desk.minute_before(now_s()) - 10 * MINUTE
    sessions((opens - 20 * HOUR, opens - 18 * HOUR), (opens, opens + 6 * HOUR))
    return opens


def asked_for(server, symbol):
    return [
        one
        for one in server.asked("/v7/finance/quote")
        if symbol in one.value("symbols").split(",")
    ]


def test_a_stock_is_polled_and_its_bars_are_kept_while_somebody_lists_it(ann, ben):
    opens = opened()
    with in_thread(YahooServer()) as server:
        desk.point_yahoo(server)
        for symbol in ("AAPL", "MSFT", "BRK-B"):
            server.add_stock(symbol, 231.4)
            truth = desk.yahoo_bars(server, symbol, [(opens, opens + 8 * MINUTE)])
        with Running():
            quoted("AAPL", "replay:yahoo")
            (stock,) = listed("replay:yahoo", "BRK.B")
            Instrument.objects.filter(pk=stock.pk).update(native_id="BRK-B")
            watch_add(user_id=ann.pk, instrument=stock)
            watch_add(user_id=ben.pk, instrument=stock)
            quote = until(lambda: store.latest(stock.pk), within=30, say="it was not polled")
            assert (quote.bid, quote.source) == (231.38, "replay:yahoo")
            until(lambda: desk.stored(stock) == truth, within=30, say="its bars were not stored")
            # What a person lists is followed; what strategies decide on is of the settings.
            assert [row.symbol for row in instruments_watched()[1:]] == ["AAPL", "MSFT"]
            client = Client()
            client.force_login(ann)
            html = client.get("/markets/list/").content.decode()
            assert 'data-symbol="BRK.B"' in html
            assert "231.40" in html
            assert "replay:yahoo" in html
            assert "data-age-ms" in html
            watch_remove(user_id=ann.pk, instrument=stock)
            watch_remove(user_id=ben.pk, instrument=stock)
            until(lambda: store.latest(stock.pk) is None, within=20, say="it is still kept")
            polled = len(asked_for(server, "BRK-B"))
            others = len(asked_for(server, "AAPL"))
            until(lambda: len(asked_for(server, "AAPL")) >= others + 3, within=20)
            assert len(asked_for(server, "BRK-B")) <= polled + 1
            assert store.latest(stock.pk) is None
    assert Candle.objects.filter(instrument_id=stock.pk).count() == len(truth)


def test_lists_are_followed_without_any_stock_in_the_settings(ann, monkeypatch):
    monkeypatch.setattr(desk, "SYMBOLS", ())
    opened()
    with in_thread(YahooServer()) as server:
        desk.point_yahoo(server)
        server.add_stock("PLTR", 18.0)
        with Running():
            (stock,) = listed("replay:yahoo", "PLTR")
            desk.pause(0.5)
            assert not server.requests
            watch_add(user_id=ann.pk, instrument=stock)
            until(lambda: store.latest(stock.pk), within=30, say="it was not polled")
            watch_remove(user_id=ann.pk, instrument=stock)
            desk.pause(0.6)
            asked = len(server.requests)
            desk.pause(0.6)
            assert len(server.requests) == asked
    assert not Instrument.objects.get(symbol="PLTR").is_watched


def test_the_next_source_serves_what_is_added_meanwhile(ann, monkeypatch):
    monkeypatch.setattr(stock_bars, "FALLBACK_AFTER_S", 0.3)
    monkeypatch.setattr(stock_bars, "LOOK_EVERY_S", 0.1)
    opens = opened()
    with in_thread(YahooServer()) as yahoo, in_thread(AlpacaServer()) as alpaca:
        desk.point_yahoo(yahoo)
        desk.point_alpaca(alpaca)
        for symbol in ("AAPL", "MSFT", "F"):
            yahoo.add_stock(symbol, 500.0)
            desk.yahoo_bars(yahoo, symbol, [(opens, opens + 8 * MINUTE)])
            alpaca.assets[symbol] = desk.asset(symbol)
        desk.fresh(alpaca)
        with Running():
            quoted("AAPL", "replay:alpaca")
            alpaca.fail("/v2/stocks/snapshots", status=503)
            quoted("AAPL", "replay:yahoo")
            (ford,) = listed("replay:alpaca", "F")
            watch_add(user_id=ann.pk, instrument=ford)
            quote = until(lambda: store.latest(ford.pk), within=30, say="it was not polled")
            assert (quote.source, quote.last) == ("replay:yahoo", 500.0)
            second = until(
                lambda: Instrument.objects.filter(symbol="F", venue__code="replay:yahoo").first()
            )
            until(lambda: len(desk.stored(second)) == 8, within=30, say="no bars of the second")
    assert not second.is_watched


def test_a_stream_is_told_what_is_listed(ann, settings):
    opens = opened()
    with in_thread(AlpacaServer()) as alpaca:
        desk.point_alpaca(alpaca)
        settings.ENV["ALPACA_WS_URL"] = alpaca.ws_url
        for symbol in ("AAPL", "MSFT", "F"):
            alpaca.assets[symbol] = desk.asset(symbol)
            alpaca.bars[symbol] = [alpaca_bar(opens + n * MINUTE) for n in range(4)]
        desk.fresh(alpaca)
        with Running(poll_s=0.3):
            client = alpaca.call(alpaca.until_subscribed(streams=6))
            (ford,) = listed("replay:alpaca", "F")
            watch_add(user_id=ann.pk, instrument=ford)
            until(lambda: "F" in alpaca.subscribed(client)["bars"], within=20)
            until(lambda: len(desk.stored(ford)) == 4, within=30, say="the history is missing")
            alpaca.call(alpaca.publish(desk.stream_quote("F", 12.0, 12.1)))
            until(lambda: (quote := store.latest(ford.pk)) and quote.bid == 12.0, within=10)
            newest = opens + 4 * MINUTE
            alpaca.call(alpaca.publish({"T": "b", "S": "F", **alpaca_bar(newest, 231.2)}))
            until(lambda: desk.stored(ford)[-1] == newest, within=20, say="no bar was sealed")
            watch_remove(user_id=ann.pk, instrument=ford)
            until(lambda: "F" not in alpaca.subscribed(client)["quotes"], within=20)
            until(lambda: store.latest(ford.pk) is None, within=10)
            alpaca.call(alpaca.publish(desk.stream_quote("F", 13.0, 13.1)))
            alpaca.call(alpaca.publish({"T": "b", "S": "F", **alpaca_bar(newest + MINUTE)}))
            alpaca.call(alpaca.publish(desk.stream_quote("AAPL", 300.0, 300.1)))
            apple = Instrument.objects.get(symbol="AAPL")
            until(lambda: (quote := store.latest(apple.pk)) and quote.bid == 300.0, within=10)
            assert store.latest(ford.pk) is None
            assert len(alpaca.clients) == 1
    assert desk.stored(ford)[-1] == newest


def test_a_stock_of_a_list_is_followed_from_the_start_without_being_asked_about_again(ann):
    opened()
    with in_thread(AlpacaServer()) as alpaca:
        desk.point_alpaca(alpaca)
        for symbol in ("AAPL", "MSFT", "GM"):
            alpaca.assets[symbol] = desk.asset(symbol)
        desk.fresh(alpaca)
        alpaca.snapshots["F"] = alpaca.snapshots["GM"] = alpaca.snapshots["AAPL"]
        (ford,) = listed("replay:alpaca", "F")
        (elsewhere,) = listed("replay:yahoo", "GM")
        watch_add(user_id=ann.pk, instrument=ford)
        watch_add(user_id=ann.pk, instrument=elsewhere)
        with Running(sources=("alpaca",)):
            until(lambda: store.latest(ford.pk), within=30, say="it was not polled")
            motors = Instrument.objects.get(symbol="GM", venue__code="replay:alpaca")
            until(lambda: store.latest(motors.pk), within=30, say="it was not handed over")
            until(lambda: WatchItem.objects.filter(instrument=motors).exists(), within=10)
        assert not alpaca.asked("/v2/assets/F")
        assert len(alpaca.asked("/v2/assets/GM")) == 1
    assert [row.symbol for row in instruments_watched()[1:]] == ["AAPL", "MSFT"]


def test_what_is_followed_of_the_lists(ann, ben):
    apple, ford, gone = listed("alpaca", "AAPL", "F", "OLD")
    Instrument.objects.filter(pk=gone.pk).update(status="delisted")
    (other,) = listed("yahoo", "GM")
    (played,) = listed("replay:yahoo", "T")
    binance = Venue.objects.create(code="binance", name="Binance")
    pair = Instrument.objects.create(
        venue=binance, symbol="BTC/USDT", native_id="BTCUSDT", base="BTC", quote="USDT"
    )
    for user, row in ((ben, ford), (ann, apple), (ann, ford), (ann, gone), (ann, other)):
        watch_add(user_id=user.pk, instrument=row)
    watch_add(user_id=ann.pk, instrument=pair)
    watch_add(user_id=ann.pk, instrument=played)
    assert stocks_followed(["MSFT", "AAPL"], venue_code="alpaca") == ["MSFT", "AAPL", "F"]
    assert stocks_followed(["MSFT"]) == ["MSFT", "F", "AAPL", "GM"]
    assert stocks_followed([], is_replay=True) == ["T"]
    many = [f"S{number}" for number in range(MOST_STOCKS - 1)]
    assert stocks_followed(many, venue_code="alpaca") == [*many, "F"]
    assert stocks_followed([*many, "X", "Y"], venue_code="alpaca") == [*many, "X", "Y"]


def test_a_list_goes_over_to_the_source_that_is_followed(ann, ben):
    there = listed("yahoo", "AAPL", "F", "GM")
    apple, ford = listed("alpaca", "AAPL", "F")
    listed("alpaca", "SAP", quote="EUR")
    (sap,) = listed("yahoo", "SAP")
    for row in (*there, sap):
        watch_add(user_id=ann.pk, instrument=row)
    watch_add(user_id=ann.pk, instrument=ford)
    watch_add(user_id=ben.pk, instrument=there[0])
    assert watch_hand_over(venue_code="alpaca") == 3
    names = WatchItem.objects.filter(user=ann).values_list(
        "instrument__symbol", "instrument__venue__code"
    )
    assert list(names) == [
        ("AAPL", "alpaca"),
        ("GM", "yahoo"),
        ("SAP", "yahoo"),
        ("F", "alpaca"),
    ]
    assert WatchItem.objects.get(user=ben).instrument == apple
    assert watch_hand_over(venue_code="alpaca") == 0
    assert watch_hand_over(venue_code="replay:yahoo") == 0


def test_a_closed_market_is_said_on_the_own_list(ann):
    opens = desk.minute_before(now_s()) + 13 * HOUR
    sessions((opens - 30 * HOUR, opens - 28 * HOUR), (opens, opens + 6 * HOUR))
    (ford,) = listed("replay:alpaca", "F")
    watch_add(user_id=ann.pk, instrument=ford)
    client = Client()
    client.force_login(ann)
    html = client.get("/markets/list/").content.decode()
    assert "closed until" in html
    assert "no quote has arrived and no bar is stored yet" in html
    Instrument.objects.update(status="halted")
    assert "halted" in client.get("/markets/list/").content.decode()
