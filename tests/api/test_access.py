"""Who may do what: tokens and their scopes, sessions and CSRF, foreign rows, nothing leaks."""

import json
import logging
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from mystic.models import ApiToken
from notifications.models import Alert, AlertRule
from tests.api.conftest import Program, person, token_of
from tests.api.test_bad_input import assert_problem
from trading.models import Order
from trading.services.accounts import account_open

ORDERS = "/api/v1/orders"
LIMIT = {
    "symbol": "BTC/USDT", "side": "buy", "type": "limit", "quantity": "0.003",
    "limit_price": "50000",
}  # fmt: skip

PUBLIC = {
    "api_health", "api_coinstate", "api_market_data", "api_market_history",
    "api_market_book", "api_option_chain", "api_unusual_options", "api_macro_series",
    "api_news", "api_mood", "api_symbols", "api_quality_api", "api_sources",
    "api_schema", "api_docs",
}  # fmt: skip
# Every other address by what a stranger's token finds there.
MINE = {"api_portfolio", "api_performance", "api_orders", "api_positions", "api_notifications",
        "api_alert_rules", "api_backtests", "api_backtest_compare", "api_backtest_combine",
        "api_sweeps"}  # fmt: skip
SHARED = {
    "api_signals", "api_strategies", "api_strategy_check", "api_market_export", "api_forecasts",
    "api_symbol_forecast", "api_forecast_accuracy", "api_consensus", "api_market_summary",
}  # fmt: skip
ROWS = {"api_order", "api_order_cancel", "api_position_close", "api_alert_rule",
        "api_strategy", "api_strategy_why", "api_strategy_analysis", "api_deployment_parity",
        "api_backtest", "api_backtest_cancel", "api_backtest_again", "api_backtest_report",
        "api_backtest_json", "api_backtest_html", "api_backtest_trades", "api_backtest_trades_csv",
        "api_backtest_equity", "api_backtest_equity_csv", "api_sweep", "api_sweep_cancel",
        "api_sweep_trials", "api_sweep_folds", "api_sweep_heat_map"}  # fmt: skip
MEMBERS = {"api_metrics", "api_metrics_live"}


def api_routes():
    found = {}

    def walk(patterns, prefix=""):
        for entry in patterns:
            route = prefix + str(entry.pattern)
            if hasattr(entry, "url_patterns"):
                walk(entry.url_patterns, route)
            elif route.startswith(("api/", "metrics")):
                found[entry.name] = "/" + route

    walk(get_resolver().url_patterns)
    return found


def test_every_address_of_the_api_is_judged():
    assert set(api_routes()) == PUBLIC | MINE | SHARED | ROWS | MEMBERS


def filled(route, row=1):
    return (
        route.replace("<symbol:symbol>", "BTCUSDT")
        .replace("<id:order_id>", str(row))
        .replace("<id:position_id>", str(row))
        .replace("<id:rule_id>", str(row))
        .replace("<id:strategy_id>", str(row))
        .replace("<id:deployment_id>", str(row))
        .replace("<id:run_id>", str(row))
        .replace("<id:sweep_id>", str(row))
        .replace("<slug:series>", "DGS10")
    )


def test_strangers_get_401_with_the_way_in(nobody, btc):
    for name, route in api_routes().items():
        if name in MINE | SHARED | ROWS:
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                response = nobody.send(method, filled(route), "{}")
                assert_problem(response, 401, "not_authenticated")
                assert response["WWW-Authenticate"] == 'Token realm="mystic"'


def test_public_addresses_answer_strangers(nobody, btc):
    for name, route in api_routes().items():
        if name in PUBLIC:
            # A crypto pair has no options: everybody is told so.
            wanted = 404 if name == "api_option_chain" else 200
            query = "?q=BTC" if name == "api_symbols" else ""
            assert nobody.get(filled(route) + query).status_code == wanted, name


@pytest.mark.django_db(transaction=True)
def test_ann_ben_and_cid_never_see_each_other(btc, quoted, desk_open):
    quoted()
    people = {name: person(name) for name in ("ann", "ben", "cid")}
    programs, rows = {}, {}
    for name, user in people.items():
        account_open(user=user)
        programs[name] = Program(token_of(user))
        order = programs[name].post(ORDERS, LIMIT).json()["data"]
        market = {k: v for k, v in LIMIT.items() if k != "limit_price"} | {
            "type": "market",
            "quantity": "0.0005",
        }
        programs[name].post(ORDERS, market)
        rule = AlertRule.objects.create(user=user, kind="fill")
        alert = Alert.objects.create(user=user, key="k", kind="fill", title=f"for {name}")
        (position,) = programs[name].get("/api/v1/positions").json()["data"]
        rows[name] = {
            "order": order["id"], "position": position["id"], "rule": rule.pk, "alert": alert.pk,
        }  # fmt: skip
    for me, program in programs.items():
        orders = program.get(ORDERS).json()["data"]
        assert len(orders) == 2
        assert rows[me]["order"] in {o["id"] for o in orders}
        assert [a["title"] for a in program.get("/api/notifications").json()["data"]] == [
            f"for {me}"
        ]
        assert [r["id"] for r in program.get("/api/v1/alerts/rules").json()["data"]] == [
            rows[me]["rule"]
        ]
        account = program.get("/api/portfolio").json()["data"]["account_id"]
        assert account == people[me].trading_accounts.get().pk
        for other in set(rows) - {me}:
            theirs = rows[other]
            tries = [
                program.get(f"{ORDERS}/{theirs['order']}"),
                program.delete(f"{ORDERS}/{theirs['order']}"),
                program.post(f"{ORDERS}/{theirs['order']}/cancel"),
                program.post(f"/api/v1/positions/{theirs['position']}/close"),
                program.delete(f"/api/v1/alerts/rules/{theirs['rule']}"),
                program.post("/api/notifications", {"ids": [theirs["alert"]]}),
            ]
            for response in tries:
                assert_problem(response, 404, "not_found")
    assert Order.objects.filter(status="accepted").count() == 3
    assert Order.objects.filter(side="sell").count() == 0
    assert AlertRule.objects.count() == 3
    assert not Alert.objects.exclude(read_at=None).exists()


def test_a_read_token_may_only_read(tess, btc):
    reader = Program(token_of(tess, ApiToken.Scope.READ))
    assert reader.get(ORDERS).status_code == 200
    for method, path in (
        ("POST", ORDERS),
        ("DELETE", f"{ORDERS}/1"),
        ("POST", "/api/notifications"),
        ("POST", "/api/v1/positions/1/close"),
        ("PUT", ORDERS),
        ("POST", "/api/coinstate"),
    ):
        assert_problem(reader.send(method, path, json.dumps(LIMIT)), 403, "scope")
    assert Order.objects.count() == 0


@pytest.mark.parametrize(
    "header",
    [
        "Token",
        "Token ",
        "Token a b",
        "Token my_unknown_key",
        "Token " + "x" * 4000,
        "Token " + "\u00e9" * 9,
    ],
)
def test_wrong_tokens(nobody, btc, header):
    response = nobody.send("GET", "/api/coinstate", headers={"Authorization": header})
    assert_problem(response, 401, "invalid_token")
    assert response["WWW-Authenticate"].startswith("Token")


def test_other_schemes_are_nobody(nobody, db):
    response = nobody.send("GET", ORDERS, headers={"Authorization": "Bearer my_something"})
    assert_problem(response, 401, "not_authenticated")


def test_ended_tokens(tess, btc):
    ended = token_of(tess, expires_at=timezone.now() - timedelta(seconds=1))
    assert_problem(Program(ended).get(ORDERS), 401, "invalid_token")
    good = Program(token_of(tess))
    assert good.get(ORDERS).status_code == 200
    tess.is_active = False
    tess.save()
    assert_problem(good.get(ORDERS), 401, "invalid_token")


def test_a_token_in_an_address_is_refused_and_revoked(tess, btc):
    key = token_of(tess)
    assert_problem(Program().get(f"{ORDERS}?token={key}"), 400, "token_in_url")
    assert_problem(Program(key).get(ORDERS), 401, "invalid_token")


def test_use_is_noted_at_most_once_a_minute(tess, btc, django_assert_num_queries):
    program = Program(token_of(tess))
    program.get("/api/v1/strategies")
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    with django_assert_num_queries(2):
        program.get("/api/v1/strategies")
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    program.get("/api/v1/strategies")
    assert ApiToken.objects.get().last_used_at > first - timedelta(seconds=1)


def test_a_session_reads_freely_and_writes_only_with_its_csrf_token(tess, btc):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(tess)
    assert browser.get(ORDERS).status_code == 200
    body = json.dumps({"all": True})
    refused = browser.post("/api/notifications", body, content_type="application/json")
    assert_problem(refused, 403, "csrf")
    browser.get("/")
    token = browser.cookies.get("csrftoken")
    if token is None:
        from django.middleware.csrf import _get_new_csrf_string

        browser.cookies["csrftoken"] = _get_new_csrf_string()
        token = browser.cookies["csrftoken"]
    taken = browser.post(
        "/api/notifications",
        body,
        content_type="application/json",
        headers={"X-CSRFToken": token.value},
    )
    assert taken.status_code == 200


def body(response):
    return (b"".join(response) if response.streaming else response.content).decode()


def test_the_key_is_nowhere_but_with_its_owner(tess, btc, quoted, caplog):
    quoted()
    caplog.set_level(logging.DEBUG)
    key = token_of(tess)
    program = Program(key)
    seen = [
        body(program.send(method, filled(route), json.dumps(LIMIT)))
        for route in api_routes().values()
        for method in ("GET", "POST")
    ]
    seen.append(program.get("/api/nothing").content.decode())
    seen.append(program.get(f"/api/health?token={key}").content.decode())
    told = "\n".join([*seen, caplog.text])
    assert len(told) > 10_000
    assert key not in told
    assert key[5:25] not in told
    digest = ApiToken.objects.get().digest
    assert digest not in told


def test_metrics_are_for_this_machine_and_for_members(tess, btc, quoted):
    quoted()
    far = {"REMOTE_ADDR": "203.0.113.5"}
    for path in ("/metrics", "/metrics/live-data"):
        here = Client().get(path)
        assert here.status_code == 200
        assert here["Content-Type"].startswith("text/plain; version=0.0.4")
        away = Client().get(path, **far)
        assert_problem(away, 401, "not_authenticated")
        proxied = Client().get(path, headers={"X-Forwarded-For": "127.0.0.1"})
        assert_problem(proxied, 401, "not_authenticated")
        header = {"Authorization": f"Token {token_of(tess)}"}
        assert Client().get(path, headers=header, **far).status_code == 200


def test_metrics_are_in_the_text_format(btc, quoted):
    quoted()
    text = (
        Client().get("/metrics").content.decode()
        + Client().get("/metrics/live-data").content.decode()
    )
    names = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in {"gauge", "counter"}
            assert name not in names
            names.add(name)
        elif not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name.split("{")[0] in names
            float(value)
    assert {"mystic_info", "mystic_sockets", "mystic_orders_working"} <= names
    assert 'mystic_quote_age_seconds{symbol="BTC/USDT",source="binance"}' in text
