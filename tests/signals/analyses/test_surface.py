"""The page, the API and the command of analyses, and who may see what."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from signals.models import Analysis, Strategy
from signals.services.analyses import analysis_claim, analysis_fail, analysis_make
from signals.services.rules import rule_share

pytestmark = pytest.mark.django_db


def browser(user):
    client = Client()
    client.force_login(user)
    return client


def page(row):
    return reverse("strategy_analysis", args=[row.pk])


def result(row):
    return reverse("strategy_analysis_result", args=[row.pk])


def finish():
    row = Analysis.objects.get()
    assert analysis_claim(row.pk)
    assert analysis_make(row.pk)
    return row


class TestThePage:
    def test_it_asks_waits_and_shows_the_table(self, ann, mine):
        client = browser(ann)
        assert "No analysis was asked for yet" in client.get(page(mine)).content.decode()
        answer = client.post(page(mine), {"symbol": "BTC/USDT", "bars": "1000"})
        assert (answer.status_code, answer["Location"]) == (302, page(mine))
        waiting = client.get(page(mine)).content.decode()
        assert f'hx-get="{result(mine)}" hx-trigger="every 2s"' in waiting
        finish()
        text = client.get(result(mine)).content.decode()
        assert "hx-trigger" not in text
        assert "<!doctype" not in text.lower()
        assert "Nothing looks ahead" in text
        assert '<th scope="row">above the line</th>' in text
        assert "2 bars" in text
        assert "Nothing changed when later bars became known: 8 outputs" in text

    def test_wrong_input_is_shown_at_its_field(self, ann, mine):
        client = browser(ann)
        answer = client.post(page(mine), {"symbol": "BTC/USDT", "bars": "10"})
        assert answer.status_code == 422
        assert "greater than or equal to 200" in answer.content.decode()
        assert client.post(page(mine), {"symbol": "DOGE/USDT", "bars": "500"}).status_code == 422
        assert Analysis.objects.count() == 0

    def test_a_failure_says_why(self, ann, mine):
        client = browser(ann)
        client.post(page(mine), {"symbol": "BTC/USDT", "bars": "500"})
        row = Analysis.objects.get()
        analysis_claim(row.pk)
        analysis_fail(row.pk, "Its process ended with code -9. Ask again.")
        assert (
            "Its process ended with code -9. Ask again." in client.get(page(mine)).content.decode()
        )

    def test_a_stranger_sees_neither_strategy_nor_result(self, ann, ben, cid, mine):
        browser(ann).post(page(mine), {"symbol": "BTC/USDT", "bars": "500"})
        finish()
        for other in (ben, cid):
            client = browser(other)
            assert client.get(page(mine)).status_code == 404
            assert client.get(result(mine)).status_code == 404
            assert client.post(page(mine), {"symbol": "BTC/USDT"}).status_code == 404
        assert Analysis.objects.count() == 1
        assert Client().get(page(mine)).status_code == 302
        rule_share(strategy=mine, is_shared=True)
        text = browser(ben).get(page(mine)).content.decode()
        assert "No analysis was asked for yet" in text

    def test_the_page_of_strategies_leads_there(self, ann, shared):
        row = Strategy.objects.filter(class_name="TrendPullback")[0]
        assert page(row) in browser(ann).get(reverse("strategies")).content.decode()


class TestTheApi:
    def address(self, row):
        return f"/api/v1/strategies/{row.pk}/analysis"

    def test_it_is_asked_for_and_read(self, ann, mine):
        client = browser(ann)
        body = {"symbol": "BTC/USDT", "bars": 600}
        answer = client.post(self.address(mine), body, content_type="application/json")
        assert answer.status_code == 202
        said = answer.json()["data"]
        assert (said["state"], said["verdict"], said["document"]) == ("waiting", None, None)
        finish()
        (found,) = client.get(self.address(mine)).json()["data"]
        assert (found["id"], found["state"], found["verdict"]) == (said["id"], "ready", "clean")
        assert found["document"]["span"]["bars"] == 600
        assert json.dumps(found)

    def test_what_is_wrong_is_named(self, ann, mine):
        client = browser(ann)
        answer = client.post(
            self.address(mine), {"symbol": "NONE/USDT"}, content_type="application/json"
        )
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == "/symbol"
        for body in ({"symbol": "BTC/USDT", "bars": 5}, {"bars": 500}, {"symbol": 7}):
            answer = client.post(self.address(mine), body, content_type="application/json")
            assert answer.status_code == 400
        assert Analysis.objects.count() == 0

    def test_a_stranger_is_told_nothing(self, ann, ben, cid, mine):
        body = {"symbol": "BTC/USDT"}
        for other in (ben, cid):
            client = browser(other)
            assert client.get(self.address(mine)).status_code == 404
            answer = client.post(self.address(mine), body, content_type="application/json")
            assert answer.status_code == 404
        assert Client().get(self.address(mine)).status_code == 401
        rule_share(strategy=mine, is_shared=True)
        browser(ann).post(self.address(mine), body, content_type="application/json")
        assert browser(ben).get(self.address(mine)).json()["data"] == []
        assert Analysis.objects.count() == 1


class TestTheCommand:
    def test_it_prints_a_row_for_each_output(self, mine, capsys):
        call_command("analyse", strategy=str(mine.pk), symbol="BTC/USDT", bars=1_000)
        told = capsys.readouterr().out
        assert told.startswith("Nothing changed when later bars became known: 8 outputs")
        rows = {line[:14].strip(): line.split()[-5:] for line in told.splitlines()}
        assert rows["it closed up"] == ["no", "0", "0", "0", "0"]
        assert rows["verdict"][-1] == "no"

    def test_json_is_the_whole_document(self, mine, capsys):
        call_command("analyse", strategy=str(mine.pk), symbol="BTC/USDT", bars=700, json=True)
        assert json.loads(capsys.readouterr().out)["verdict"] == "clean"

    def test_what_is_not_clean_ends_with_an_error(self, mine, capsys):
        with pytest.raises(CommandError, match="at least 200 are wanted"):
            call_command("analyse", strategy=str(mine.pk), symbol="BTC/USDT", bars=100)
        with pytest.raises(CommandError, match="Nothing is proven: of 250 bars 0 are past"):
            call_command("analyse", strategy="TrendPullback", symbol="BTC/USDT", bars=250)
        with pytest.raises(CommandError, match="there is no class Nobody"):
            call_command("analyse", strategy="Nobody", symbol="BTC/USDT")
        with pytest.raises(CommandError, match="Name both"):
            call_command("analyse", strategy="TrendPullback")
        with pytest.raises(CommandError, match="NONE/USDT"):
            call_command("analyse", strategy=str(mine.pk), symbol="NONE/USDT")
