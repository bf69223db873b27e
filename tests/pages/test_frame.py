"""What every page must hold: the policy, the headings, the labels, the banners."""

from html.parser import HTMLParser

import pytest
from django.conf import settings as django_settings

from mystic.models import User

GUEST_PAGES = (
    "/",
    "/markets/",
    "/markets/BTCUSDT/",
    "/status/",
    "/about/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/nothing-here/",
)
MEMBER_PAGES = (
    "/",
    "/markets/",
    "/markets/BTCUSDT/",
    "/status/",
    "/settings/",
    "/about/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
    "/nothing-here/",
)


class Page(HTMLParser):
    """Collects what a strict page may not have and what it must have."""

    def __init__(self, html):
        super().__init__()
        self.faults = []
        self.headings = 0
        self.inputs = []
        self.labels = set()
        self.ids = []
        self.texts = []
        self._is_data = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if "style" in found or any(name.startswith(("on", "hx-on")) for name in found):
            self.faults.append(self.get_starttag_text())
        if tag == "style" or (tag == "script" and self._is_inline(found)):
            self.faults.append(self.get_starttag_text())
        if tag == "img" and "alt" not in found:
            self.faults.append(self.get_starttag_text())
        self.headings += tag == "h1"
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "label":
            self.labels.add(found.get("for"))
        if tag in {"input", "select", "textarea"} and found.get("type") not in {"hidden", "radio"}:
            self.inputs.append(found)

    @staticmethod
    def _is_inline(attrs):
        return "src" not in attrs and attrs.get("type") != "application/json"

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def unlabelled(self):
        return [
            found
            for found in self.inputs
            if found.get("id") not in self.labels and "aria-label" not in found
        ]


def check(response):
    page = Page(response.content.decode())
    assert page.faults == []
    assert page.headings == 1
    assert page.unlabelled == []
    assert len(page.ids) == len(set(page.ids))
    policy = response.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy
    assert "'unsafe-eval'" not in policy
    return page


@pytest.mark.parametrize("path", GUEST_PAGES)
def test_guest_pages_hold_to_the_policy(client, btc, path):
    response = client.get(path)
    assert response.status_code == (404 if "nothing" in path else 200)
    check(response)


@pytest.mark.parametrize("path", MEMBER_PAGES)
def test_member_pages_hold_to_the_policy(as_ann, btc, path):
    response = as_ann.get(path)
    assert response.status_code == (404 if "nothing" in path else 200)
    check(response)


def test_guest_sees_only_what_a_guest_may_open(client, btc):
    html = client.get("/").content.decode()
    assert 'href="/markets/"' in html
    assert 'href="/orders/"' not in html
    assert 'href="/accounts/login/"' in html
    assert 'href="/accounts/signup/"' in html
    assert 'data-user=""' in html


def test_sign_up_is_not_offered_where_it_is_closed(client, btc, configure):
    configure(MYSTIC_SIGNUP=False)
    assert "/accounts/signup/" not in client.get("/").content.decode()
    assert "Sign-up is closed" in client.get("/accounts/signup/").content.decode()


def test_paper_badge_stands_on_every_page(as_ann, btc):
    for path in MEMBER_PAGES:
        assert '<span class="badge badge-paper"' in as_ann.get(path).content.decode()


@pytest.mark.parametrize(
    ("rest", "stream", "is_replay"),
    [
        ("https://data-api.binance.vision", "wss://data-stream.binance.vision", False),
        ("https://data-api.binance.vision", "ws://127.0.0.1:9", True),
        ("http://127.0.0.1:9", "wss://data-stream.binance.vision", True),
    ],
)
def test_replay_banner_follows_the_configured_source(
    client, db, configure, rest, stream, is_replay
):
    configure(BINANCE_REST_URL=rest, BINANCE_WS_URL=stream)
    html = client.get("/about/").content.decode()
    start = html.index('<div class="replay-banner"')
    banner = html[start : html.index("</div>", start)]
    assert ("hidden" in banner) is not is_replay


def test_theme_of_a_member_is_kept_on_the_user(as_ann, ann):
    assert 'data-theme="dark"' in as_ann.get("/").content.decode()
    assert as_ann.post("/settings/theme/", {"theme": "light"}).status_code == 204
    assert User.objects.get(pk=ann.pk).theme == "light"
    assert 'data-theme="light"' in as_ann.get("/").content.decode()


def test_theme_of_a_guest_is_kept_in_the_session(client, db):
    assert client.post("/settings/theme/", {"theme": "light"}).status_code == 204
    assert 'data-theme="light"' in client.get("/about/").content.decode()


def test_unknown_theme_changes_nothing(as_ann, ann):
    assert as_ann.post("/settings/theme/", {"theme": "pink"}).status_code == 400
    assert User.objects.get(pk=ann.pk).theme == "dark"


def test_sign_up_lands_on_the_dashboard(client, db):
    response = client.post(
        "/accounts/signup/",
        {"username": "dora", "email": "", "password1": "a long enough phrase 7"},
        follow=True,
    )
    assert response.redirect_chain[-1][0] == "/"
    assert User.objects.filter(username="dora").count() == 1
    assert "Signed in as dora" in response.content.decode()


def test_refused_sign_up_shows_the_error_beside_its_field(client, db):
    response = client.post("/accounts/signup/", {"username": "dora", "password1": "short"})
    page = check(response)
    html = response.content.decode()
    assert 'aria-describedby="id_password1-error id_password1-help"' in html
    assert 'id="id_password1-error"' in html
    assert User.objects.count() == 0
    assert any("too short" in text for text in page.texts)


def test_csrf_refusal_is_a_page_of_ours(db):
    from django.test import Client

    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "x"})
    assert response.status_code == 403
    assert "This is not allowed" in response.content.decode()


def test_every_documented_tag_exists_and_every_tag_is_documented():
    from mystic.templatetags.ui import register

    page = (django_settings.ROOT / "docs" / "pages.md").read_text()
    for name in set(register.filters) | set(register.tags):
        assert f"|{name}" in page.replace("\\|", "|") or f"{{% {name}" in page, name


def test_a_foreign_host_is_refused_in_one_answer_without_a_traceback(client, capfd):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    assert "Traceback" not in capfd.readouterr().err
