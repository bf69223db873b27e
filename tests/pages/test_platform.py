"""Status, settings and tokens, and what is said while no source answers."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from markets.models import SourceState
from mystic import status
from mystic.models import ApiToken


def stream(source, state, **fields):
    return SourceState.objects.create(source=source, state=state, **fields)


def test_no_live_source_is_said_in_a_sentence_with_the_replay_command(client, db):
    stream("binance:stream", "down", last_error="connection refused")
    stream("coinbase:stream", "off")
    html = client.get("/").content.decode()
    assert "No live source can be reached." in html
    assert "binance:stream is down: connection refused" in html
    assert "<code>make replay</code>" in html
    assert "coinbase:stream is" not in html


def test_stream_that_waits_for_an_unreachable_venue_is_down(client, db):
    stream("binance:stream", "connecting")
    stream("binance:rest", "down", detail="ConnectError")
    html = client.get("/fragment/feed/").content.decode()
    assert "No live source can be reached." in html
    assert "binance:rest is down: ConnectError" in html


def test_one_live_fallback_is_enough(client, db):
    stream("binance:stream", "down")
    stream("coinbase:stream", "live")
    html = client.get("/").content.decode()
    assert "No live source" not in html
    assert 'id="feed" href="/status/" data-state="live"' in html


def test_live_replay_is_never_called_live(client, db, configure):
    configure(BINANCE_REST_URL="http://127.0.0.1:9", BINANCE_WS_URL="ws://127.0.0.1:9")
    stream("binance:stream", "live", is_official=False)
    assert 'id="feed" href="/status/" data-state="replay"' in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("state", "words"),
    [("connecting", "Connecting to the market."), ("stale", "open but silent")],
)
def test_feed_notice_names_the_state(client, db, state, words):
    stream("binance:stream", state)
    assert words in client.get("/fragment/feed/").content.decode()


def test_feed_notice_is_empty_while_all_is_well(client, db):
    stream("binance:stream", "live")
    assert client.get("/fragment/feed/").content.decode().strip() == ""


def test_guest_sees_the_sources_but_not_the_machine(client, as_ann, db):
    guest = client.get("/status/").content.decode()
    member = as_ann.get("/status/").content.decode()
    assert "Versions" not in guest
    assert "Versions" in member
    assert "sqlite" in member or "postgresql" in member


def test_status_fragment_is_the_same_report_without_the_frame(as_ann):
    fragment = as_ann.get("/status/fragment/").content.decode()
    assert "Sources" in fragment
    assert "<html" not in fragment


def test_report_that_fails_hides_no_other(as_ann, monkeypatch):
    monkeypatch.setattr(status, "APPS", ("nowhere", *status.APPS))
    html = as_ann.get("/status/").content.decode()
    assert "Its report failed: ModuleNotFoundError." in html
    assert "Versions" in html


def test_settings_are_for_members(client, db):
    response = client.get("/settings/")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/settings/"


def test_token_is_shown_once_and_kept_as_a_digest(as_ann, ann):
    made = as_ann.post("/settings/tokens/", {"name": "notebook", "scope": "read", "lifetime": "30"})
    key = re.search(r'id="new-token" value="(my_[\w-]+)"', made.content.decode())[1]
    token = ApiToken.objects.get()
    assert (token.user_id, token.name, token.scope) == (ann.pk, "notebook", "read")
    assert token.digest == ApiToken.digest_of(key)
    assert timedelta(days=29) < token.expires_at - timezone.now() <= timedelta(days=30)
    assert made["Cache-Control"] == "no-store"
    later = as_ann.get("/settings/").content.decode()
    assert "notebook" in later
    assert key not in later


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "", "scope": "read", "lifetime": "30"},
        {"name": "x" * 61, "scope": "read", "lifetime": "30"},
        {"name": "x", "scope": "everything", "lifetime": "30"},
        {"name": "x", "scope": "read", "lifetime": "9999999"},
    ],
)
def test_wrong_token_form_is_answered_with_its_error_and_makes_nothing(as_ann, wrong):
    response = as_ann.post("/settings/tokens/", wrong)
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.content.decode()
    assert ApiToken.objects.count() == 0


def test_own_token_is_revoked_and_a_foreign_one_looks_absent(as_ann, ann, ben):
    own, _ = ApiToken.issue(user=ann, name="own", scope="read")
    foreign, _ = ApiToken.issue(user=ben, name="foreign", scope="read")
    assert as_ann.post(f"/settings/tokens/{foreign.pk}/revoke/").status_code == 404
    assert ApiToken.objects.filter(pk=foreign.pk).exists()
    response = as_ann.post(f"/settings/tokens/{own.pk}/revoke/")
    assert response.status_code == 200
    assert "mystic:toast" in response["HX-Trigger"]
    assert not ApiToken.objects.filter(pk=own.pk).exists()


def test_a_token_is_not_made_or_revoked_by_a_link(as_ann, ann):
    token, _ = ApiToken.issue(user=ann, name="own", scope="read")
    assert as_ann.get("/settings/tokens/").status_code == 405
    assert as_ann.get(f"/settings/tokens/{token.pk}/revoke/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ann)
    assert strict.post(f"/settings/tokens/{token.pk}/revoke/").status_code == 403
    assert ApiToken.objects.count() == 1


def test_the_admin_has_no_door_of_its_own(client):
    answer = client.post("/admin/login/?next=/admin/", {"username": "ann", "password": "wrong"})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/?next=")


def test_health_counts_a_stream_that_waits_as_down_like_the_pages(ann, client, db):
    stream("binance:stream", "connecting")
    stream("binance:rest", "down", detail="ConnectError")
    client.force_login(ann)
    told = client.get("/api/health").json()["data"]
    assert told["feed"] == "down"
    states = {one["source"]: one["state"] for one in told["sources"]}
    assert states == {"binance:stream": "down", "binance:rest": "down"}
    page = client.get("/status/").content.decode()
    assert "connecting" not in page.partition("<main")[2]
