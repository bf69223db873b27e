"""The form in which rules are written: what is typed is tried, kept, and shown to whom it may."""

import json

import pytest
from django.test import Client

from signals.forms import form_of, form_sent
from signals.models import Strategy
from signals.services.rules import rule_create, rule_share
from signals.strategies.definition_reading import definition_read

pytestmark = pytest.mark.django_db
NEW = "/strategies/new/"


@pytest.fixture
def as_user():
    def client(user):
        found = Client()
        found.force_login(user)
        return found

    return client


def typed(rules):
    """Return the fields that a page sends for a definition."""
    form = form_of(definition_read(rules))
    sent = {"name": form.name, "about": form.about, "timeframe": form.timeframe}
    for one in form.params:
        sent |= {f"{one.key}-name": one.name}
        sent |= {f"{one.key}-{name}": value for name, value in one.values.items()}
    rows = list(form.columns)
    for rule in (*form.entries, *form.exits):
        rows += [*rule.when, *rule.parts]
        sent |= {f"{rule.key}-{name}": value for name, value in rule.values.items()}
    for row in rows:
        sent |= {f"{row.key}-name": row.name, f"{row.key}-text": row.text}
    return sent


def test_a_form_holds_a_definition_whole(up):
    up["entries"][0] |= {
        "take": "close * 1.06",
        "confidence": {"a": "(close > line) * 0.5", "b": "0.25"},
        "threshold": 0.5,
    }
    definition = definition_read(up)
    assert definition_read(form_sent(typed(up)).data()) == definition
    up["entries"][0]["confidence"] = 0.75
    assert definition_read(form_sent(typed(up)).data()) == definition_read(up)


def test_a_stranger_is_sent_to_sign_in(client):
    for path in (NEW, "/strategies/1/edit/", "/strategies/words/", "/strategies/1/rules.json"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")
    for path in ("/strategies/now/", "/strategies/1/act/"):
        assert client.post(path)["Location"].startswith("/accounts/login/")


def test_the_page_begins_with_an_example_that_can_be_kept(ann, as_user, btc, bars):
    page = as_user(ann).get(NEW)
    assert page.status_code == 200
    html = page.content.decode()
    assert 'value="close.ema(50)"' in html
    assert "the exponential moving average with weight" in html
    assert "<script>" not in html


def test_trying_keeps_nothing_and_shows_what_it_would_do(ann, as_user, up, btc, bars):
    page = as_user(ann).post(NEW, {**typed(up), "do": "try"})
    assert page.status_code == 200
    html = page.content.decode()
    assert "On the last <strong>500</strong> closed bars of BTC/USDT" in html
    assert "cannot look ahead" in html
    assert Strategy.objects.count() == 0


def test_keeping_sends_to_the_strategies(ann, ben, as_user, up, btc, bars):
    client = as_user(ann)
    answer = client.post(NEW, {**typed(up), "do": "save"})
    row = Strategy.objects.get()
    assert answer["Location"] == f"/strategies/#strategy-{row.pk}"
    html = client.get("/strategies/").content.decode()
    assert "Up bars is kept, version" in html
    assert "only you see it" in html
    assert "buy when it closed up" in html
    htmx = client.post(
        f"/strategies/{row.pk}/edit/",
        {**typed({**up, "name": "Renamed"}), "do": "save"},
        headers={"HX-Request": "true"},
    )
    assert htmx["HX-Redirect"] == f"/strategies/#strategy-{row.pk}"
    assert Strategy.objects.get().name == "Renamed"
    assert "Renamed" not in as_user(ben).get("/strategies/").content.decode()


def test_a_fault_stands_beside_its_field(ann, as_user, up):
    sent = typed(up) | {"column-0-text": "close.smaa(bars)", "entry-0-stop": "", "name": ""}
    sent |= {"entry-0-when-1-text": "line"}
    answer = as_user(ann).post(NEW, {**sent, "do": "save"})
    assert answer.status_code == 422
    html = answer.content.decode()
    assert '<p class="field-error" id="rule-name-error">a name is wanted</p>' in html
    assert 'id="entry-0-stop-error">an expression is wanted' in html
    assert "Nothing was kept: 2 fields above need a look." in html
    sent |= {"name": "a", "entry-0-stop": "low"}
    html = as_user(ann).post(NEW, {**sent, "do": "save"}).content.decode()
    assert 'id="column-0-error">character 7: a column has no smaa. Did you mean sma?</span>' in html
    assert 'id="entry-0-when-1-error">character 1: this is a number' in html
    assert 'value="close.smaa(bars)"' in html
    assert Strategy.objects.count() == 0


def test_rows_come_and_go_without_a_script(ann, as_user, up):
    client, sent = as_user(ann), typed(up)
    html = client.post(NEW, {**sent, "do": "add column"}).content.decode()
    assert 'name="column-1-text"' in html
    html = client.post(NEW, {**sent, "do": "add when entry-0"}).content.decode()
    assert 'name="entry-0-when-2-text"' in html
    html = client.post(NEW, {**sent, "do": "drop entry-0-when-0"}).content.decode()
    assert 'value="close &gt; line"' in html
    assert 'value="close &gt; open"' not in html
    html = client.post(NEW, {**sent, "do": "drop exit-0"}).content.decode()
    assert 'name="exit-0-when-0-text"' not in html
    html = client.post(NEW, {**sent, "do": "add exit"}).content.decode()
    assert 'name="exit-1-when-0-text"' in html
    for odd in ("drop", "add", "add nothing", "drop x", "add when nowhere", "\0"):
        assert client.post(NEW, {**sent, "do": odd}).status_code == 200
    assert Strategy.objects.count() == 0


def test_json_is_pasted_into_the_form_and_given_as_a_file(ann, ben, as_user, up):
    client = as_user(ann)
    html = client.post(NEW, {"json": json.dumps(up), "do": "read"}).content.decode()
    assert 'value="Up bars"' in html
    assert 'value="close.sma(bars)"' in html
    for text in ("{", "[]", '{"name": 1}', '{"name": 1, "name": 2}', ""):
        answer = client.post(NEW, {"json": text, "do": "read"})
        assert answer.status_code == 422
        assert "notice-error" in answer.content.decode()
    row = rule_create(user=ann, data=up)
    answer = client.get(f"/strategies/{row.pk}/rules.json")
    assert answer["Content-Disposition"] == f'attachment; filename="strategy-{row.pk}.json"'
    assert definition_read(json.loads(answer.content)) == definition_read(up)
    assert as_user(ben).get(f"/strategies/{row.pk}/rules.json").status_code == 404


def test_a_field_says_what_it_is_now(ann, as_user, up, btc, bars):
    client, sent = as_user(ann), typed(up)
    answer = client.post("/strategies/now/", {**sent, "field": "entry-0-when-0"})
    html = answer.content.decode()
    held = "yes" if bars[-1][4] > bars[-1][1] else "no"
    assert f"holds now on BTC/USDT: <strong>{held}</strong>" in html
    assert f"close {bars[-1][4]:,}" in html
    assert "replay:binance, not live" in html
    stop = client.post("/strategies/now/", {**sent, "field": "entry-0-stop"}).content.decode()
    wanted = f"{bars[-1][4] * 0.98:,.4f}".rstrip("0").rstrip(".")
    assert f"now on BTC/USDT: <strong>{wanted}</strong>" in stop
    wrong = client.post(
        "/strategies/now/", {**sent, "column-0-text": "<b>", "field": "column-0"}
    ).content.decode()
    assert "field-error" in wrong
    assert "<b>" not in wrong
    assert client.post("/strategies/now/", {**sent, "field": "column-9"}).status_code == 404


def test_words_are_found_by_name_and_help(ann, as_user):
    client = as_user(ann)
    html = client.get("/strategies/words/?q=exponential average").content.decode()
    assert "close.ema(bars)" in html
    assert "smc.trend" not in html
    assert "No word has that" in client.get("/strategies/words/?q=zzzz").content.decode()


def test_only_the_owner_edits_and_ben_copies_what_is_shared(ann, ben, cid, as_user, up):
    row = rule_create(user=ann, data=up)
    edit, act = f"/strategies/{row.pk}/edit/", f"/strategies/{row.pk}/act/"
    assert as_user(ann).get(edit).status_code == 200
    for other in (ben, cid):
        client = as_user(other)
        assert client.get(edit).status_code == 404
        assert client.post(edit, {**typed(up), "do": "save"}).status_code == 404
        assert client.post(act, {"do": "delete"}).status_code == 404
        assert client.get(f"{NEW}?from={row.pk}").status_code == 404
    rule_share(strategy=row, is_shared=True)
    html = as_user(ben).get("/strategies/").content.decode()
    assert "Written and shared by ann" in html
    assert edit not in html
    copy = as_user(ben).get(f"{NEW}?from={row.pk}").content.decode()
    assert 'value="Up bars"' in copy
    assert as_user(ben).get(edit).status_code == 404
    assert as_user(ben).post(act, {"do": "unshare"}).status_code == 404
    row.refresh_from_db()
    assert row.is_shared


def test_it_is_shared_switched_and_deleted(ann, as_user, up):
    row = rule_create(user=ann, data=up)
    client, act = as_user(ann), f"/strategies/{row.pk}/act/"
    for what, wanted in (
        ("share", (True, True)),
        ("off", (True, False)),
        ("on", (True, True)),
        ("unshare", (False, True)),
    ):
        assert client.post(act, {"do": what})["Location"] == "/strategies/"
        row.refresh_from_db()
        assert (row.is_shared, row.is_active) == wanted
    assert client.post(act, {"do": "burn"}).status_code == 404
    client.post(act, {"do": "off"})
    html = client.get("/strategies/").content.decode()
    assert "Yours, switched off" in html
    client.post(act, {"do": "delete"})
    assert Strategy.objects.count() == 0


def test_odd_fields_are_refused_not_failed_on(ann, as_user, up):
    client = as_user(ann)
    odd = [
        {},
        {"do": "save"},
        {"do": "save", "column-0-name": "a\0b", "column-0-text": "\ud7ff"},
        {"do": "save", "param-0-name": "close", "param-0-default": "9" * 400},
        {**typed(up), "do": "save", "entry-0-threshold": "nan"},
        {**typed(up), "do": "save", "entry-0-confidence": "1e99"},
        {**typed(up), "do": "save", "timeframe": "7m"},
        {**typed(up), "do": "save", "param-0-default": "50"},
    ]
    for sent in odd:
        assert client.post(NEW, sent).status_code == 422
    assert client.get(f"{NEW}?from=x").status_code == 404
    assert Strategy.objects.count() == 0
