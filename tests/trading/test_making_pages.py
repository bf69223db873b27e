"""The panel of market makers: what Ann starts and stops, and what Ben and Cid cannot touch."""

import pytest
from django.test import Client

from tests.trading.conftest import units
from trading.models import MarketMaker
from trading.services.accounts import account_open

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("flow", "exact")]

PANEL, ROWS, START = "/trading/making/", "/trading/making/rows/", "/trading/making/start/"
TYPED = {
    "symbol": "BTC/USDT",
    "order_size": "0.001",
    "max_inventory": "0.003",
    "min_edge_bps": "1",
    "risk_aversion": "0.05",
    "horizon_s": "60",
    "order_flow_decay": "",
    "replace_bps": "1",
    "refresh_ms": "1000",
    "spike": "4",
    "void_bps": "5",
}


@pytest.fixture
def as_user():
    def client(user):
        found = Client()
        found.force_login(user)
        return found

    return client


@pytest.fixture
def visit(as_user, ann, market, btc, account):
    market.quote(btc, 60000.0, 60010.0)
    return as_user(ann)


def test_the_page_of_strategies_loads_the_panel(visit):
    assert f'hx-get="{PANEL}"' in visit.get("/strategies/").content.decode()
    html = visit.get(PANEL).content.decode()
    assert "Quote a pair" in html
    assert '<option value="BTC/USDT">' in html


def test_a_maker_is_started_shown_stopped_and_started_again(visit):
    answer = visit.post(START, TYPED)
    assert answer.status_code == 200
    maker = MarketMaker.objects.get()
    assert (maker.order_size, maker.max_inventory) == (units("0.001"), units("0.003"))
    assert maker.params["order_flow_decay"] is None
    assert maker.params["refresh_ms"] == 1000
    html = visit.get(ROWS).content.decode()
    assert "Running" in html
    assert f"Stop {maker.instrument.symbol}" in html
    assert "One order 0.001, at most 0.003 BTC" in html

    html = visit.post(f"{PANEL}{maker.pk}/", {"switch": "off"}).content.decode()
    assert "Stopped by ann." in html
    visit.post(f"{PANEL}{maker.pk}/", {"switch": "on"})
    maker.refresh_from_db()
    assert maker.state == "running"
    assert MarketMaker.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"order_size": ""}, "This field is required."),
        ({"order_size": "0.0000001"}, "It goes in steps of 0.00001."),
        ({"order_size": "1e-3"}, "plain digits"),
        ({"max_inventory": "0.0005"}, "It must hold at least one order."),
        ({"risk_aversion": "-1"}, "It lies from 0 to 10."),
        ({"horizon_s": "nan"}, "Enter a number."),
        ({"refresh_ms": "1"}, "It lies from 250 to 60000."),
        ({"symbol": "ABC/USDT"}, "Select a valid choice."),
    ],
)
def test_what_makes_no_sense_is_said_beside_its_field(visit, values, sentence):
    answer = visit.post(START, TYPED | values)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert MarketMaker.objects.count() == 0


def test_only_pairs_of_the_accounts_currency_are_offered(visit, make_instrument):
    make_instrument("BTC/EUR")
    assert "BTC/EUR" not in visit.get(PANEL).content.decode()
    assert visit.post(START, TYPED | {"symbol": "BTC/EUR"}).status_code == 422


def test_others_neither_see_nor_touch_it(visit, as_user, ben, cid):
    visit.post(START, TYPED)
    maker = MarketMaker.objects.get()
    for person in (ben, cid):
        other = as_user(person)
        assert f"maker-{maker.pk}" not in other.get(PANEL).content.decode()
        assert f"maker-{maker.pk}" not in other.get(ROWS).content.decode()
        answer = other.post(f"{PANEL}{maker.pk}/", {"switch": "off"})
        assert answer.status_code == 404
    maker.refresh_from_db()
    assert maker.state == "running"
    as_user(ben).post(START, TYPED)
    assert account_open(user=ben).makers.count() == 1
    assert account_open(user=maker.account.owner).makers.get() == maker


def test_a_stranger_is_sent_to_sign_in(client):
    for path in (PANEL, ROWS):
        assert client.get(path)["Location"].startswith("/accounts/login/")
    for path in (START, f"{PANEL}1/"):
        assert client.post(path)["Location"].startswith("/accounts/login/")
    assert client.get(START).status_code in {302, 405}
