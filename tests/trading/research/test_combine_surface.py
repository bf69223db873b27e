"""The page and the API of combinations, and who may see what."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from signals.services.rules import rule_create
from tests.signals.app.conftest import START
from tests.signals.rules.conftest import UP
from tests.trading.research.conftest import BARS, MINUTE, made, row_of
from trading.models import BacktestRun

pytestmark = pytest.mark.django_db

API = "/api/v1/backtests/combined"
FIRST, LAST = START + 4_000 * MINUTE, START + (BARS - 1) * MINUTE


@pytest.fixture
def up(ann, stored):
    return rule_create(user=ann, data=dict(UP))


@pytest.fixture
def mean(db):
    return row_of("MeanReversion")


def browser(user):
    client = Client()
    client.force_login(user)
    return client


def day(moment):
    return f"{datetime.fromtimestamp(moment, tz=UTC):%Y-%m-%d}"


def typed(*parts, **changes):
    told = {"from_day": day(START + 2 * 86_400), "through_day": day(START + 2 * 86_400)}
    for at, (strategy, symbols) in enumerate(parts, start=1):
        told |= {f"strategy-{at}": strategy, f"symbols-{at}": symbols}
    return told | changes


def body(*parts, **changes):
    rows = [{"strategy": row.pk, "symbols": symbols} for row, symbols in parts]
    return {"parts": rows, "from": str(FIRST), "through": str(LAST)} | changes


class TestThePage:
    def test_it_asks_and_the_result_shows_the_parts(self, ann, up, mean):
        client, address = browser(ann), reverse("backtest_combine")
        blank = client.get(f"{address}?strategy={up.pk}").content.decode()
        assert f'<option value="{up.pk}" selected>' in blank
        assert '<option value="BTC/USDT">' in blank
        answer = client.post(address, typed((up.pk, "btc/usdt"), (mean.pk, "BTC/USDT")))
        run = BacktestRun.objects.get()
        assert (answer.status_code, answer["Location"]) == (302, reverse("backtest", args=[run.pk]))
        assert (run.owner, run.symbols, run.timeframe) == (ann, ["BTC/USDT"], 60)
        assert run.through_open - run.from_open == 86_400 - 60
        made(run)
        text = client.get(reverse("backtest", args=[run.pk])).content.decode()
        assert '<h2 id="parts-title">The parts</h2>' in text
        assert f"1. {up.name}" in text
        assert f"2. {mean.name}" in text
        assert "How the parts move together" in text

    def test_wrong_input_stays_and_says_where(self, ann, cid, up, mean):
        client, address = browser(ann), reverse("backtest_combine")
        answer = client.post(address, typed((up.pk, "BTC/USDT"), name="just one"))
        assert answer.status_code == 422
        assert "1 strategies; a combination has 2 to 8." in answer.content.decode()
        assert 'value="just one"' in answer.content.decode()
        for parts, said in (
            (((up.pk, "BTC/USDT"), (mean.pk, "")), "Name at least one symbol."),
            (((up.pk, "BTC/USDT"), ("99999", "BTC/USDT")), "Choose a strategy."),
            (((up.pk, "BTC/USDT"), (mean.pk, "NONE/USDT")), "NONE/USDT"),
        ):
            answer = client.post(address, typed(*parts))
            assert answer.status_code == 422
            assert said in answer.content.decode()
        answer = client.post(
            address, typed((up.pk, "BTC/USDT"), (mean.pk, "BTC/USDT"), from_day="x")
        )
        assert "Give a day as 2025-01-31." in answer.content.decode()
        stranger = browser(cid).post(address, typed((up.pk, "BTC/USDT"), (mean.pk, "BTC/USDT")))
        assert "Choose a strategy." in stranger.content.decode()
        assert BacktestRun.objects.count() == 0
        assert Client().get(address).status_code == 302


class TestTheApi:
    def test_it_is_asked_for_and_read(self, ann, up, mean):
        client = browser(ann)
        asked = body((up, ["BTC/USDT"]), (mean, ["BTC/USDT"]), name="both")
        answer = client.post(API, asked, content_type="application/json")
        assert answer.status_code == 202
        said = answer.json()["data"]
        assert (said["class_name"], said["name"], said["strategy_id"]) == (
            "Combination",
            "both",
            None,
        )
        made(BacktestRun.objects.get())
        report = client.get(f"/api/v1/backtests/{said['id']}/report").json()["data"]
        assert [one["label"] for one in report["combination"]["parts"]] == [up.name, mean.name]
        assert {one["trend"] for one in report["regimes"]} == {"unknown"}
        assert sum(one["days"] for one in report["regimes"]) == len(report["days"]["time"])

    def test_what_is_wrong_is_named(self, ann, up, mean):
        client = browser(ann)
        asked = body((up, ["BTC/USDT"]), (mean, ["NONE/USDT"]))
        answer = client.post(API, asked, content_type="application/json")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/parts/1/symbols/0"
        for wrong in (
            body((up, ["BTC/USDT"])),
            body((up, ["BTC/USDT"]), (mean, [])),
            body((up, ["BTC/USDT"]), (mean, ["BTC/USDT"]), extra=1),
        ):
            assert client.post(API, wrong, content_type="application/json").status_code == 400
        assert BacktestRun.objects.count() == 0

    def test_a_stranger_finds_neither_the_strategy_nor_the_run(self, ann, ben, cid, up, mean):
        asked = body((up, ["BTC/USDT"]), (mean, ["BTC/USDT"]))
        for other in (ben, cid):
            answer = browser(other).post(API, asked, content_type="application/json")
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["pointer"] == "/parts/0/strategy"
        assert Client().post(API, asked, content_type="application/json").status_code == 401
        assert BacktestRun.objects.count() == 0
        said = browser(ann).post(API, asked, content_type="application/json").json()["data"]
        for other in (ben, cid):
            assert browser(other).get(f"/api/v1/backtests/{said['id']}").status_code == 404
            page = browser(other).get(reverse("backtest", args=[said["id"]]))
            assert page.status_code == 404
