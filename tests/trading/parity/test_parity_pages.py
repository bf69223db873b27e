"""The page, the badge, the API and the alert: what the owner sees, and Ben and Cid do not."""

import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from markets.services.candles import candles_store
from mystic.lib import bus
from notifications.models import Alert
from notifications.services.channels import defaults_create
from notifications.services.parity import on_parity_reported
from tests.api.conftest import Program, token_of
from tests.trading.parity.conftest import HISTORY, at, bars_of, play
from trading import tasks_parity
from trading.events import ParityReported
from trading.models import ParityReport
from trading.selectors_parity import parity_of
from trading.services.deployments import deployment_stop
from trading.services.parity import NIGHTLY, last_night, parity_report
from trading.services.parity_nights import parity_due

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running(crossing, btc, deploy, rows):
    deployment = deploy(crossing)
    play(btc, rows)
    return deployment


@pytest.fixture
def revised(running, btc, rows):
    """A report of a deployment one of whose bars the venue corrected."""
    bars = rows[HISTORY + 100]
    candles_store(bars_of(btc, [(*bars[:4], bars[2], bars[5])]))
    return parity_report(deployment=running, asked_by="ann")


def page_of(client, deployment, query=""):
    answer = client.get(f"/deployments/{deployment.pk}/parity/{query}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def badge_of(client, deployment):
    html = client.get(f"/strategies/{deployment.strategy_id}/deployment/").content.decode()
    found = re.search(r'<a class="[^"]*" href="/deployments/\d+/parity/">([^<]*)</a>', html)
    return found.group(1)


def test_without_a_report_nothing_is_claimed(client, ann, running):
    client.force_login(ann)
    assert badge_of(client, running) == "No parity report yet"
    assert "There is no report yet, so nothing is claimed." in page_of(client, running)
    assert parity_of(running) is None


def test_the_button_makes_a_report_and_the_badge_tells_it(client, ann, running):
    client.force_login(ann)
    ask = f"/deployments/{running.pk}/parity/ask/"
    answer = client.post(ask, headers={"HX-Request": "true"})
    assert "Every decision is made again" in answer.content.decode()
    waited = client.get(f"/deployments/{running.pk}/parity/wait/?after=0&looks=1")
    assert waited.headers["HX-Refresh"] == "true"
    assert badge_of(client, running).startswith("Parity 100 % · 301 decisions · ")
    html = page_of(client, running)
    assert "Parity 100 % · 301 decisions" in html
    assert "Every decision came out again, in each value." in html
    assert parity_of(running) == 1.0
    # Without scripts the button leads back to the page.
    assert client.post(ask).headers["Location"] == f"/deployments/{running.pk}/parity/"
    assert "Share of decisions found again, by report" in page_of(client, running)


def test_a_page_that_waits_gives_up_in_the_end(client, ann, running):
    client.force_login(ann)
    wait = f"/deployments/{running.pk}/parity/wait/"
    assert "looks=8" in client.get(f"{wait}?after=0&looks=7").content.decode()
    assert "No report came" in client.get(f"{wait}?after=0&looks=60").content.decode()
    for wrong in ("after=x", "after=-1", "looks=٣", "after=" + "9" * 30):
        assert client.get(f"{wait}?{wrong}").status_code == 404


def test_a_correction_is_shown_side_by_side_with_its_bar(client, ann, revised, running):
    client.force_login(ann)
    count = revised.decisions - revised.matched_published
    share = int(10_000 * revised.matched_published / 301) / 100
    assert badge_of(client, running).startswith(
        f"Parity {share:g} %: {count} decisions differ, data revised · "
    )
    html = page_of(client, running)
    first = revised.differences.first()
    assert first.detail in html.replace("&gt;", ">")
    assert "The venue corrected a bar" in html
    why = f"/strategies/{running.strategy_id}/why/BTCUSDT/?bar={at(HISTORY + 100)}"
    assert why in html
    for side in (first.was, first.received, first.published):
        assert repr(side["values"]["fast"]) in html
    assert client.get(why).status_code == 200
    assert parity_of(running) == 1.0, "as received: the venue's correction is not its fault"
    older = parity_report(
        deployment=running, from_open=at(HISTORY), through_open=at(HISTORY + 9), asked_by="ann"
    )
    assert first.detail not in page_of(client, running, f"?report={older.pk}")
    # A span that somebody chose, and that has no difference in it, is no passport.
    assert older.matched_published == older.decisions == 10
    assert "data revised" in badge_of(client, running)
    assert first.detail in page_of(client, running, f"?report={revised.pk}")


def test_the_portfolio_names_what_runs(client, ann, revised, running):
    client.force_login(ann)
    assert "/trading/fragment/running/" in client.get("/portfolio/").content.decode()
    html = client.get("/trading/fragment/running/").content.decode()
    assert "Crossing" in html
    assert "data revised" in html
    deployment_stop(deployment=running)
    html = client.get("/trading/fragment/running/").content.decode()
    assert "No strategy is on for your account" in html


def test_nobody_else_finds_it(client, ben, cid, revised, running, deploy, crossing):
    theirs = deploy(crossing, owner=ben)
    paths = [
        f"/deployments/{running.pk}/parity/",
        f"/deployments/{running.pk}/parity/?report={revised.pk}",
        f"/deployments/{running.pk}/parity/wait/?after=0&looks=1",
    ]
    for person in (ben, cid):
        client.force_login(person)
        assert [client.get(path).status_code for path in paths] == [404] * 3
        assert client.post(f"/deployments/{running.pk}/parity/ask/").status_code == 404
        key = Program(token_of(person))
        api = f"/api/v1/deployments/{running.pk}/parity"
        assert [key.get(api).status_code, key.post(api, {}).status_code] == [404, 404]
    client.force_login(ben)
    # A report of another's deployment is not shown below one's own.
    mine = f"/deployments/{theirs.pk}/parity/?report={revised.pk}"
    assert client.get(mine).status_code == 404
    own = f"/api/v1/deployments/{theirs.pk}/parity?report={revised.pk}"
    assert Program(token_of(ben)).get(own).status_code == 404
    client.logout()
    assert client.get(paths[0]).status_code == 302
    assert Program().get(f"/api/v1/deployments/{running.pk}/parity").status_code == 401
    assert ParityReport.objects.count() == 1


def test_the_api_tells_reports_and_takes_a_wish(ann, revised, running):
    program = Program(token_of(ann))
    path = f"/api/v1/deployments/{running.pk}/parity"
    told = program.get(path).json()["data"]
    count = revised.decisions - revised.matched_published
    assert told["report"]["match"] == 1.0
    assert told["report"]["causes"] == {"data_revised": count}
    assert len(told["differences"]) == count
    assert told["differences"][0]["cause"] == "data_revised"
    assert told["differences"][0]["was"]["values"] == told["differences"][0]["received"]["values"]
    assert len(program.get(f"{path}?limit=1").json()["data"]["differences"]) == 1
    span = {"from_open": at(HISTORY), "through_open": at(HISTORY + 9)}
    answer = program.post(path, span)
    assert answer.status_code == 202
    assert answer.json()["data"] == {"deployment_id": running.pk, "newest_report": revised.pk}
    newest = program.get(path).json()["data"]["report"]
    assert (newest["decisions"], newest["match"], newest["asked_by"]) == (10, 1.0, "ann")
    wrong = program.post(path, {"from_open": 600, "through_open": 60})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "span_invalid")
    assert program.post(path, {"from_open": "600"}).status_code == 400
    assert ParityReport.objects.count() == 2


def test_the_command_says_it_in_lines(revised, running, capsys):
    call_command("parity", str(running.pk))
    said = capsys.readouterr().out
    assert "Crossing on" in said
    assert "data_revised: BTC/USDT" in said
    with pytest.raises(CommandError, match="no deployment 4711"):
        call_command("parity", "4711")


def test_each_night_has_one_report_and_a_missed_one_is_made_up(running, btc, rows):
    night = last_night(timezone.now())
    running.created_at = night - timedelta(hours=1)
    running.save()
    assert list(parity_due()) == [running]
    tasks_parity.nights()
    assert ParityReport.objects.get().asked_by == NIGHTLY
    tasks_parity.nights()
    tasks_parity.night(running.pk)
    assert parity_report(deployment=running, asked_by=NIGHTLY) is None
    assert ParityReport.objects.count() == 1
    tomorrow = night + timedelta(days=1, minutes=1)
    assert list(parity_due(now=tomorrow)) == [running]
    deployment_stop(deployment=running)
    assert list(parity_due(now=tomorrow)) == []


def test_the_night_is_twenty_past_midnight():
    moment = timezone.now().replace(hour=0, minute=19, second=59, microsecond=0)
    before = moment.replace(minute=20, second=0) - timedelta(days=1)
    assert last_night(moment) == before
    assert last_night(moment + timedelta(seconds=1)) == before + timedelta(days=1)


def test_one_that_began_after_the_night_waits_for_the_next(running):
    running.created_at = last_night(timezone.now()) + timedelta(seconds=1)
    running.save()
    tasks_parity.nights()
    assert ParityReport.objects.count() == 0


@pytest.fixture
def told(ann, ben, cid):
    for person in (ann, ben, cid):
        defaults_create(user=person)
    added = on_parity_reported not in bus._handlers.get(ParityReported, [])
    if added:
        bus.subscribe(ParityReported, on_parity_reported)
    yield
    if added:
        bus.unsubscribe(ParityReported, on_parity_reported)


def test_the_owner_alone_is_told_below_99_per_cent(told, ann, revised, running):
    assert revised.matched_published < 0.99 * revised.decisions
    (alert,) = Alert.objects.filter(kind="risk")
    assert alert.user == ann
    assert alert.title == "Crossing on Paper does not decide the same again"
    assert "data revised" in alert.body
    assert alert.path == f"/deployments/{running.pk}/parity/"


def test_nobody_is_told_of_a_whole_report(told, running):
    parity_report(deployment=running, asked_by="ann")
    assert not Alert.objects.filter(kind="risk").exists()
