"""The description of the API: complete, without warnings, and true of every answer."""

import json

import jsonschema
import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from notifications.models import Alert, AlertRule
from tests.api.test_reading import candles, make_signals, strategy  # noqa: F401  fixtures

ORDER = {"symbol": "BTC/USDT", "side": "buy", "quantity": "0.003"}


def described():
    return yaml.safe_load(Client().get("/api/schema/").content)


def test_it_is_generated_without_a_warning(capsys, tmp_path, db):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "s.yaml"))


def test_every_address_is_in_it(db):
    assert set(described()["paths"]) == {
        "/api/health",
        "/api/coinstate",
        "/api/signals",
        "/api/portfolio",
        "/api/analytics/performance",
        "/api/notifications",
        "/api/v1/macro/{series}",
        "/api/v1/news",
        "/api/v1/mood",
        "/api/v1/market-data/{symbol}",
        "/api/v1/market-data/{symbol}/book",
        "/api/v1/market-data/{symbol}/export",
        "/api/v1/market-data/{symbol}/historical",
        "/api/v1/market-data/{symbol}/options",
        "/api/v1/options/unusual",
        "/api/v1/quality",
        "/api/v1/sources",
        "/api/v1/orders",
        "/api/v1/orders/{order_id}",
        "/api/v1/orders/{order_id}/cancel",
        "/api/v1/positions",
        "/api/v1/positions/{position_id}/close",
        "/api/v1/deployments/{deployment_id}/parity",
        "/api/v1/strategies",
        "/api/v1/strategies/check",
        "/api/v1/strategies/{strategy_id}",
        "/api/v1/strategies/{strategy_id}/why",
        "/api/v1/strategies/{strategy_id}/analysis",
        "/api/v1/backtests",
        "/api/v1/backtests/combined",
        "/api/v1/backtests/compare",
        "/api/v1/backtests/{run_id}",
        "/api/v1/backtests/{run_id}/cancel",
        "/api/v1/backtests/{run_id}/again",
        "/api/v1/backtests/{run_id}/report",
        "/api/v1/backtests/{run_id}/report.json",
        "/api/v1/backtests/{run_id}/report.html",
        "/api/v1/backtests/{run_id}/trades",
        "/api/v1/backtests/{run_id}/trades.csv",
        "/api/v1/backtests/{run_id}/equity",
        "/api/v1/backtests/{run_id}/equity.csv",
        "/api/v1/sweeps",
        "/api/v1/sweeps/{sweep_id}",
        "/api/v1/sweeps/{sweep_id}/cancel",
        "/api/v1/sweeps/{sweep_id}/trials",
        "/api/v1/sweeps/{sweep_id}/folds",
        "/api/v1/sweeps/{sweep_id}/heat-map",
        "/api/v1/symbols",
        "/api/v1/forecasts",
        "/api/v1/forecasts/accuracy",
        "/api/v1/forecasts/{symbol}",
        "/api/v1/consensus",
        "/api/v1/market-summary",
        "/api/v1/alerts/rules",
        "/api/v1/alerts/rules/{rule_id}",
    }


def _strict(node):
    """Allow no member that is not described; OpenAPI's `nullable` becomes JSON Schema's null."""
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _strict(value) for key, value in node.items() if key != "nullable"}
    if made.get("type") == "object" and "properties" in made:
        made.setdefault("additionalProperties", False)
    if node.get("nullable") is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made


def check(schema, path, method, response):
    wanted = schema["paths"][path][method]["responses"][str(response.status_code)]
    kind = response["Content-Type"].split(";")[0]
    found = _strict(wanted["content"][kind]["schema"])
    found["components"] = {"schemas": _strict(schema["components"]["schemas"])}
    jsonschema.validate(json.loads(response.content), found)


@pytest.mark.django_db(transaction=True)
def test_answers_are_as_described(program, tess, btc, quoted, desk_open, candles, strategy):  # noqa: F811
    schema = described()
    make_signals(strategy, btc, 2)
    rule = AlertRule.objects.create(user=tess, kind="price", instrument=btc)
    Alert.objects.create(user=tess, key="k", kind="price", title="t", rule=rule)
    quoted()  # a quote is fresh for three seconds
    made = program.post("/api/v1/orders", ORDER)
    check(schema, "/api/v1/orders", "post", made)
    number = made.json()["data"]["id"]
    for path in (
        "/api/health",
        "/api/coinstate",
        "/api/signals",
        "/api/portfolio",
        "/api/analytics/performance",
        "/api/notifications",
        "/api/v1/macro/{series}",
        "/api/v1/news",
        "/api/v1/mood",
        "/api/v1/market-data/{symbol}",
        "/api/v1/market-data/{symbol}/book",
        "/api/v1/market-data/{symbol}/historical",
        "/api/v1/options/unusual",
        "/api/v1/quality",
        "/api/v1/sources",
        "/api/v1/orders",
        "/api/v1/orders/{order_id}",
        "/api/v1/positions",
        "/api/v1/strategies",
        "/api/v1/alerts/rules",
    ):
        address = (
            path.replace("{symbol}", "BTCUSDT")
            .replace("{series}", "DGS10")
            .replace("{order_id}", str(number))
        )
        response = program.get(address)
        assert response.status_code == 200, (path, response.content)
        check(schema, path, "get", response)
    (position,) = program.get("/api/v1/positions").json()["data"]
    path = "/api/v1/positions/{position_id}/close"
    quoted()
    check(schema, path, "post", program.post(f"/api/v1/positions/{position['id']}/close"))
    check(schema, path, "post", program.post("/api/v1/positions/99/close"))
    check(schema, "/api/v1/orders", "post", program.post("/api/v1/orders", {"symbol": 5}))
    check(
        schema, "/api/v1/orders", "post", program.post("/api/v1/orders", ORDER | {"quantity": "9"})
    )


def test_the_page_shows_it_without_inline_script(db):
    page = Client().get("/api/docs/")
    assert page.status_code == 200
    policy = page["Content-Security-Policy"]
    scripts = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "unsafe" not in scripts
    assert b"<script>" not in page.content
    script = Client().get("/api/docs/?script=")
    assert script.status_code == 200
    assert "javascript" in script["Content-Type"]
