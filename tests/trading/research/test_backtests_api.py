"""The API of backtests, asked by Ann, by Ben, and by Cid; and the report as files."""

import csv
import hashlib
import io
import json

import pytest

from tests.api.conftest import Program, token_of
from tests.signals.app.conftest import START
from tests.trading.research.conftest import BARS, MINUTE, made
from trading.models import BacktestRun

pytestmark = pytest.mark.django_db
PATH = "/api/v1/backtests"


@pytest.fixture
def program(ann):
    return Program(token_of(ann))


@pytest.fixture
def others(ben, cid):
    return [Program(token_of(ben)), Program(token_of(cid))]


def body_of(row, **changes):
    told = {
        "strategy": row.pk,
        "symbols": ["BTC/USDT"],
        "from": "2023-11-16T20:00:00Z",
        "through": str(START + (BARS - 1) * MINUTE),
        "name": "by API",
    }
    return told | changes


def test_a_backtest_by_api_from_the_asking_to_the_files(program, stored, strategy):
    answer = program.post(PATH, body_of(strategy, assumptions={"taker_ppm": 500}))
    assert answer.status_code == 202, answer.content
    told = answer.json()["data"]
    assert (told["state"], told["metrics"], told["same_as"]) == ("waiting", None, None)
    assert told["assumptions"]["taker_ppm"] == 500
    one = f"{PATH}/{told['id']}"
    early = program.get(f"{one}/report")
    assert (early.status_code, early.json()["code"]) == (409, "backtest_not_ready")
    run = made(BacktestRun.objects.get(pk=told["id"]))
    ready = program.get(one).json()["data"]
    assert (ready["state"], ready["digest"]) == ("ready", run.result.digest)
    report = program.get(f"{one}/report").json()["data"]
    assert report["metrics"]["final_equity"] == ready["metrics"]["final_equity"]
    assert report["luck"]["trials"] == 1

    raw = program.get(f"{one}/report.json")
    assert raw["Content-Disposition"] == f'attachment; filename="backtest-{run.pk}-report.json"'
    assert hashlib.sha256(raw.content).hexdigest() == run.result.document_hash
    rows = list(csv.DictReader(io.StringIO(program.get(f"{one}/trades.csv").content.decode())))
    assert [row["profit"] for row in rows] == [x["profit"] for x in report["trades"]]
    assert program.get(f"{one}/trades").json()["data"] == report["trades"]
    lines = list(csv.DictReader(io.StringIO(program.get(f"{one}/equity.csv").content.decode())))
    assert [x["equity"] for x in lines] == report["equity"]["equity"]
    assert program.get(f"{one}/equity").json()["data"]["days"] == report["days"]
    page = program.get(f"{one}/report.html").content.decode()
    assert "<script" not in page
    assert "<polyline" in page
    assert run.result.digest in page

    again = program.post(f"{one}/again").json()["data"]
    made(BacktestRun.objects.get(pk=again["id"]))
    assert program.get(f"{PATH}/{again['id']}").json()["data"]["same_as"] == run.pk
    both = program.get(f"{PATH}/compare?ids={again['id']},{run.pk}").json()["data"]
    assert [x["id"] for x in both] == [again["id"], run.pk]
    assert both[0]["digest"] == both[1]["digest"]
    assert [x["id"] for x in program.get(f"{PATH}?limit=1").json()["data"]] == [again["id"]]


def test_a_waiting_backtest_is_canceled_once(program, stored, strategy):
    told = program.post(PATH, body_of(strategy)).json()["data"]
    done = program.post(f"{PATH}/{told['id']}/cancel")
    assert done.json()["data"]["state"] == "canceled"
    twice = program.post(f"{PATH}/{told['id']}/cancel")
    assert (twice.status_code, twice.json()["code"]) == (409, "backtest_ended")


@pytest.mark.parametrize(
    ("changes", "status", "pointer"),
    [
        ({"strategy": 10**9}, 422, "/strategy"),
        ({"symbols": ["NO/SUCH"]}, 422, "/symbols/0"),
        ({"params": {"bars": -1}}, 422, "/params/bars"),
        ({"assumptions": {"seed": "x"}}, 422, "/assumptions/seed"),
        ({"from": "2023-11-16"}, 400, "/from"),
        ({"from": "2100-01-01T00:00:00Z"}, 422, "/through"),
        ({"nothing": 1}, 400, "/nothing"),
        ({"strategy": "1"}, 400, "/strategy"),
    ],
)
def test_a_wrong_wish_is_refused_with_its_place(
    program, stored, strategy, changes, status, pointer
):
    answer = program.post(PATH, body_of(strategy, **changes))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (status, pointer)
    assert not BacktestRun.objects.exists()


def test_nobody_else_finds_it(program, others, ask):
    run = made(ask())
    one = f"{PATH}/{run.pk}"
    reads = ("", "/report", "/report.json", "/report.html", "/trades", "/trades.csv", "/equity",
             "/equity.csv")  # fmt: skip
    for part in reads:
        assert program.get(one + part).status_code == 200
        for other in others:
            assert other.get(one + part).status_code == 404
    for other in others:
        assert other.get(PATH).json()["data"] == []
        assert other.post(f"{one}/cancel").status_code == 404
        assert other.post(f"{one}/again").status_code == 404
        assert other.get(f"{PATH}/compare?ids={run.pk},{run.pk + 1}").status_code == 404
    assert Program().get(PATH).status_code == 401
    assert BacktestRun.objects.count() == 1


def test_a_reading_token_asks_for_nothing(ann, stored, strategy):
    reader = Program(token_of(ann, scope="read"))
    assert reader.post(PATH, body_of(strategy)).status_code == 403
    assert reader.get(PATH).status_code == 200
    assert json.loads(reader.get(f"{PATH}/compare?ids=1").content)["code"] == "id_invalid"
