"""The pages of the alerts: mine and nobody else's, escaped everywhere, cheap."""

import email
import email.policy
import re

import pytest
from django.test import Client
from django.utils import timezone

from notifications import rules
from notifications.models import Alert, AlertRule, Channel, Delivery, LinkCode
from notifications.services import Draft, alert_raise, deliveries_send
from notifications.services.channels import VERIFY_SALT, verification_token

pytestmark = pytest.mark.django_db
XSS = "<img src=x onerror=alert(1)>"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def people(with_defaults):
    """Ann has one of everything; Ben and Cid have their defaults."""
    return with_defaults


@pytest.fixture
def as_user():
    def client(user):
        client = Client(headers=HTMX)
        client.force_login(user)
        return client

    return client


def alert_of(user, **fields):
    draft = {"key": "k", "kind": "test", "text": rules.Text("A title of Ann", "body")} | fields
    return alert_raise(Draft(user_id=user.pk, **draft))


PAGES = [
    "/alerts/",
    "/alerts/fragment/latest/",
    "/alerts/fragment/unread/",
    "/settings/channels/",
]


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_sign_in(client, path):
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


POSTS = [
    "/alerts/read/",
    "/alerts/test/",
    "/alerts/rules/",
    "/settings/channels/email/",
    "/settings/channels/telegram/",
]


@pytest.mark.parametrize("path", POSTS)
def test_nothing_is_changed_by_a_stranger_by_get_or_without_a_csrf_token(client, people, path):
    assert client.post(path).status_code == 302
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(people[0])
    assert strict.get(path).status_code == 405
    assert strict.post(path).status_code == 403
    assert (Alert.objects.count(), LinkCode.objects.count()) == (0, 0)


def test_everyone_sees_only_their_own(people, as_user, make_channel):
    ann, *others = people
    alert_of(ann)
    make_channel(ann, "email", "ann-private@example.org")
    for path in PAGES:
        mine = as_user(ann).get(path).content.decode()
        assert ("A title of Ann" in mine) == ("fragment/unread" not in path and "alerts" in path)
        for other in others:
            theirs = as_user(other).get(path).content.decode()
            assert "A title of Ann" not in theirs
            assert "ann-private" not in theirs
    assert as_user(ann).get("/alerts/fragment/unread/").content == b"1"
    assert as_user(others[0]).get("/alerts/fragment/unread/").content == b""


def test_foreign_and_absent_rows_are_404_and_stay_as_they_are(people, as_user, make_channel):
    ann, ben, cid = people
    alert, rule = alert_of(ann), AlertRule.objects.filter(user=ann).first()
    channel = make_channel(ann, "email", "ann@example.org", verified_at=None)
    paths = [
        f"/alerts/{alert.pk}/read/",
        f"/alerts/rules/{rule.pk}/switch/",
        f"/alerts/rules/{rule.pk}/delete/",
        f"/settings/channels/{channel.pk}/switch/",
        f"/settings/channels/{channel.pk}/delete/",
        f"/settings/channels/{channel.pk}/verify/",
    ]
    absent = [re.sub(r"/\d+/", "/99999/", path) for path in paths]
    for person in (ben, cid):
        for path in paths + absent:
            assert as_user(person).post(path).status_code == 404, path
    for row in (alert, rule, channel):
        row.refresh_from_db()
    assert (alert.read_at, rule.is_active, channel.is_enabled) == (None, True, True)
    for path in paths[:2]:
        assert as_user(ann).post(path).status_code == 200


class TestRules:
    def test_a_price_rule_is_set(self, people, as_user, btc):
        ann = people[0]
        answer = as_user(ann).post(
            "/alerts/rules/",
            {"kind": "price", "symbol": "BTCUSDT", "direction": "below", "level": "61000.50"},
        )
        assert answer.status_code == 200
        assert "BTC/USDT crosses 61000.50 downwards" in answer.content.decode()
        rule = AlertRule.objects.get(kind="price")
        assert (rule.user, rule.instrument) == (ann, btc)
        assert rule.params == {"direction": "below", "level": "61000.50"}

    @pytest.mark.parametrize(
        "data",
        [
            {"kind": "price", "symbol": "", "direction": "above", "level": "1"},
            {"kind": "price", "symbol": "BTCUSDT", "direction": "", "level": "1"},
            {"kind": "price", "symbol": "BTCUSDT", "direction": "sideways", "level": "1"},
            *(
                {"kind": "price", "symbol": "BTCUSDT", "direction": "above", "level": level}
                for level in (
                    "",
                    "0",
                    "-1",
                    "1e5",
                    "1_000",
                    "1,000",
                    "+1",
                    "nan",
                    "inf",
                    "1" * 30,
                    "٣",
                    "9999999999999",
                    XSS,
                )
            ),
            {"kind": "price", "symbol": "NOPE", "direction": "above", "level": "1"},
            {"kind": "signal", "min_confidence": "101"},
            {"kind": "signal", "min_confidence": "x"},
            {"kind": "nonsense"},
            {},
        ],
    )
    def test_nonsense_is_refused_with_the_form_and_changes_nothing(
        self, people, as_user, btc, data
    ):
        before = AlertRule.objects.count()
        answer = as_user(people[0]).post("/alerts/rules/", data)
        assert answer.status_code == 422
        assert "field-error" in answer.content.decode()
        assert XSS not in answer.content.decode()
        assert AlertRule.objects.count() == before

    def test_switching_and_deleting(self, people, as_user):
        ann = people[0]
        rule = AlertRule.objects.filter(user=ann).first()
        client = as_user(ann)
        client.post(f"/alerts/rules/{rule.pk}/switch/", {"is_active": "false"})
        rule.refresh_from_db()
        assert not rule.is_active
        client.post(f"/alerts/rules/{rule.pk}/switch/", {"is_active": "true"})
        rule.refresh_from_db()
        assert rule.is_active
        client.post(f"/alerts/rules/{rule.pk}/delete/")
        assert not AlertRule.objects.filter(pk=rule.pk).exists()

    def test_a_hundred_rules_are_enough(self, people, as_user):
        ann = people[0]
        AlertRule.objects.bulk_create(AlertRule(user=ann, kind="fill") for _ in range(96))
        assert as_user(ann).post("/alerts/rules/", {"kind": "fill"}).status_code == 422
        assert AlertRule.objects.filter(user=ann).count() == 100


class TestAlerts:
    def test_texts_are_escaped_on_every_page(self, people, as_user):
        ann = people[0]
        alert_of(ann, text=rules.Text(XSS, XSS), source=XSS[:40])
        Delivery.objects.update(last_error=XSS, state="failed")
        for path in PAGES[:2]:
            page = as_user(ann).get(path).content.decode()
            assert "<img src=x" not in page
            assert "&lt;img src=x onerror=alert(1)&gt;" in page

    def test_reading_one_and_all(self, people, as_user):
        ann, ben, _ = people
        first, foreign = alert_of(ann), alert_of(ben)
        for n in range(3):
            alert_of(ann, key=f"k{n}")
        client = as_user(ann)
        answer = client.post(f"/alerts/{first.pk}/read/")
        assert "mystic:alerts-read" in answer["HX-Trigger"]
        assert client.get("/alerts/fragment/unread/").content == b"3"
        client.post("/alerts/read/")
        assert client.get("/alerts/fragment/unread/").content == b""
        foreign.refresh_from_db()
        assert foreign.read_at is None

    def test_one_test_alert_a_minute(self, people, as_user):
        client = as_user(people[0])
        answers = [client.post("/alerts/test/")["HX-Trigger"] for _ in range(3)]
        assert "on its way" in answers[0]
        # The minute may have changed once in between.
        assert Alert.objects.filter(kind="test").count() <= 2
        assert any("One test alert a minute" in one for one in answers[1:])

    def test_the_history_shows_what_became_of_each_delivery(self, people, as_user, make_channel):
        ann = people[0]
        make_channel(ann, "telegram", "42")
        alert = alert_of(ann)
        Delivery.objects.filter(channel__kind="telegram").update(
            state="failed", last_error="the bot was blocked in the chat", unconfirmed=1
        )
        page = as_user(ann).get("/alerts/").content.decode()
        assert alert.code in page
        assert "the bot was blocked in the chat" in page
        assert "may be a repeat" in page

    def test_the_page_costs_the_same_with_many_alerts(
        self, people, as_user, django_assert_max_num_queries
    ):
        ann = people[0]
        for n in range(60):
            alert_of(ann, key=f"k{n}")
        client = as_user(ann)
        client.get("/alerts/")
        with django_assert_max_num_queries(14):
            page = client.get("/alerts/").content.decode()
        assert page.count('id="alert-') - page.count('id="alert-rules') == 51
        older = re.search(r'href="(/alerts/\?before=\d+)"', page).group(1)
        assert client.get(older).content.decode().count('<tr id="alert-') == 10


class TestChannels:
    def mails(self, smtp):
        return [
            (to, email.message_from_bytes(content, policy=email.policy.default))
            for to, content in smtp.mails
        ]

    def test_an_address_is_used_only_after_its_link_was_confirmed(
        self, people, as_user, smtp, client
    ):
        ann = people[0]
        answer = as_user(ann).post("/settings/channels/email/", {"address": "a@example.org"})
        assert answer.status_code == 200
        assert "not confirmed" in answer.content.decode()
        alert_of(ann)
        deliveries_send()
        ((to, mail),) = self.mails(smtp)
        assert to == ["a@example.org"]
        assert mail["Subject"].strip() == "[Mystic] Confirm your e-mail address"
        text = mail.get_body(("plain",)).get_content()
        link = re.search(r"http://[^/]+(/settings/channels/verify/\S+)", text).group(1)
        # A mail scanner that opens the link confirms nothing.
        page = client.get(link)
        assert "a@example.org" in page.content.decode()
        assert Channel.objects.get(kind="email").verified_at is None
        assert client.post(link).status_code == 200
        verified_at = Channel.objects.get(kind="email").verified_at
        assert verified_at is not None
        client.post(link)
        assert Channel.objects.get(kind="email").verified_at == verified_at
        alert_of(ann, key="later")
        deliveries_send()
        assert self.mails(smtp)[1][1]["Subject"].strip() == "[Mystic] A title of Ann"

    def test_wrong_old_and_foreign_links_confirm_nothing(self, people, client, make_channel):
        channel = make_channel(people[0], "email", "a@example.org", verified_at=None)
        good = verification_token(channel)
        from django.core import signing

        wrong = [
            good[:-1] + ("A" if good[-1] != "A" else "B"),
            signing.dumps([channel.pk, "b@example.org"], salt=VERIFY_SALT),
            signing.dumps([99999, "a@example.org"], salt=VERIFY_SALT),
            signing.dumps([channel.pk, "a@example.org"], salt="another"),
            signing.dumps("nonsense", salt=VERIFY_SALT),
            "x",
        ]
        for token in wrong:
            path = f"/settings/channels/verify/{token}/"
            assert client.get(path).status_code == 404
            assert client.post(path).status_code == 404
        channel.refresh_from_db()
        assert channel.verified_at is None

    def test_an_old_link_confirms_nothing(self, people, client, make_channel, time_machine_day):
        channel = make_channel(people[0], "email", "a@example.org", verified_at=None)
        token = verification_token(channel)
        with time_machine_day():
            answer = client.post(f"/settings/channels/verify/{token}/")
        assert answer.status_code == 404
        assert "older than 24 hours" in answer.content.decode()

    @pytest.mark.parametrize(
        "address",
        ["", "x", "a@b", "a@example.org\r\nBcc: b@example.org", "a" * 320 + "@example.org", XSS],
    )
    def test_what_is_no_address_is_refused(self, people, as_user, address):
        answer = as_user(people[0]).post("/settings/channels/email/", {"address": address})
        assert answer.status_code == 422
        assert not Channel.objects.filter(kind="email").exists()
        assert not Alert.objects.exists()

    def test_nobody_is_flooded_with_confirmation_mails(self, people, as_user):
        client = as_user(people[0])
        add = "/settings/channels/email/"
        assert client.post(add, {"address": "a@example.org"}).status_code == 200
        assert client.post(add, {"address": "A@example.org"}).status_code == 422
        channel = Channel.objects.get(kind="email")
        answer = client.post(f"/settings/channels/{channel.pk}/verify/")
        assert "wait a minute" in answer["HX-Trigger"]
        for n in range(12):
            client.post(add, {"address": f"b{n}@example.org"})
            Channel.objects.filter(kind="email").exclude(pk=channel.pk).delete()
        assert Alert.objects.filter(kind="channel").count() <= 10

    def test_switching_and_removing(self, people, as_user, make_channel):
        ann = people[0]
        channel = make_channel(ann, "telegram", "42", disabled_reason="x", is_enabled=False)
        client = as_user(ann)
        client.post(f"/settings/channels/{channel.pk}/switch/", {"is_enabled": "true"})
        channel.refresh_from_db()
        assert (channel.is_enabled, channel.disabled_reason) == (True, "")
        client.post(f"/settings/channels/{channel.pk}/delete/")
        assert not Channel.objects.filter(pk=channel.pk).exists()
        in_app = Channel.objects.get(user=ann, kind="in_app")
        client.post(f"/settings/channels/{in_app.pk}/delete/")
        assert Channel.objects.filter(pk=in_app.pk).exists()

    def test_a_link_code_is_shown_once(self, people, as_user, telegram):
        client = as_user(people[0])
        page = client.post("/settings/channels/telegram/").content.decode()
        code = re.search(r"/start ([\w-]{43})", page).group(1)
        assert code not in client.get("/settings/channels/").content.decode()
        assert LinkCode.objects.get().user == people[0]

    def test_without_a_bot_no_code_is_made(self, people, as_user):
        answer = as_user(people[0]).post("/settings/channels/telegram/")
        assert "no Telegram bot" in answer["HX-Trigger"]
        assert not LinkCode.objects.exists()

    def test_the_token_of_the_bot_is_on_no_page(self, people, as_user, telegram):
        client = as_user(people[0])
        for path in [*PAGES, "/status/"]:
            assert "canary" not in client.get(path).content.decode()


def test_the_health_report_says_what_waits(people):
    from notifications import health

    assert health.report()["state"] == "ok"
    alert_of(people[0])
    long_ago = timezone.now() - timezone.timedelta(minutes=5)
    Delivery.objects.update(next_try_at=long_ago)
    report = health.report()
    assert report["state"] == "warn"
    assert report["figures"][0]["value"] == 1
