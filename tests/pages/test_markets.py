"""The watch list and the page of one pair: real values at the first paint."""

import re

import pytest

from markets import watchlist
from markets.live import quote_payload
from markets.quotes import store
from mystic.lib.live import hub
from tests.memory import newest
from tests.pages.conftest import NOW_S


def cells(html, symbol):
    """Return the texts of the row of one pair, tags taken out."""
    start = html.index(f'<tr data-symbol="{symbol}">')
    row = html[start : html.index("</tr>", start)]
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", cell)).strip() for cell in row.split("<td")]


def test_first_paint_shows_the_newest_quote(client, btc, quote):
    quote(btc, 61000.5, 61000.51, last=61000.6)
    html = client.get("/").content.decode()
    row = cells(html, "BTC/USDT")
    assert row[1].endswith("61,000.60")
    assert row[3].endswith("61,000.50")
    assert row[4].endswith("61,000.51")
    assert row[5].endswith("0.01")
    assert 'data-state="live" data-prov="quote:BTC/USDT"' in html


def test_without_a_trade_the_mid_price_is_shown_and_named(client, btc, quote):
    quote(btc, 100.0, 101.0)
    html = client.get("/").content.decode()
    assert cells(html, "BTC/USDT")[1].endswith("100.50")
    assert 'title="mid price"' in html


def test_old_quote_is_called_stale(client, btc, quote):
    quote(btc, 100.0, 101.0, age_ms=60_000)
    html = client.get("/").content.decode()
    assert 'data-state="stale" data-prov="quote:BTC/USDT"' in html
    assert "60 s" in cells(html, "BTC/USDT")[-1]


def test_replayed_quote_is_called_a_replay(client, btc, quote):
    quote(btc, 100.0, 101.0, source="replay:binance", is_official=False)
    assert 'data-state="replay" data-prov="quote:BTC/USDT"' in client.get("/").content.decode()


def test_without_a_quote_the_last_stored_close_stands(client, btc, bar):
    bar(btc, NOW_S - 120, 60000.25)
    html = client.get("/").content.decode()
    row = cells(html, "BTC/USDT")
    assert row[1].endswith("60,000.25")
    assert row[3].endswith("—")
    assert 'title="last stored close"' in html
    assert 'data-state="stored" data-prov="quote:BTC/USDT"' in html


def test_without_anything_a_dash_and_its_reason_stand(client, btc):
    html = client.get("/").content.decode()
    assert cells(html, "BTC/USDT")[1].endswith("—")
    assert watchlist.NO_VALUE in html


def test_change_is_against_the_close_a_day_before(client, btc, bar):
    bar(btc, NOW_S - 86_400, 50_000.0)
    bar(btc, NOW_S, 51_000.0)
    row = cells(client.get("/").content.decode(), "BTC/USDT")
    assert row[2].endswith("▲ +2.00 %")


def test_change_is_not_invented(client, btc, bar):
    bar(btc, NOW_S, 51_000.0)
    row = cells(client.get("/").content.decode(), "BTC/USDT")
    assert row[2].endswith("—")


def test_watch_list_costs_the_same_for_one_pair_and_for_five(
    btc, pair, bar, django_assert_num_queries
):
    bar(btc, NOW_S, 1.0)
    bar(btc, NOW_S - 86_400, 1.0)
    with django_assert_num_queries(5):
        assert len(watchlist.rows_watched()) == 1
    for symbol in ("ETH/USDT", "BNB/USDT", "SOL/USDT", "XRP/USDT"):
        bar(pair(symbol), NOW_S, 2.0)
    with django_assert_num_queries(5):
        assert len(watchlist.rows_watched()) == 5


@pytest.fixture
def three(pair, bar):
    for symbol, close in (("BTC/USDT", 3.0), ("ETH/USDT", 1.0), ("SOL/USDT", 2.0)):
        bar(pair(symbol), NOW_S, close)
    pair("XRP/USDT")


def symbols(response):
    return re.findall(r'<tr data-symbol="([^"]+)">', response.content.decode())


def test_sort_by_last_puts_the_unknown_last_in_both_directions(client, three):
    up = client.get("/markets/", {"sort": "last"})
    down = client.get("/markets/", {"sort": "last", "direction": "down"})
    assert symbols(up) == ["ETH/USDT", "SOL/USDT", "BTC/USDT", "XRP/USDT"]
    assert symbols(down) == ["BTC/USDT", "SOL/USDT", "ETH/USDT", "XRP/USDT"]
    assert 'aria-sort="descending"' in down.content.decode()


def test_unknown_sort_is_the_order_of_the_watch_list(client, three):
    given = symbols(client.get("/markets/"))
    assert symbols(client.get("/markets/", {"sort": "password"})) == given


@pytest.mark.parametrize("query", ["eth", "ETH/USDT", "eth-usdt", " ethusdt "])
def test_search_forgives_the_way_a_symbol_is_written(client, three, query):
    assert symbols(client.get("/markets/", {"q": query})) == ["ETH/USDT"]


def test_search_that_finds_nothing_says_so_and_is_escaped(client, three):
    html = client.get("/markets/", {"q": "<script>x"}).content.decode()
    assert "No watched pair matches" in html
    assert "<script>x" not in html


@pytest.mark.parametrize("written", ["btcusdt", "btc-usdt", "BTC_USDT"])
def test_pair_has_one_address(client, btc, written):
    response = client.get(f"/markets/{written}/")
    assert response.status_code == 302
    assert response["Location"] == "/markets/BTCUSDT/"


def test_unknown_pair_is_a_page_of_ours(client, btc):
    response = client.get("/markets/NOPEUSDT/")
    assert response.status_code == 404
    assert "Nothing is here" in response.content.decode()


def test_pair_page_offers_only_timeframes_that_can_be_made(client, btc, configure):
    html = client.get("/markets/BTCUSDT/").content.decode()
    made = ["1m", "5m", "15m", "1h", "4h", "1d"]
    assert re.findall(r'data-timeframe="(\w+)" aria-pressed', html) == made
    configure(MYSTIC_TIMEFRAME="1h")
    html = client.get("/markets/BTCUSDT/").content.decode()
    assert re.findall(r'data-timeframe="(\w+)" aria-pressed', html) == ["1h", "4h", "1d"]


def test_guest_gets_no_ticket_and_asks_for_no_private_channel(client, as_ann, btc):
    guest = client.get("/markets/BTCUSDT/").content.decode()
    member = as_ann.get("/markets/BTCUSDT/").content.decode()
    assert "/trading/ticket/BTCUSDT/" not in guest
    assert "/trading/ticket/BTCUSDT/" in member
    assert re.search(r'data-live-channels="system\s*"', guest)
    channels = re.search(r'data-live-channels="([^"]*)"', member)[1].split()
    assert channels == ["system", "notifications", "portfolio", "signals"]


def bars_of(client, **query):
    return client.get("/markets/BTCUSDT/bars.json", query).json()


def test_chart_gets_the_newest_bars_whatever_the_clock_says(client, btc, bar):
    start = 1_559_520_000  # a recording of 2019
    for n in range(7):
        bar(btc, start + 60 * n, 100.0 + n)
    found = bars_of(client, timeframe="1m", limit=3)
    assert [row[0] for row in found["data"]["bars"]] == [start + 240, start + 300, start + 360]
    assert found["data"]["bars"][-1] == [start + 360, 106.0, 106.0, 106.0, 106.0, 1.0]
    assert found["data"]["parts"] == []
    assert found["source"] == "binance"


def test_longer_bar_comes_with_the_parts_of_the_one_that_forms(client, btc, bar):
    start = 1_559_520_000
    for n in range(7):
        bar(btc, start + 60 * n, 100.0 + n)
    data = bars_of(client, timeframe="5m", limit=10)["data"]
    assert data["bars"] == [[start, 100.0, 104.0, 100.0, 104.0, 5.0]]
    assert [row[0] for row in data["parts"]] == [start + 300, start + 360]


def test_older_bars_end_where_they_are_asked_to(client, btc, bar):
    start = 1_559_520_000
    for n in range(7):
        bar(btc, start + 60 * n, 100.0 + n)
    data = bars_of(client, timeframe="1m", limit=2, end=start + 240)["data"]
    assert [row[0] for row in data["bars"]] == [start + 120, start + 180]


def test_empty_history_is_an_empty_list(client, btc):
    assert bars_of(client, timeframe="1m")["data"] == {
        "bars": [],
        "parts": [],
        "estimates": [],
        "others": [],
    }


@pytest.mark.parametrize(
    "query",
    [
        {"timeframe": "7m"},
        {"timeframe": ""},
        {"timeframe": "1m", "limit": "0"},
        {"timeframe": "1m", "limit": "2001"},
        {"timeframe": "1m", "limit": "-5"},
        {"timeframe": "1m", "limit": "1e3"},
        {"timeframe": "1m", "end": "now"},
        {"timeframe": "1m", "end": "99999999999999"},
    ],
)
def test_wrong_question_for_bars_is_refused_with_a_sentence(client, btc, query):
    response = client.get("/markets/BTCUSDT/bars.json", query)
    assert response.status_code == 400
    assert "wants timeframe (1m, 5m, 15m, 1h, 4h, 1d)" in response.json()["detail"]


def test_process_without_a_streamer_shows_what_it_was_told(client, btc, quote):
    told = quote(btc, 61000.5, 61000.51, last=61000.6)
    payload = quote_payload(told)
    store.is_local = False
    store.clear()
    hub.publish_latest(f"quote:{btc.pk}", "quote", payload)
    newest(f"quote:{btc.pk}", "quote", payload)
    try:
        (row,) = watchlist.rows_for([btc])
        html = client.get("/").content.decode()
    finally:
        hub.forget(f"quote:{btc.pk}", "quote")
    assert (row.bid, row.ask, row.last) == (61000.5, 61000.51, 61000.6)
    assert (row.origin.source, row.origin.is_live) == ("binance", True)
    assert row.origin.received_at_ms == told.received_at_ms
    assert 'data-state="live" data-prov="quote:BTC/USDT"' in html


def test_old_word_of_the_streamer_is_stale(btc, quote):
    payload = quote_payload(quote(btc, 100.0, 101.0, age_ms=60_000))
    store.is_local = False
    hub.publish_latest(f"quote:{btc.pk}", "quote", payload)
    newest(f"quote:{btc.pk}", "quote", payload)
    try:
        (row,) = watchlist.rows_for([btc])
    finally:
        hub.forget(f"quote:{btc.pk}", "quote")
    assert (row.origin.is_live, row.origin.is_stale) == (False, True)


def test_the_spread_has_the_venues_digits_and_no_noise_of_floats(btc, quote):
    quote(btc, 1430.5, 1430.51)
    assert watchlist.rows_watched()[0].spread == 0.01
