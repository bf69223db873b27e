"""The list of bad inputs: each with its status and code, as a problem, nothing written."""

import json

import pytest

from mystic.models import ApiToken
from notifications.models import Alert, AlertRule
from tests.api.conftest import PROBLEM, Program, person, token_of
from trading.models import LedgerEntry, Order, Position, RiskDecision

ORDER = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.001"}
ORDERS = "/api/v1/orders"
HISTORY = "/api/v1/market-data/BTCUSDT/historical"
NOTES = "/api/notifications"
RULES = "/api/v1/alerts/rules"


def order(**changes):
    return json.dumps({k: v for k, v in (ORDER | changes).items() if v is not ...})


def limit(**changes):
    return order(**({"type": "limit", "limit_price": "50000"} | changes))


BODIES = [
    ("not JSON", "buy some", 400, "json_invalid"),
    ("cut", order()[:-5], 400, "json_invalid"),
    ("bad UTF-8", b'{"symbol": "\xff\xfe"}', 400, "json_invalid"),
    ("UTF-16", order().encode("utf-16"), 400, "json_invalid"),
    ("UTF-8 with a byte order mark", b"\xef\xbb\xbf" + order().encode(), 400, "json_invalid"),
    ("empty", "", 400, "json_invalid"),
    ("blank", "  \n ", 400, "json_invalid"),
    ("single quotes", "{'symbol': 'BTC/USDT'}", 400, "json_invalid"),
    ("comma at the end", '{"symbol": "BTC/USDT",}', 400, "json_invalid"),
    ("comment", '{"symbol": "BTC/USDT" /* x */}', 400, "json_invalid"),
    ("two documents", order() + order(), 400, "json_invalid"),
    ("raw NUL", b'{"symbol": "BTC\x00"}', 400, "json_invalid"),
    ("raw line end in text", '{"symbol": "BTC\n"}', 400, "json_invalid"),
    ("list", f"[{order()}]", 400, "object_expected"),
    ("null", "null", 400, "object_expected"),
    ("text", '"BTC/USDT"', 400, "object_expected"),
    ("number", "5", 400, "object_expected"),
    ("true", "true", 400, "object_expected"),
    ("33 levels", '{"a":' * 33 + "1" + "}" * 33, 400, "too_deep"),
    ("100,000 levels", "[" * 100_000, 400, "too_deep"),
    ("100,000 closed levels", "[" * 100_000 + "]" * 100_000, 400, "too_deep"),
    ("over 256 kB", order(symbol="B" * 262_144), 413, "too_large"),
    ("1 MB of blanks", " " * 1_000_000 + order(), 413, "too_large"),
    ("twice", '{"side": "buy", "side": "sell"}', 400, "duplicate_key"),
    ("twice inside", '{"a": {"b": 1, "b": 1}}', 400, "duplicate_key"),
    ("twice by escape", '{"side": "buy", "sid\\u0065": "sell"}', 400, "duplicate_key"),
    ("NaN", '{"quantity": NaN}', 400, "not_finite"),
    ("Infinity", '{"quantity": Infinity}', 400, "not_finite"),
    ("-Infinity", '{"quantity": -Infinity}', 400, "not_finite"),
    ("5,000 digits", '{"quantity": %s}' % ("9" * 5000), 400, "number_format"),
    ("41 digits", '{"quantity": %s}' % ("9" * 41), 400, "number_format"),
    ("1e400", '{"quantity": 1e400}', 400, "number_format"),
    ("1e-400", '{"quantity": 1e-400}', 400, "number_format"),
    ("NUL", '{"symbol": "BTC\\u0000"}', 400, "control_character"),
    ("NUL in a key", '{"sym\\u0000bol": "BTC"}', 400, "control_character"),
    ("bell", '{"symbol": "\\u0007"}', 400, "control_character"),
    ("escape", '{"symbol": "\\u001b[31m"}', 400, "control_character"),
    ("high surrogate", '{"symbol": "\\ud83d"}', 400, "control_character"),
    ("low surrogate", '{"symbol": "\\ude00"}', 400, "control_character"),
    ("surrogate in a key", '{"\\ud83d": 1}', 400, "control_character"),
    ("surrogate deep inside", '{"a": [{"b": "\\ud83d"}]}', 400, "control_character"),
    ("right to left", '{"symbol": "BTC\\u202eTDSU"}', 400, "control_character"),
    ("zero width", '{"symbol": "BTC\\u200b/USDT"}', 400, "control_character"),
    ("unknown field", order(time_in_force="gtc"), 400, "unknown_field"),
    ("unknown __proto__", order(__proto__={}), 400, "unknown_field"),
    *((f"sets {name}", order(**{name: 1}), 400, "read_only")
      for name in ("owner", "user", "user_id", "mode", "status", "filled", "is_staff", "id",
                   "client_order_id", "risk_decision", "realised")),
    ("no quantity", order(quantity=...), 400, "required"),
    ("no symbol", order(symbol=...), 400, "required"),
    ("no side", order(side=...), 400, "required"),
    ("quantity null", order(quantity=None), 400, "null"),
    *((f"quantity {text!r}", order(quantity=text), 400, "must_be_positive")
      for text in ("0", "-1", "-0", "0.0", "-0.001")),
    *((f"quantity {text!r}", order(quantity=text), 400, "number_format")
      for text in ("1_000", "\u0661", "\uff10.1", " 1", "1 ", "+1", "1.", ".5", "1e3", "1E-3",
                   "0x10", "0b1", "1,000", "", "NaN", "Infinity", "1/2", "\u00bd", "--1", "0.1.2",
                   "1" * 1001, "0." + "0" * 18 + "1", "1e400", "1e-400", "\u22121")),
    *((f"quantity {value!r}", order(quantity=value), 400, "use_string")
      for value in (0.1, 1, True, False, [], {}, ["0.1"], {"a": "0.1"})),
    ("9 places", order(quantity="0.001000001"), 400, "step"),
    ("off the step", order(quantity="0.0010005"), 400, "step"),
    ("more than can be counted", order(quantity="9999999999999999999"), 400, "too_large"),
    ("limit without price", order(type="limit"), 400, "limit_price_missing"),
    ("market with price", order(limit_price="50000"), 400, "limit_price_unexpected"),
    ("price 0", limit(limit_price="0"), 400, "must_be_positive"),
    ("price -1", limit(limit_price="-1"), 400, "must_be_positive"),
    ("price 1e400", limit(limit_price="1e400"), 400, "number_format"),
    ("price 1e-400", limit(limit_price="1e-400"), 400, "number_format"),
    ("price of 1,001 digits", limit(limit_price="1" * 1001), 400, "number_format"),
    ("price as a float", limit(limit_price=50000.5), 400, "use_string"),
    ("price true", limit(limit_price=True), 400, "use_string"),
    ("price null", limit(limit_price=None), 400, "null"),
    ("price off the tick", limit(limit_price="50000.001"), 400, "tick"),
    ("price of 9 places", limit(limit_price="50000.000000001"), 400, "tick"),
    ("stop off the tick", limit(stop_loss="49000.001"), 400, "tick"),
    ("stop above a purchase", limit(stop_loss="50001"), 400, "stop_wrong_side"),
    ("stop at the price", limit(stop_loss="50000"), 400, "stop_wrong_side"),
    ("target below a purchase", limit(take_profit="49999"), 400, "take_wrong_side"),
    ("stop as a number", limit(stop_loss=49000), 400, "use_string"),
    ("side unknown", order(side="long"), 400, "invalid_choice"),
    ("side in capitals", order(side="BUY"), 400, "invalid_choice"),
    ("side empty", order(side=""), 400, "invalid_choice"),
    ("side a number", order(side=1), 400, "invalid_choice"),
    ("side a list", order(side=["buy"]), 400, "invalid_choice"),
    ("side an object", order(side={"buy": 1}), 400, "invalid_choice"),
    ("side null", order(side=None), 400, "null"),
    ("type unknown", order(type="stop"), 400, "invalid_choice"),
    ("type a list", order(type=["market"]), 400, "invalid_choice"),
    ("symbol unknown", order(symbol="NOPE/USDT"), 404, "unknown_symbol"),
    ("symbol of 10 kB", order(symbol="B" * 10_000), 400, "symbol_too_long"),
    ("symbol empty", order(symbol=""), 400, "blank"),
    ("symbol null", order(symbol=None), 400, "null"),
    ("symbol a number", order(symbol=5), 400, "not_text"),
    ("symbol true", order(symbol=True), 400, "not_text"),
    ("symbol a list", order(symbol=["BTC/USDT"]), 400, "not_text"),
    ("symbol half", order(symbol="BTC"), 404, "unknown_symbol"),
    ("symbol with SQL", order(symbol="BTC/USDT' OR 1=1 --"), 404, "unknown_symbol"),
    ("symbol with a template", order(symbol="{{7*7}}"), 404, "unknown_symbol"),
    ("reduce_only as text", order(reduce_only="true"), 400, "invalid"),
    ("reduce_only 1", order(reduce_only=1), 400, "invalid"),
    ("reduce_only null", order(reduce_only=None), 400, "null"),
]  # fmt: skip

QUERIES = [
    ("limit 0", f"{ORDERS}?limit=0", 400, "limit_invalid"),
    ("limit -1", f"{ORDERS}?limit=-1", 400, "limit_invalid"),
    ("limit 1e30", f"{ORDERS}?limit=1e30", 400, "limit_invalid"),
    ("limit 1e1", f"{ORDERS}?limit=1e1", 400, "limit_invalid"),
    ("limit 1000000000", f"{ORDERS}?limit=1000000000", 400, "limit_invalid"),
    ("limit empty", f"{ORDERS}?limit=", 400, "limit_invalid"),
    ("limit text", f"{ORDERS}?limit=abc", 400, "limit_invalid"),
    ("limit with a blank", f"{ORDERS}?limit=%201", 400, "limit_invalid"),
    ("limit in Arabic digits", f"{ORDERS}?limit=%D9%A1", 400, "limit_invalid"),
    ("before text", f"{ORDERS}?before=abc", 400, "id_invalid"),
    ("before 2^63", f"{ORDERS}?before=9223372036854775808", 400, "id_invalid"),
    ("before 10^30", f"{ORDERS}?before=1{'0' * 30}", 400, "id_invalid"),
    ("status unknown", f"{ORDERS}?status=secret", 400, "invalid_choice"),
    ("ordering", f"{ORDERS}?ordering=owner__password", 400, "unknown_parameter"),
    ("foreign filter", f"{ORDERS}?account__owner=1", 400, "unknown_parameter"),
    ("parameter twice", f"{ORDERS}?symbol=BTCUSDT&symbol=ETHUSDT", 400, "repeated_parameter"),
    ("NUL", f"{ORDERS}?symbol=%00", 400, "control_character"),
    ("bad UTF-8", f"{ORDERS}?symbol=%FF", 400, "query_invalid"),
    ("surrogate", f"{ORDERS}?symbol=%ED%A0%80", 400, "query_invalid"),
    ("symbol unknown", f"{ORDERS}?symbol=NOPE", 404, "unknown_symbol"),
    ("signals side", "/api/signals?side=buy", 400, "invalid_choice"),
    ("signals strategy", "/api/signals?strategy=x", 400, "id_invalid"),
    ("signals limit", "/api/signals?limit=501", 400, "limit_invalid"),
    ("positions state", "/api/v1/positions?state=mine", 400, "invalid_choice"),
    ("notes unread", f"{NOTES}?unread=1", 400, "invalid_choice"),
    ("portfolio of another", "/api/portfolio?user=1", 400, "unknown_parameter"),
    ("timeframe unknown", f"{HISTORY}?timeframe=2m", 400, "bad_timeframe"),
    ("timeframe empty", f"{HISTORY}?timeframe=", 400, "bad_timeframe"),
    ("timeframe below the stored", f"{HISTORY}?timeframe=1s", 400, "bad_timeframe"),
    ("period unknown", f"{HISTORY}?period=10Y", 400, "bad_period"),
    ("period in small letters", f"{HISTORY}?period=1d", 400, "bad_period"),
    ("range too large", f"{HISTORY}?period=1Y", 400, "range_too_large"),
    ("from after to", f"{HISTORY}?from=1700000000&to=1600000000", 400, "from_after_to"),
    ("from at to", f"{HISTORY}?from=1700000000&to=1700000000", 400, "from_after_to"),
    ("from in year 1", f"{HISTORY}?from=0001-01-01T00:00:00Z", 400, "time_out_of_range"),
    ("from 0", f"{HISTORY}?from=0", 400, "time_out_of_range"),
    ("to in year 10000", f"{HISTORY}?to=10000-01-01T00:00:00Z", 400, "time_format"),
    ("to of 12 digits", f"{HISTORY}?to=999999999999", 400, "time_format"),
    ("no zone", f"{HISTORY}?from=2026-01-02T03:04:05", 400, "time_format"),
    ("zone of 25 hours", f"{HISTORY}?from=2026-01-02T03:04:05%2B25:00", 400, "time_format"),
    ("month 13", f"{HISTORY}?from=2026-13-02T03:04:05Z", 400, "time_format"),
    ("a word", f"{HISTORY}?to=now", 400, "time_format"),
    ("limit 5001", f"{HISTORY}?limit=5001", 400, "limit_invalid"),
    ("market unknown", "/api/v1/market-data/NOPE", 404, "unknown_symbol"),
    ("history unknown", "/api/v1/market-data/NOPE/historical", 404, "unknown_symbol"),
    ("market of 10 kB", f"/api/v1/market-data/{'B' * 10_000}", 400, "symbol_too_long"),
    ("market NUL", "/api/v1/market-data/BTC%00", 400, "control_character"),
    ("market empty", "/api/v1/market-data/", 404, "not_found"),
    ("order 2^63", f"{ORDERS}/9223372036854775808", 404, "not_found"),
    ("order 10^30", f"{ORDERS}/1{'0' * 30}", 404, "not_found"),
    ("order text", f"{ORDERS}/abc", 404, "not_found"),
    ("order NUL", f"{ORDERS}/%00", 404, "not_found"),
    ("order -1", f"{ORDERS}/-1", 404, "not_found"),
    ("order 0", f"{ORDERS}/0", 404, "not_found"),
    ("order 9223372036854775807", f"{ORDERS}/9223372036854775807", 404, "not_found"),
    ("no such address", "/api/nothing", 404, "not_found"),
    ("no such version", "/api/v2/orders", 404, "not_found"),
    ("path upwards", "/api/../etc/passwd", 404, "not_found"),
    ("token in the address", f"{ORDERS}?token=my_0123456789", 400, "token_in_url"),
    ("key in the address", "/api/health?api_key=x", 400, "token_in_url"),
    ("repeated on a public address", "/api/health?a=1&a=2", 400, "unknown_parameter"),
]

NOTE_BODIES = [
    ("nothing chosen", NOTES, "{}", 400, "ids_or_all"),
    ("all false", NOTES, '{"all": false}', 400, "ids_or_all"),
    ("both", NOTES, '{"ids": [1], "all": true}', 400, "ids_or_all"),
    ("ids as text", NOTES, '{"ids": "1"}', 400, "not_a_list"),
    ("ids of text", NOTES, '{"ids": ["1"]}', 400, "invalid"),
    ("ids of true", NOTES, '{"ids": [true]}', 400, "invalid"),
    ("ids of a float", NOTES, '{"ids": [1.0]}', 400, "invalid"),
    ("id 0", NOTES, '{"ids": [0]}', 400, "min_value"),
    ("id 2^63", NOTES, '{"ids": [9223372036854775808]}', 400, "max_value"),
    ("501 ids", NOTES, json.dumps({"ids": list(range(1, 502))}), 400, "max_length"),
    ("absent id", NOTES, '{"ids": [1]}', 404, "not_found"),
    ("user", NOTES, '{"all": true, "user": 1}', 400, "read_only"),
    ("rule kind", RULES, '{"kind": "magic"}', 400, "invalid_choice"),
    ("rule without symbol", RULES, '{"kind": "price"}', 400, "invalid"),
    ("rule of unknown symbol", RULES, '{"kind": "price", "symbol": "NOPE"}', 404, "unknown_symbol"),
    ("rule without level", RULES,
     '{"kind": "price", "symbol": "BTC/USDT", "params": {"direction": "above"}}', 400, "invalid"),
    ("rule level as a float", RULES,
     '{"kind":"price","symbol":"BTC/USDT","params":{"direction":"above","level":1.5}}',
     400, "invalid"),
    ("rule direction", RULES,
     '{"kind":"price","symbol":"BTC/USDT","params":{"direction":"up","level":"1"}}',
     400, "invalid"),
    ("rule params as text", RULES, '{"kind": "price", "params": "x"}', 400, "not_a_dict"),
    ("rule confidence NaN text", RULES,
     '{"kind": "signal", "params": {"min_confidence": "NaN"}}', 400, "invalid"),
    ("rule owner", RULES, '{"kind": "fill", "owner": 1}', 400, "read_only"),
    ("cancel with a body", f"{ORDERS}/1/cancel", '{"x": 1}', 400, "unknown_field"),
    ("close with a body", "/api/v1/positions/1/close", '{"quantity": "1"}', 400, "unknown_field"),
    ("close nothing", "/api/v1/positions/1/close", "", 404, "not_found"),
    ("cancel nothing", f"{ORDERS}/1/cancel", "", 404, "not_found"),
]  # fmt: skip


def rows():
    models = (Order, RiskDecision, Position, LedgerEntry, Alert, AlertRule)
    return {model.__name__: model.objects.count() for model in models}


def assert_problem(response, status, code):
    body = json.loads(response.content)
    assert (response.status_code, body.get("code")) == (status, code), body
    assert response["Content-Type"] == PROBLEM
    assert body["status"] == status
    assert body["type"] == f"urn:mystic:problem:{code}"
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response["X-Request-ID"]
    assert isinstance(body["errors"], list)
    for item in body["errors"]:
        assert set(item) == {"pointer", "code", "detail"}
    return body


def problems_of(name, response, status, code):
    """Return what is wrong with an answer, so that one run shows every wrong row."""
    try:
        assert_problem(response, status, code)
    except AssertionError as fault:
        return [f"{name}: {str(fault).splitlines()[0]}"]
    return []


def test_bad_order_bodies(program, btc, quoted):
    quoted()
    before, wrong = rows(), []
    for name, body, status, code in BODIES:
        wrong += problems_of(name, program.send("POST", ORDERS, body), status, code)
    assert wrong == []
    assert rows() == before


def test_bad_addresses(program, btc):
    before, wrong = rows(), []
    for name, path, status, code in QUERIES:
        wrong += problems_of(name, program.get(path), status, code)
    assert wrong == []
    assert rows() == before


def test_other_bad_bodies(program, btc):
    before, wrong = rows(), []
    for name, path, body, status, code in NOTE_BODIES:
        wrong += problems_of(name, program.send("POST", path, body), status, code)
    assert wrong == []
    assert rows() == before


def test_the_list_is_long_enough():
    assert len(BODIES) + len(QUERIES) + len(NOTE_BODIES) >= 180


@pytest.mark.parametrize(
    ("content_type", "status", "code"),
    [
        ("application/xml", 415, "unsupported_media_type"),
        ("text/plain", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("multipart/form-data; boundary=x", 415, "unsupported_media_type"),
        ("application/json; charset=utf-16", 400, "json_invalid"),
        ("application/json; charset=latin-1", 400, "json_invalid"),
        ("nonsense", 415, "unsupported_media_type"),
    ],
)
def test_bad_content_types(program, btc, quoted, content_type, status, code):
    quoted()
    before = rows()
    response = program.send("POST", ORDERS, order(), content_type=content_type)
    assert_problem(response, status, code)
    assert rows() == before


def test_two_thousand_form_fields(program, btc):
    body = "&".join(f"f{n}={n}" for n in range(2000))
    form = "application/x-www-form-urlencoded"
    assert_problem(
        program.send("POST", ORDERS, body, content_type=form), 415, "unsupported_media_type"
    )


def test_an_answer_in_xml_cannot_be_had(program):
    response = program.send("GET", ORDERS, headers={"Accept": "application/xml"})
    assert_problem(response, 406, "not_acceptable")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", ORDERS, "GET, POST, HEAD, OPTIONS"),
        ("PATCH", f"{ORDERS}/1", "GET, DELETE, HEAD, OPTIONS"),
        ("DELETE", ORDERS, "GET, POST, HEAD, OPTIONS"),
        ("POST", "/api/coinstate", "GET, HEAD, OPTIONS"),
        ("GET", f"{ORDERS}/1/cancel", "POST, OPTIONS"),
        ("TRACE", "/api/coinstate", "GET, HEAD, OPTIONS"),
        ("PROPFIND", "/api/coinstate", "GET, HEAD, OPTIONS"),
    ],
)
def test_methods_that_are_not_allowed(program, method, path, allow):
    response = program.send(method, path, order())
    assert_problem(response, 405, "method_not_allowed")
    assert response["Allow"] == allow


@pytest.mark.parametrize("key", ["", "x" * 81, "two words", "\u00e9", "tab\tkey"])
def test_bad_idempotency_keys(program, btc, quoted, key):
    quoted()
    before = rows()
    response = program.send("POST", ORDERS, order(), headers={"Idempotency-Key": key})
    assert_problem(response, 400, "idempotency_key_invalid")
    assert rows() == before


def test_a_wrong_host_is_a_problem_too(nobody):
    response = nobody.client.get("/api/health", headers={"host": "evil.example"})
    assert_problem(response, 400, "bad_request")


def test_a_fault_of_ours_is_a_problem_that_tells_nothing(program, monkeypatch, caplog):
    from markets import watchlist

    def fails():
        message = "SELECT secret FROM /etc/passwd"
        raise RuntimeError(message)

    monkeypatch.setattr(watchlist, "rows_watched", fails)
    response = program.get("/api/coinstate")
    body = assert_problem(response, 500, "internal_error")
    assert b"secret" not in response.content
    assert body["request_id"] in caplog.text


def test_a_busy_database_is_unavailable_for_a_moment(program, monkeypatch):
    from django.db import OperationalError

    from markets import watchlist

    def fails():
        message = "database is locked"
        raise OperationalError(message)

    monkeypatch.setattr(watchlist, "rows_watched", fails)
    response = program.get("/api/coinstate")
    assert_problem(response, 503, "unavailable")
    assert response["Retry-After"] == "5"


def test_too_many_requests_say_when_to_come_back(nobody, btc):
    for _ in range(120):
        assert nobody.get("/api/health").status_code == 200
    response = nobody.get("/api/health")
    assert_problem(response, 429, "too_many_requests")
    assert 1 <= int(response["Retry-After"]) <= 60
    spoofed = nobody.send("GET", "/api/health", headers={"X-Forwarded-For": "198.51.100.7"})
    assert spoofed.status_code == 429


def test_pages_keep_their_own_errors(client, db):
    response = client.get("/nothing-here/")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def test_rows_of_others_look_absent(btc, tess):
    other = person("other")
    stranger = Program(token_of(other, ApiToken.Scope.TRADE))
    absent = stranger.get(f"{ORDERS}/1")
    assert_problem(absent, 404, "not_found")
