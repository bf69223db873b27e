"""A person's own list, and the search over the whole catalogue."""

import pytest
from django.test import Client

from markets.models import InstrumentAlias, WatchItem
from markets.selectors_search import instruments_found
from markets.services.watchlists import LONGEST_LIST


def watch(client, instrument, action, **more):
    return client.post(f"/markets/watch/{instrument.pk}/", {"action": action, **more})


def test_a_line_is_put_on_the_list_once_and_taken_off(as_ann, ann, btc):
    for _ in range(2):
        html = watch(as_ann, btc, "add").content.decode()
        assert "Unwatch" in html
    assert WatchItem.objects.filter(user=ann).count() == 1
    assert "Unwatch" not in watch(as_ann, btc, "remove").content.decode()
    assert not WatchItem.objects.exists()


def test_the_list_keeps_its_order_and_moves_a_line(as_ann, ann, btc, pair):
    eth, sol = pair("ETH/USDT"), pair("SOL/USDT")
    for one in (btc, eth, sol):
        watch(as_ann, one, "add")
    html = watch(as_ann, sol, "up", answer="list").content.decode()
    order = [html.index(f'data-symbol="{one.symbol}"') for one in (btc, sol, eth)]
    assert order == sorted(order)
    watch(as_ann, btc, "up")
    symbols = WatchItem.objects.filter(user=ann).values_list("instrument__symbol", flat=True)
    assert list(symbols) == ["BTC/USDT", "SOL/USDT", "ETH/USDT"]


def test_each_person_has_a_list_of_their_own(as_ann, ann, ben, btc):
    watch(as_ann, btc, "add")
    other = Client()
    other.force_login(ben)
    assert "BTC/USDT" not in other.get("/markets/list/").content.decode()
    watch(other, btc, "remove")
    assert WatchItem.objects.filter(user=ann).count() == 1


def test_a_guest_sees_no_button_and_may_not_write(client, btc):
    assert "hx-post" not in client.get("/markets/search/", {"q": "BTC"}).content.decode()
    answer = watch(client, btc, "add")
    assert answer.status_code == 302
    assert not WatchItem.objects.exists()


def test_a_full_list_says_what_to_do(as_ann, ann, pair):
    many = [pair(f"C{n}/USDT") for n in range(LONGEST_LIST + 1)]
    for one in many[:-1]:
        watch(as_ann, one, "add")
    html = watch(as_ann, many[-1], "add").content.decode()
    assert "remove one first" in html
    assert WatchItem.objects.count() == LONGEST_LIST


@pytest.mark.parametrize("action", ["", "drop", "ADD"])
def test_an_unknown_action_is_refused(as_ann, btc, action):
    assert watch(as_ann, btc, action).status_code == 400


def test_an_unknown_instrument_is_not_found(as_ann, btc):
    assert as_ann.post("/markets/watch/999999/", {"action": "add"}).status_code == 404


def found(query, **how):
    return [one.symbol for one in instruments_found(query, **how)]


def test_the_exact_pair_comes_first_then_the_shortest(pair):
    for symbol in ("ETH/USDT", "ETHFI/USDT", "ETH/BTC", "BTC/USDT"):
        pair(symbol)
    assert found("ethusdt") == ["ETH/USDT"]
    assert found("eth/usdt") == ["ETH/USDT"]
    assert found("eth") == ["ETH/BTC", "ETH/USDT", "ETHFI/USDT"]


def test_a_name_and_the_name_of_another_source_are_found(pair):
    apple = pair("AAPL/USD", name="Apple Inc.", asset_class="stock")
    pair("BTC/USDT")
    InstrumentAlias.objects.create(instrument=apple, source="massive", native_id="X:APPLE")
    assert found("apple") == ["AAPL/USD"]
    assert found("x:apple") == ["AAPL/USD"]
    assert found("a", asset_class="crypto") == []


def test_what_is_delisted_comes_last(pair):
    pair("LUNA/USDT", status="delisted")
    pair("LUNAR/USDT")
    assert found("luna") == ["LUNAR/USDT", "LUNA/USDT"]


@pytest.mark.parametrize("query", ["", "   ", "/", "\x00", "%", "🦊", "'; drop table", "x" * 5000])
def test_a_strange_query_finds_nothing_and_breaks_nothing(client, btc, query):
    assert found(query) == []
    assert client.get("/markets/search/", {"q": query}).status_code == 200


def test_a_replayed_pair_is_not_found_beside_the_live_market(btc, pair, venue, configure):
    configure(BINANCE_REST_URL="http://127.0.0.1:9")
    assert found("btc") == []


def test_markup_in_a_query_stays_text(client, btc):
    html = client.get("/markets/search/", {"q": "<script>"}).content.decode()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
