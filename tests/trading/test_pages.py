"""The pages of trading: what Ann does, and what Ben and Cid cannot see of it."""

import re

import pytest

from tests.trading.conftest import units
from trading.models import Deployment, Lock, Order, Position, RiskLimit
from trading.services.accounts import account_open
from trading.services.deployments import deployment_start
from trading.services.locks import lock_set
from trading.services.orders import order_place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("flow", "exact")]


@pytest.fixture
def visit(client, ann, market, btc, account):
    client.force_login(ann)
    market.quote(btc, 60000.0, 60010.0)
    return client


def key_of(html):
    return re.search(r'name="idempotency_key" value="([^"]+)"', html).group(1)


def ticket_form(visit, **values):
    html = visit.get("/trading/ticket/BTCUSDT/").content.decode()
    return {"side": "buy", "type": "market", "idempotency_key": key_of(html)} | values


def test_the_ticket_shows_prices_and_the_largest_quantity(visit):
    html = visit.get("/trading/ticket/btc-usdt/").content.decode()
    assert "60,000.00" in html
    assert "60,010.00" in html
    # 2 % of 10,000 at 60,010, in whole steps of 0.00001
    assert '<strong id="largest">0.00333</strong>' in " ".join(html.split())


def test_the_largest_quantity_is_approved_and_a_step_more_is_not(visit):
    answer = visit.post("/trading/ticket/BTCUSDT/", ticket_form(visit, quantity="0.00334"))
    assert answer.status_code == 422
    assert "larger than the account" in answer.content.decode()
    answer = visit.post("/trading/ticket/BTCUSDT/", ticket_form(visit, quantity="0.00333"))
    assert answer.status_code == 200
    assert Order.objects.get(status="filled").filled == units("0.00333")


def test_a_ticket_sent_twice_is_one_order(visit):
    form = ticket_form(visit, quantity="0.001")
    assert visit.post("/trading/ticket/BTCUSDT/", form).status_code == 200
    assert visit.post("/trading/ticket/BTCUSDT/", form).status_code == 200
    assert Order.objects.count() == 1
    other = visit.post("/trading/ticket/BTCUSDT/", form | {"quantity": "0.002"})
    assert other.status_code == 422
    assert "sent before with other figures" in other.content.decode()
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"quantity": ""}, "This field is required."),
        ({"quantity": "0"}, "It must be more than zero."),
        ({"quantity": "-1"}, "It must be more than zero."),
        ({"quantity": "-0"}, "It must be more than zero."),
        ({"quantity": "1_000"}, "plain digits"),
        ({"quantity": "٣"}, "plain digits"),
        ({"quantity": "+1"}, "plain digits"),
        ({"quantity": "1."}, "plain digits"),
        ({"quantity": ".5"}, "plain digits"),
        ({"quantity": "1e3"}, "plain digits"),
        ({"quantity": "0x10"}, "plain digits"),
        ({"quantity": "NaN"}, "plain digits"),
        ({"quantity": "1,5"}, "plain digits"),
        ({"quantity": "9" * 19}, "too large"),
        ({"quantity": "9" * 5000}, "at most 40 characters"),
        ({"quantity": "0.000001"}, "It goes in steps of 0.00001."),
        ({"quantity": "0.0000000001"}, "more than 8 decimal places"),
        ({"quantity": "0.001\x00"}, "Null characters"),
        ({"quantity": "0.001", "type": "stop"}, "not one of the available choices"),
        ({"quantity": "0.001", "side": "hold"}, "not one of the available choices"),
        ({"quantity": "0.001", "type": "limit"}, "A limit order wants its price."),
        ({"quantity": "0.001", "limit_price": "60000"}, "A market order has no limit price"),
        ({"quantity": "0.001", "type": "limit", "limit_price": "1.001"}, "in steps of 0.01"),
        ({"quantity": "0.001", "stop_loss": "61000"}, "The stop of a purchase lies below"),
        ({"quantity": "0.001", "take_profit": "59000"}, "The target of a purchase lies above"),
        ({"quantity": "0.00005"}, "less than the venue"),
        ({"quantity": "5"}, "larger than the account"),
        ({"quantity": "0.001", "side": "sell"}, "may only reduce"),
        ({"quantity": "0.001", "idempotency_key": "a b"}, "valid value"),
    ],
)
def test_bad_input_gets_a_sentence_and_changes_nothing(visit, values, sentence):
    before = visit.get("/portfolio/").context["portfolio"]
    answer = visit.post("/trading/ticket/BTCUSDT/", ticket_form(visit, **values))
    assert answer.status_code == 422
    errors = " ".join(str(e) for field in answer.context["form"].errors.values() for e in field)
    assert sentence in errors
    assert not Order.objects.exclude(status="denied").exists()
    after = visit.get("/portfolio/").context["portfolio"]
    assert (after.cash, after.reserved) == (before.cash, before.reserved) == (units("10000"), 0)


def test_what_was_typed_is_kept_beside_the_error(visit):
    answer = visit.post("/trading/ticket/BTCUSDT/", ticket_form(visit, quantity="abc<b>"))
    assert 'value="abc&lt;b&gt;"' in answer.content.decode()


def test_a_stale_quote_is_refused_with_a_sentence(visit, market, btc):
    market.quote(btc, 60000.0, 60010.0, age_ms=30_500)
    answer = visit.post("/trading/ticket/BTCUSDT/", ticket_form(visit, quantity="0.001"))
    assert answer.status_code == 422
    assert re.search(r"newest quote is 3\d\.", answer.content.decode())
    assert Order.objects.get().reason_code == "no_fresh_quote"


def test_an_unknown_symbol_is_not_found(visit):
    assert visit.get("/trading/ticket/NOPE/").status_code == 404
    assert visit.get("/trading/fragment/positions/?symbol=NOPE").status_code == 404
    assert visit.get("/trading/fragment/orders/", {"symbol": "X" * 10_000}).status_code == 404


def test_every_page_shows_the_position_and_its_orders(visit, ticket):
    order = order_place(ticket())
    position = Position.objects.get()
    for path in (
        "/portfolio/",
        "/trading/fragment/positions/",
        "/trading/fragment/positions/?symbol=BTC/USDT",
    ):
        html = visit.get(path).content.decode()
        assert f'id="position-{position.pk}"' in html
        assert "▼ -0.01" in html
    assert f'id="history-{order.pk}"' in visit.get("/orders/").content.decode()
    assert "9,999.93" in visit.get("/trading/fragment/tiles/").content.decode()


def test_a_position_is_closed_by_its_button(visit, ticket):
    order_place(ticket())
    position = Position.objects.get()
    answer = visit.post(f"/trading/positions/{position.pk}/close/")
    assert answer.status_code == 200
    assert answer.content.strip() == b""
    assert "closed" in answer["HX-Trigger"]
    position.refresh_from_db()
    assert position.closed_at is not None


def test_an_order_is_cancelled_once(visit, ticket):
    order = order_place(ticket(type="limit", limit_price=units("50000")))
    answer = visit.post(f"/orders/{order.pk}/cancel/")
    assert "cancelled" in answer["HX-Trigger"]
    order.refresh_from_db()
    assert (order.status, order.reserved) == ("canceled", 0)
    again = visit.post(f"/orders/{order.pk}/cancel/")
    assert "canceled and stays so" in again["HX-Trigger"]


def test_the_limits_are_changed_and_nonsense_is_not(visit, account):
    html = visit.get("/settings/risk/").content.decode()
    assert 'value="1000"' in html
    form = {
        "position_percent": "5",
        "max_position_notional": "800",
        "max_open_positions": "4",
        "exposure_percent": "40",
        "max_daily_loss": "250.5",
        "stop_percent": "1.5",
        "take_multiple": "2",
    }
    for name, wrong in (
        ("position_percent", "101"),
        ("max_daily_loss", "-5"),
        ("max_daily_loss", "abc"),
        ("max_open_positions", "0"),
        ("stop_percent", "NaN"),
        ("take_multiple", "1e400"),
    ):
        assert visit.post("/settings/risk/", form | {name: wrong}).status_code == 422
        assert RiskLimit.objects.get().max_daily_loss == units("500")
    assert visit.post("/settings/risk/", form).status_code == 200
    limit = RiskLimit.objects.get()
    assert limit.max_position_fraction == 0.05
    assert limit.max_daily_loss == units("250.5")
    assert limit.stop_fraction == 0.015


def test_the_kill_switch_stops_entries_and_is_lifted(visit, account):
    assert visit.post("/settings/risk/lock/", {"level": "halt", "reason": ""}).status_code == 422
    assert not Lock.objects.exists()
    answer = visit.post("/settings/risk/lock/", {"level": "halt", "reason": "holidays"})
    assert "holidays" in answer.content.decode()
    denied = visit.post("/trading/ticket/BTCUSDT/", ticket_form(visit, quantity="0.001"))
    assert denied.status_code == 422
    assert "Entries are locked" in denied.content.decode()
    lock = Lock.objects.get()
    assert visit.post(f"/settings/risk/lock/{lock.pk}/lift/").status_code == 200
    bought = visit.post("/trading/ticket/BTCUSDT/", ticket_form(visit, quantity="0.001"))
    assert bought.status_code == 200


def test_the_portfolio_shows_the_kill_switch_and_links_the_limits(visit, account):
    html = visit.get("/portfolio/").content.decode()
    assert 'hx-post="/settings/risk/lock/"' in html
    assert '<a href="/settings/risk/">Risk limits</a>' in html
    assert "max_position_notional" not in html
    assert 'hx-get="/settings/risk/"' not in html
    stopped = visit.post("/settings/risk/lock/", {"level": "halt", "reason": "holidays"})
    assert "max_position_notional" not in stopped.content.decode()
    assert "holidays" in visit.get("/portfolio/").content.decode()


def test_the_limits_are_a_page_and_a_part_of_one(visit, account):
    page = visit.get("/settings/risk/").content.decode()
    part = visit.get("/settings/risk/", headers={"HX-Request": "true"}).content.decode()
    assert "<h1>Risk limits</h1>" in page
    assert "<html" not in part
    assert "max_position_notional" in page
    assert "max_position_notional" in part


def test_a_strategy_is_switched_on_and_off(visit, strategy):
    path = f"/strategies/{strategy.pk}/deployment/"
    assert "OFF" in visit.get(path).content.decode()
    answer = visit.post(path, {"switch": "on", "symbols": ["BTC/USDT", "NOPE/NOPE"]})
    assert "ON" in answer.content.decode()
    running = Deployment.objects.get()
    assert (running.state, running.symbols) == ("active", [])
    visit.post(path, {"switch": "on"})
    assert Deployment.objects.count() == 1
    assert "OFF" in visit.post(path, {"switch": "off"}).content.decode()
    running.refresh_from_db()
    assert running.state == "stopped"


def test_a_strategy_is_not_let_loose_on_all_pairs_by_a_page_of_yesterday(visit, strategy):
    path = f"/strategies/{strategy.pk}/deployment/"
    answer = visit.post(path, {"switch": "on", "symbols": ["GONE/USDT"]})
    assert answer.status_code == 400
    assert not Deployment.objects.exists()


@pytest.fixture
def anns(visit, ticket, account, strategy):
    """Rows of Ann's, and every address that names one."""
    order = order_place(ticket())
    resting = order_place(ticket(quantity="0.0005", type="limit", limit_price=units("50000")))
    position = Position.objects.get()
    deployment_start(account=account, strategy=strategy)
    lock = lock_set(account=account, level="no_new_entries", reason="anns-reason", actor="ann")
    visit.logout()
    return {"order": order, "resting": resting, "position": position, "lock": lock}


@pytest.mark.parametrize("who", ["ben", "cid"])
def test_others_see_and_change_nothing_of_it(anns, client, who, request):
    other = request.getfixturevalue(who)
    account_open(user=other)
    client.force_login(other)
    for path in (
        f"/orders/{anns['order'].pk}/cancel/",
        f"/orders/{anns['resting'].pk}/cancel/",
        f"/orders/{2**63}/cancel/",
        f"/trading/positions/{anns['position'].pk}/close/",
        f"/trading/positions/{10**30}/close/",
        f"/settings/risk/lock/{anns['lock'].pk}/lift/",
    ):
        assert client.post(path).status_code == 404
    for path in (
        "/portfolio/",
        "/orders/",
        "/trading/fragment/tiles/",
        "/trading/fragment/positions/",
        "/trading/fragment/orders/",
        "/trading/ticket/BTCUSDT/",
        "/settings/risk/",
    ):
        html = client.get(path).content.decode()
        assert f"position-{anns['position'].pk}" not in html
        assert f'order-{anns["order"].pk}"' not in html
        assert "anns-reason" not in html
        assert "You hold" not in html
    strategy_id = Deployment.objects.get().strategy_id
    assert "OFF" in client.get(f"/strategies/{strategy_id}/deployment/").content.decode()
    client.post(f"/strategies/{strategy_id}/deployment/", {"switch": "off"})
    assert Deployment.objects.get().state == "active"
    anns["position"].refresh_from_db()
    assert anns["position"].closed_at is None
    assert Lock.objects.get().lifted_at is None


def test_a_guest_is_sent_to_sign_in(anns, client):
    for path in ("/portfolio/", "/orders/", "/trading/fragment/tiles/", "/settings/risk/"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert "/accounts/login/" in answer["Location"]
    assert client.post(f"/orders/{anns['order'].pk}/cancel/").status_code == 302


def test_a_private_strategy_of_another_is_not_found(visit, strategy, ben):
    strategy.owner = ben
    strategy.save()
    assert visit.get(f"/strategies/{strategy.pk}/deployment/").status_code == 404


def test_methods_that_change_nothing_are_the_only_ones_without_a_form(visit):
    assert visit.get("/orders/1/cancel/").status_code == 405
    assert visit.post("/portfolio/").status_code == 405
