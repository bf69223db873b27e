"""The API of searches: what a user asks for and sees, and that nobody else does."""

import pytest

from tests.signals.app.conftest import START
from tests.trading.research.conftest import BARS, MINUTE
from trading.models import Sweep
from trading.services.sweeps import trials_work

SPACE = {"bars": {"values": [10, 20]}, "band": {"values": [1.5, 2.0]}}


@pytest.fixture
def body(stored, strategy):
    return {
        "kind": "sweep",
        "strategy": strategy.pk,
        "symbols": ["BTC/USDT"],
        "from": str(START + 2_000 * MINUTE),
        "through": str(START + (BARS - 1) * MINUTE),
        "space": SPACE,
        "min_trades": 1,
    }


def post(client, path, body=None):
    return client.post(path, body or {}, content_type="application/json")


@pytest.fixture
def asked(client, ann, body):
    client.force_login(ann)
    answer = post(client, "/api/v1/sweeps", body)
    assert answer.status_code == 202, answer.json()
    return answer.json()["data"]


def test_ask_make_and_read(client, asked):
    assert (asked["state"], asked["points"], asked["trials"]["waiting"]) == ("waiting", 4, 4)
    while trials_work("here:1"):
        continue
    at = f"/api/v1/sweeps/{asked['id']}"
    one = client.get(at).json()["data"]
    assert (one["state"], one["trials"]["done"]) == ("ready", 4)
    assert one["summary"]["trials"]["all"] == 4
    rows = client.get(f"{at}/trials?limit=3").json()["data"]
    assert [(row["number"], row["params"]) for row in rows] == [
        (1, {"bars": 10, "band": 1.5}),
        (2, {"bars": 10, "band": 2.0}),
        (3, {"bars": 20, "band": 1.5}),
    ]
    assert "path" not in rows[0]["metrics"]
    assert [row["number"] for row in client.get(f"{at}/trials?after=3").json()["data"]] == [4]
    best = client.get(f"{at}/trials?order=objective").json()["data"]
    assert [row["objective"] for row in best] == sorted(
        (row["objective"] for row in best), reverse=True
    )
    found = client.get(f"{at}/heat-map?x=bars&y=band").json()["data"]
    by_point = {(row["params"]["bars"], row["params"]["band"]): row["objective"] for row in best}
    assert found["cells"] == [
        [by_point[bars, band] for bars in found["x_values"]] for band in found["y_values"]
    ]
    assert client.get(f"{at}/heat-map?x=bars&y=gone").status_code == 400
    assert client.get(f"{at}/folds").json()["data"] == []
    assert [row["id"] for row in client.get("/api/v1/sweeps?kind=sweep").json()["data"]] == [
        asked["id"]
    ]
    assert client.get("/api/v1/sweeps?kind=walk_forward").json()["data"] == []


def test_cancel_once(client, asked):
    at = f"/api/v1/sweeps/{asked['id']}/cancel"
    assert post(client, at).json()["data"]["state"] == "canceled"
    again = post(client, at)
    assert (again.status_code, again.json()["code"]) == (409, "sweep_ended")


def test_an_optimisation_is_a_walk_forward_unless_told_otherwise(client, ann, body):
    client.force_login(ann)
    answer = post(client, "/api/v1/sweeps", {**body, "kind": "walk_forward"})
    other = post(client, "/api/v1/sweeps", {k: v for k, v in body.items() if k != "kind"})
    assert (answer.status_code, answer.json()["detail"]) == (422, other.json()["detail"])
    assert answer.json()["errors"][0]["pointer"] == "/walk"


@pytest.mark.parametrize(
    ("changes", "status", "pointer"),
    [
        ({"space": {"bars": {"low": 9}}}, 422, "/space/bars/low"),
        ({"through": str(START)}, 422, "/through"),
        ({"strategy": 10**6}, 422, "/strategy"),
        ({"method": "luck"}, 400, "/method"),
        ({"seed": "7"}, 400, "/seed"),
        ({"guess": 1}, 400, "/guess"),
    ],
)
def test_refusals_point_at_their_place(client, ann, body, changes, status, pointer):
    client.force_login(ann)
    answer = post(client, "/api/v1/sweeps", body | changes)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not Sweep.objects.exists()


def test_another_user_finds_nothing(client, asked, ben, cid):
    at = f"/api/v1/sweeps/{asked['id']}"
    for other in (ben, cid):
        client.force_login(other)
        for path in ("", "/trials", "/folds", "/heat-map?x=bars&y=band"):
            assert client.get(f"{at}{path}").status_code == 404
        assert post(client, f"{at}/cancel").status_code == 404
        assert client.get("/api/v1/sweeps").json()["data"] == []
    client.logout()
    assert client.get(at).status_code == 401
    assert Sweep.objects.get().state == "waiting"
