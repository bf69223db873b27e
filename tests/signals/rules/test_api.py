"""The API of written strategies: Ann writes, Ben sees what is shared, Cid sees nothing of it."""

import json

import pytest

from mystic.models import ApiToken
from signals.models import Decision, Strategy
from tests.api.conftest import Program, token_of
from tests.api.test_bad_input import assert_problem
from tests.api.test_schema import check, described

pytestmark = pytest.mark.django_db
PATH = "/api/v1/strategies"


@pytest.fixture
def programs(ann, ben, cid):
    return {one.username: Program(token_of(one)) for one in (ann, ben, cid)}


@pytest.fixture
def program(programs):
    return programs["ann"]


def put(program, pk, value):
    return program.send("PUT", f"{PATH}/{pk}", json.dumps(value))


def made(program, up, **fields):
    answer = program.post(PATH, {"definition": up, **fields})
    assert answer.status_code == 201, answer.content
    return answer.json()["data"]


def test_a_strategy_is_written_read_and_listed(program, up, btc, bars):
    schema = described()
    answer = program.post(PATH, {"definition": up})
    check(schema, PATH, "post", answer)
    data = answer.json()["data"]
    assert data["origin"] == "rules"
    assert (data["is_own"], data["is_active"], data["is_shared"]) == (True, True, False)
    assert data["definition"]["entries"][0]["when"] == up["entries"][0]["when"]
    assert data["definition"]["params"] == up["params"]
    again = program.get(f"{PATH}/{data['id']}")
    check(schema, PATH + "/{strategy_id}", "get", again)
    assert again.json()["data"] == data
    listed = program.get(PATH).json()["data"]
    assert [one["id"] for one in listed] == [data["id"]]
    other = made(program, data["definition"] | {"name": "b", "exits": []})
    assert other["version"] != data["version"]


def test_what_is_wrong_is_said_with_pointers(program, up):
    up["entries"][0]["when"]["x/y"] = "clsoe > 1"
    del up["name"]
    answer = program.post(PATH, {"definition": up})
    assert_problem(answer, 400, "definition_invalid")
    assert answer.json()["errors"] == [
        {
            "pointer": "/definition/name",
            "code": "definition_invalid",
            "detail": "a name is wanted",
        }
    ]
    up["name"] = "a"
    (fault,) = program.post(PATH, {"definition": up}).json()["errors"]
    assert fault["pointer"] == "/definition/entries/0/when/x~1y"
    assert fault["detail"] == "character 1: there is no word clsoe. Did you mean close?"
    for body in ({}, {"definition": "close"}, {"definition": up, "owner": 1}, {"definition": None}):
        assert program.post(PATH, body).status_code == 400
    assert Strategy.objects.count() == 0


def test_an_edit_gives_the_new_version(program, up):
    first = made(program, up)
    up["exits"] = []
    answer = put(program, first["id"], {"definition": up, "is_shared": True})
    check(described(), PATH + "/{strategy_id}", "put", answer)
    second = answer.json()["data"]
    assert second["id"] != first["id"]
    assert (second["is_shared"], second["is_active"]) == (True, True)
    assert program.get(f"{PATH}/{first['id']}").json()["data"]["is_active"] is False
    assert_problem(put(program, first["id"], {"definition": up}), 404, "not_found")
    off = put(program, second["id"], {"is_active": False}).json()["data"]
    assert (off["id"], off["is_active"], off["is_shared"]) == (second["id"], False, True)
    assert program.get(PATH).json()["data"] == []


def test_a_check_keeps_nothing(program, up, btc, bars):
    answer = program.post(f"{PATH}/check", {"definition": up})
    check(described(), PATH + "/check", "post", answer)
    data = answer.json()["data"]
    assert (data["symbol"], data["decisions"]) == ("BTC/USDT", 500)
    assert data["cuts"] >= 1
    assert data["history"] == [{"series": "1m", "bars": 6, "days": 0.4}]
    assert data["newest"]["bar_open"] == bars[-1][0]
    assert Strategy.objects.count() == 0
    up["columns"]["line"] = "close.shift(-1)"
    refused = program.post(f"{PATH}/check", {"definition": up})
    assert_problem(refused, 400, "definition_invalid")
    assert "can shift forward" in refused.json()["detail"]


def test_deleting_keeps_what_decided(program, up, btc):
    row = made(program, up)
    answer = program.delete(f"{PATH}/{row['id']}")
    check(described(), PATH + "/{strategy_id}", "delete", answer)
    assert answer.json()["data"] == {"is_deleted": True}
    assert_problem(program.get(f"{PATH}/{row['id']}"), 404, "not_found")
    used = made(program, up)
    Decision.objects.create(
        strategy_id=used["id"], instrument=btc, bar_open=60, verdict="none", source="binance"
    )
    assert program.delete(f"{PATH}/{used['id']}").json()["data"] == {"is_deleted": False}
    assert program.get(f"{PATH}/{used['id']}").json()["data"]["is_active"] is False


def test_ben_sees_what_is_shared_and_cid_may_change_nothing(programs, up):
    row = made(programs["ann"], up)
    path = f"{PATH}/{row['id']}"
    for other in ("ben", "cid"):
        assert_problem(programs[other].get(path), 404, "not_found")
        assert programs[other].get(PATH).json()["data"] == []
    put(programs["ann"], row["id"], {"is_shared": True})
    seen = programs["ben"].get(path).json()["data"]
    assert (seen["is_own"], seen["is_shared"]) == (False, True)
    assert seen["definition"]["columns"] == {"line": "close.sma(bars)"}
    assert [one["id"] for one in programs["ben"].get(PATH).json()["data"]] == [row["id"]]
    for other in ("ben", "cid"):
        assert_problem(put(programs[other], row["id"], {"is_shared": False}), 404, "not_found")
        assert_problem(put(programs[other], row["id"], {"definition": up}), 404, "not_found")
        assert_problem(programs[other].delete(path), 404, "not_found")
    assert made(programs["ben"], up)["id"] != row["id"]
    kept = Strategy.objects.get(pk=row["id"])
    assert (kept.is_shared, kept.is_active, kept.name) == (True, True, "Up bars")


def test_a_read_token_may_not_write(ann, up):
    reader = Program(token_of(ann, ApiToken.Scope.READ))
    assert_problem(reader.post(PATH, {"definition": up}), 403, "scope")
    assert_problem(reader.post(f"{PATH}/check", {"definition": up}), 403, "scope")
    assert_problem(put(reader, 1, {}), 403, "scope")
    assert Strategy.objects.count() == 0
