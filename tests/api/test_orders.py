"""Orders over the API: filled, refused with reasons, once per key, cancelled, closed."""

import json
import threading

import pytest
from django.db import connection

from tests.api.conftest import Program, token_of
from tests.api.test_bad_input import assert_problem
from trading.models import Lock, Order, RiskDecision
from trading.selectors import account_for
from trading.services.ledger import ledger_verify
from trading.services.locks import lock_set

ORDERS = "/api/v1/orders"
BUY = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.003"}

pytestmark = pytest.mark.django_db(transaction=True)


def data(response, status=200):
    body = json.loads(response.content)
    assert response.status_code == status, body
    assert set(body) >= {"data", "live_data", "timestamp", "source", "as_of"}
    return body["data"]


def test_a_market_order_is_filled_at_the_ask_and_closed_at_the_bid(program, btc, quoted, desk_open):
    quoted(59_999.0, 60_000.0)
    order = data(program.post(ORDERS, BUY), 201)
    assert order["status"] == "filled"
    assert (order["quantity"], order["filled"]) == ("0.003", "0.003")
    assert order["symbol"] == "BTC/USDT"
    assert order["stop_loss"] is not None

    detail = data(program.get(f"{ORDERS}/{order['id']}"))
    (fill,) = detail["fills"]
    assert (fill["price"], fill["quantity"], fill["notional"]) == ("60000", "0.003", "180")
    assert (fill["source"], fill["is_live"]) == ("binance", True)
    assert [event["to_status"] for event in detail["events"]] == [
        "draft", "submitted", "filled",
    ]  # fmt: skip

    (position,) = data(program.get("/api/v1/positions"))
    assert (position["quantity"], position["cost"]) == ("0.003", "180")
    assert (position["mark"], position["value"]) == ("59999", "179.997")
    assert position["unrealised"] == "-0.003"
    assert position["origin"]["is_live"] is True

    portfolio = program.get("/api/portfolio").json()
    assert portfolio["live_data"] is True
    assert portfolio["data"]["unrealised"] == "-0.003"
    fee = portfolio["data"]["fees_total"]
    assert portfolio["data"]["equity"] == f"{10_000 - 0.003 - float(fee):.10f}".rstrip("0")

    closing = data(program.post(f"/api/v1/positions/{position['id']}/close"))
    assert (closing["side"], closing["status"], closing["reduce_only"]) == ("sell", "filled", True)
    assert_problem(
        program.post(f"/api/v1/positions/{position['id']}/close"), 409, "position_closed"
    )
    assert data(program.get("/api/v1/positions")) == []
    (closed,) = data(program.get("/api/v1/positions?state=closed"))
    assert closed["is_open"] is False
    record = data(program.get("/api/analytics/performance"))
    assert (record["trades"], record["wins"], record["losses"]) == (1, 0, 1)
    assert record["win_rate"] == 0.0
    assert record["profit_factor"] == 0.0
    assert record["realised"] == closed["realised"]
    assert record["worst"] == record["best"] == closed["realised"]
    assert record["deposited"] == "10000"
    assert record["return_fraction"] < 0
    assert ledger_verify() == []


def test_figures_that_are_not_defined_are_null(program, btc):
    record = data(program.get("/api/analytics/performance"))
    assert record["trades"] == 0
    names = ("win_rate", "profit_factor", "best", "worst")
    assert {name: record[name] for name in names} == dict.fromkeys(names)
    assert record["equity"] == "10000"
    assert record["return_fraction"] == 0.0


def test_equity_is_null_while_a_position_has_no_price(program, btc, quoted, desk_open):
    quoted()
    data(program.post(ORDERS, BUY), 201)
    quoted(age_ms=120_000)
    portfolio = program.get("/api/portfolio").json()
    assert portfolio["data"]["equity"] is None
    assert portfolio["data"]["positions"][0]["mark"] is None
    assert portfolio["live_data"] is False


def test_a_limit_order_rests_and_is_cancelled_once(program, btc, quoted, desk_open):
    quoted()
    wish = BUY | {"type": "limit", "limit_price": "50000"}
    order = data(program.post(ORDERS, wish), 201)
    assert order["status"] == "accepted"
    assert [o["id"] for o in data(program.get(f"{ORDERS}?status=working"))] == [order["id"]]
    assert float(data(program.get("/api/portfolio"))["reserved"]) > 150
    assert data(program.post(f"{ORDERS}/{order['id']}/cancel"))["status"] == "canceled"
    assert_problem(program.post(f"{ORDERS}/{order['id']}/cancel"), 409, "order_not_open")
    assert_problem(program.delete(f"{ORDERS}/{order['id']}"), 409, "order_not_open")
    assert data(program.get("/api/portfolio"))["reserved"] == "0"
    other = data(program.post(ORDERS, wish), 201)
    assert data(program.delete(f"{ORDERS}/{other['id']}"))["status"] == "canceled"
    assert ledger_verify() == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": "1"}, "risk_position_notional"),
        ({"quantity": "0.00001"}, "risk_min_notional"),
        ({"side": "sell"}, "short_not_supported"),
    ],
)
def test_risk_refuses_with_its_reason(program, btc, quoted, desk_open, change, code):
    quoted()
    body = assert_problem(program.post(ORDERS, BUY | change), 422, code)
    assert len(body["detail"]) > 10
    order = Order.objects.get(pk=body["order_id"])
    assert (order.status, order.reason_code) == ("denied", code)
    assert order.fills.count() == 0
    assert data(program.get("/api/portfolio"))["cash"] == "10000"


def test_no_order_on_an_old_quote_or_none(program, btc, quoted, desk_open):
    assert_problem(program.post(ORDERS, BUY), 409, "no_fresh_quote")
    quoted(age_ms=60_000)
    assert_problem(program.post(ORDERS, BUY), 409, "no_fresh_quote")
    assert not Order.objects.filter(filled__gt=0).exists()


def test_a_halted_account_says_so(program, tess, btc, quoted, desk_open):
    quoted()
    lock_set(
        account=account_for(user=tess), level=Lock.Level.HALT, reason="I went out", actor="tess"
    )
    body = assert_problem(program.post(ORDERS, BUY), 409, "trading_halted")
    assert body["errors"][0]["code"] == "locked_halt"
    portfolio = data(program.get("/api/portfolio"))
    assert (portfolio["is_halted"], portfolio["halt_reason"]) == (True, "I went out")


def test_the_same_key_gives_the_same_order(program, btc, quoted, desk_open):
    quoted()
    first = program.post(ORDERS, BUY, Idempotency_Key="k-1")
    second = program.post(ORDERS, BUY, Idempotency_Key="k-1")
    assert data(first, 201) == data(second, 201)
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert Order.objects.count() == RiskDecision.objects.count() == 1
    other = program.post(ORDERS, BUY | {"quantity": "0.002"}, Idempotency_Key="k-1")
    assert_problem(other, 422, "idempotency_mismatch")
    assert Order.objects.count() == 1


def test_a_refusal_is_repeated_by_its_key_too(program, btc, quoted, desk_open):
    quoted()
    wish = BUY | {"quantity": "1"}
    first = assert_problem(
        program.post(ORDERS, wish, Idempotency_Key="k"), 422, "risk_position_notional"
    )
    again = program.post(ORDERS, wish, Idempotency_Key="k")
    assert assert_problem(again, 422, "risk_position_notional")["order_id"] == first["order_id"]
    assert again["Idempotent-Replayed"] == "true"


def test_eight_at_once_with_one_key_make_one_order(tess, btc, quoted, desk_open):
    quoted()
    key = token_of(tess)
    answers = []

    def post():
        answers.append(Program(key).post(ORDERS, BUY, Idempotency_Key="twin"))
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [answer.status_code for answer in answers] == [201] * 8
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer for answer in answers) == 7
    assert Order.objects.count() == 1
    assert Order.objects.get().fills.count() == 1


def test_a_user_without_an_account_is_told(btc, quoted, db):
    from tests.api.conftest import person

    quoted()
    guest = Program(token_of(person("guest")))
    for response in (guest.get("/api/portfolio"), guest.post(ORDERS, BUY)):
        assert_problem(response, 404, "no_account")
