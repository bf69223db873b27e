"""The outbox: at least once always, twice only when nobody could know, and then it says so."""

import email
import email.policy
import logging
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from notifications import rules
from notifications.models import Alert, Channel, Delivery
from notifications.services import Draft, alert_raise, alerts_raise, deliver, deliveries_send
from notifications.services.deliveries import LEASES_LOST_LIMIT
from notifications.transports import telegram as transport
from tests.memory import forget
from tests.notifications.telegram_server import TOKEN

pytestmark = pytest.mark.django_db
XSS = '<script>alert(1)</script> & "quotes" {{7*7}}'


def raised(user, channel, *, key="k", text=None, **fields):
    """Raise an alert for one channel and return its delivery."""
    alert = alert_raise(
        Draft(
            user_id=user.pk,
            key=key,
            kind=Alert.Kind.TEST,
            text=text or rules.test_text(),
            channel_ids=frozenset({channel.pk}),
            **fields,
        )
    )
    return Delivery.objects.get(alert=alert)


def make_due(delivery):
    """Let the time until the next try pass."""
    Delivery.objects.filter(pk=delivery.pk).update(next_try_at=timezone.now())
    forget()


def state_of(delivery):
    delivery.refresh_from_db()
    return delivery.state, delivery.attempts, delivery.unconfirmed


class TestRaising:
    def test_the_same_cause_tells_once(self, ann, make_channel):
        channel = make_channel(ann, "telegram", "1")
        first = raised(ann, channel)
        assert (
            alert_raise(
                Draft(user_id=ann.pk, key="k", kind=Alert.Kind.TEST, text=rules.test_text())
            )
            is None
        )
        assert list(Delivery.objects.all()) == [first]

    def test_it_goes_to_every_usable_channel_and_to_no_other(self, ann, ben, make_channel):
        usable = make_channel(ann, "email", "ann@example.org")
        make_channel(ann, "email", "unverified@example.org", verified_at=None)
        make_channel(ann, "telegram", "5", is_enabled=False)
        make_channel(ben, "email", "ben@example.org")
        alert_raise(Draft(user_id=ann.pk, key="k", kind=Alert.Kind.TEST, text=rules.test_text()))
        assert [one.channel for one in Delivery.objects.all()] == [usable]

    def test_a_named_channel_that_is_not_usable_gets_nothing(self, ann, make_channel):
        make_channel(ann, "email", "ann@example.org")
        off = make_channel(ann, "telegram", "5", is_enabled=False)
        alert_raise(
            Draft(
                user_id=ann.pk,
                key="k",
                kind=Alert.Kind.TEST,
                text=rules.test_text(),
                channel_ids=frozenset({off.pk}),
            )
        )
        assert Alert.objects.count() == 1
        assert not Delivery.objects.exists()

    def test_many_users_cost_as_many_queries_as_one(
        self, django_user_model, make_channel, django_assert_max_num_queries
    ):
        people = [django_user_model.objects.create_user(f"p{n}") for n in range(30)]
        for n, person in enumerate(people):
            make_channel(person, "telegram", str(n))
        drafts = [
            Draft(user_id=one.pk, key="k", kind=Alert.Kind.TEST, text=rules.test_text())
            for one in people
        ]
        with django_assert_max_num_queries(9):
            assert len(alerts_raise(drafts)) == 30
        assert Delivery.objects.count() == 30

    @pytest.mark.django_db(transaction=True)
    def test_two_threads_with_one_cause(self, ann, make_channel):
        make_channel(ann, "email", "x@example.org", is_enabled=False)
        draft = Draft(user_id=ann.pk, key="k", kind=Alert.Kind.TEST, text=rules.test_text())
        results = []

        def work():
            results.append(alert_raise(draft))
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(one is not None for one in results) == 1
        assert Alert.objects.count() == 1


class TestTelegram:
    def test_sent_once_however_often_it_is_rung(self, ann, make_channel, telegram):
        delivery = raised(
            ann,
            make_channel(ann, "telegram", "42"),
            text=rules.Text(XSS, "line <b>"),
            source="binance",
            is_live=True,
        )
        assert deliver(delivery.pk) is None
        assert deliver(delivery.pk) is None
        assert deliveries_send() == 0
        (sent,) = telegram.sent
        assert sent["chat_id"] == 42
        assert sent["parse_mode"] == "HTML"
        assert '<b>&lt;script&gt;alert(1)&lt;/script&gt; &amp; "quotes" {{7*7}}</b>' in sent["text"]
        assert "line &lt;b&gt;" in sent["text"]
        assert "Source binance, live, as of 20" in sent["text"]
        assert f"· {delivery.alert.code}</i>" in sent["text"]
        assert state_of(delivery) == ("sent", 1, 0)

    def test_too_many_requests_holds_the_whole_bot(self, ann, ben, make_channel, telegram):
        first = raised(ann, make_channel(ann, "telegram", "1"))
        second = raised(ben, make_channel(ben, "telegram", "2"))
        telegram.fail("sendMessage", 429, "Too Many Requests: retry after 7", retry_after=7)
        assert 7 < deliver(first.pk) <= 8.1
        assert state_of(first) == ("pending", 1, 0)
        wait_s = deliver(second.pk)
        assert 6 < wait_s <= 8.1
        assert state_of(second) == ("pending", 0, 0)
        assert telegram.sent == []
        make_due(first)
        make_due(second)
        deliver(first.pk)
        deliver(second.pk)
        assert [one["chat_id"] for one in telegram.sent] == [1, 2]
        assert "repeat" not in telegram.sent[0]["text"]

    @pytest.mark.parametrize(
        ("code", "description", "reason"),
        [
            (403, "Forbidden: bot was blocked by the user", "the bot was blocked in the chat"),
            (403, "Forbidden: user is deactivated", "the Telegram account is closed"),
            (400, "Bad Request: chat not found", "the chat does not exist any more"),
        ],
    )
    def test_a_dead_chat_switches_the_channel_off_and_says_so_on_the_page(
        self, with_defaults, make_channel, telegram, code, description, reason
    ):
        ann = with_defaults[0]
        channel = make_channel(ann, "telegram", "1")
        delivery = raised(ann, channel)
        telegram.fail("sendMessage", code, description)
        assert deliver(delivery.pk) is None
        assert state_of(delivery) == ("failed", 1, 0)
        channel.refresh_from_db()
        assert (channel.is_enabled, channel.disabled_reason) == (False, reason)
        told = Alert.objects.get(kind=Alert.Kind.CHANNEL)
        assert (told.user, told.severity) == (ann, "warning")
        assert reason in told.body
        assert [one.channel.kind for one in told.deliveries.all()] == ["in_app"]
        assert deliver(delivery.pk) is None
        assert len([one for one in telegram.calls if one[0] == "sendMessage"]) == 1

    def test_a_refused_message_fails_alone(self, ann, make_channel, telegram):
        channel = make_channel(ann, "telegram", "1")
        delivery = raised(ann, channel)
        telegram.fail("sendMessage", 400, "Bad Request: message is too long")
        deliver(delivery.pk)
        channel.refresh_from_db()
        assert state_of(delivery) == ("failed", 1, 0)
        assert channel.is_enabled

    def test_markup_that_telegram_cannot_read_is_sent_plain(self, ann, make_channel, telegram):
        delivery = raised(ann, make_channel(ann, "telegram", "1"), text=rules.Text("a < b", ""))
        telegram.fail("sendMessage", 400, "Bad Request: can't parse entities: unclosed tag")
        deliver(delivery.pk)
        (sent,) = telegram.sent
        assert "parse_mode" not in sent
        assert sent["text"].startswith("a < b\n")
        assert state_of(delivery) == ("sent", 1, 0)

    def test_a_server_error_is_tried_again_and_marked(self, ann, make_channel, telegram):
        delivery = raised(ann, make_channel(ann, "telegram", "1"))
        telegram.fail("sendMessage", 500, "Internal Server Error")
        telegram.garble("sendMessage")
        assert deliver(delivery.pk) == 15
        make_due(delivery)
        assert deliver(delivery.pk) == 30
        make_due(delivery)
        deliver(delivery.pk)
        assert state_of(delivery) == ("sent", 3, 2)
        assert "(may be a repeat)</b>" in telegram.sent[0]["text"]
        assert delivery.alert.code in telegram.sent[0]["text"]

    def test_taken_and_never_confirmed_is_repeated_once_with_the_mark(
        self, ann, make_channel, telegram
    ):
        delivery = raised(ann, make_channel(ann, "telegram", "1"))
        telegram.take_and_drop("sendMessage")
        deliver(delivery.pk)
        assert state_of(delivery) == ("pending", 1, 1)
        make_due(delivery)
        deliver(delivery.pk)
        assert state_of(delivery) == ("sent", 2, 1)
        first, second = (one["text"] for one in telegram.sent)
        assert "repeat" not in first
        assert "(may be a repeat)" in second

    def test_an_answer_that_comes_too_late_twice_is_given_up(
        self, ann, make_channel, telegram, monkeypatch
    ):
        client = transport.httpx.Client(timeout=0.3)
        monkeypatch.setattr(transport, "_client", lambda: client)
        delivery = raised(ann, make_channel(ann, "telegram", "1"))
        telegram.take_and_hang("sendMessage", 0.6)
        telegram.take_and_hang("sendMessage", 0.6)
        deliver(delivery.pk)
        assert state_of(delivery) == ("pending", 1, 1)
        make_due(delivery)
        assert deliver(delivery.pk) is None
        assert state_of(delivery) == ("failed", 2, 1)
        assert len(telegram.sent) == 2
        assert delivery.last_error == "Telegram did not answer (ReadTimeout)"

    def test_out_of_reach_for_an_hour_then_delivered_once_without_a_mark(
        self, ann, make_channel, telegram, settings
    ):
        delivery = raised(ann, make_channel(ann, "telegram", "1"))
        reachable = settings.ENV
        settings.ENV = {**reachable, "TELEGRAM_API_BASE": "http://127.0.0.1:9"}
        delays = []
        for _ in range(12):
            delays.append(deliver(delivery.pk))
            make_due(delivery)
        assert delays == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800]
        settings.ENV = reachable
        deliver(delivery.pk)
        assert state_of(delivery) == ("sent", 13, 0)
        assert ["repeat" in one["text"] for one in telegram.sent] == [False]

    def test_a_wrong_token_stops_the_bot_and_is_never_shown(
        self, ann, make_channel, telegram, settings, caplog
    ):
        caplog.set_level(logging.DEBUG)
        secret = "999:AAsecret-of-another-bot"
        settings.ENV = {**settings.ENV, "TELEGRAM_BOT_TOKEN": secret}
        delivery = raised(ann, make_channel(ann, "telegram", "1"))
        assert deliver(delivery.pk) == 300
        assert state_of(delivery) == ("pending", 1, 0)
        assert deliver(raised(ann, make_channel(ann, "telegram", "2"), key="l").pk) > 290
        assert secret not in caplog.text + delivery.last_error + repr(transport.configured_bot())

    def test_no_fault_ever_shows_the_token(self, ann, make_channel, telegram, caplog, settings):
        caplog.set_level(logging.DEBUG)
        channel = make_channel(ann, "telegram", "1")
        telegram.take_and_drop("sendMessage")
        telegram.garble("sendMessage")
        telegram.fail("sendMessage", 403, "Forbidden: bot was blocked by the user")
        shown = ""
        for n in range(3):
            delivery = raised(ann, channel, key=f"k{n}")
            forget()
            deliver(delivery.pk)
            make_due(delivery)
            delivery.refresh_from_db()
            shown += delivery.last_error
        settings.ENV = {**settings.ENV, "TELEGRAM_API_BASE": "http://127.0.0.1:9"}
        with pytest.raises(transport.BotSilentError) as caught:
            transport.call(transport.configured_bot(), "getMe", {})
        shown += repr(caught.value) + caplog.text
        assert "canary" not in shown
        assert TOKEN.split(":")[1] not in shown

    def test_one_a_second_to_a_chat_and_25_a_second_in_all(self):
        pace = transport.Pace("test")
        assert pace.wait_s("a") == 0
        assert pace.wait_s("a") == 1
        waits = [pace.wait_s(f"chat-{n}") for n in range(60)]
        assert waits.count(0) <= 50
        assert 0 < max(waits) <= 1

    def test_without_a_bot_the_delivery_fails_and_the_channel_stays(self, ann, make_channel):
        channel = make_channel(ann, "telegram", "1")
        delivery = raised(ann, channel)
        deliver(delivery.pk)
        channel.refresh_from_db()
        assert state_of(delivery) == ("failed", 1, 0)
        assert channel.is_enabled


class TestClaims:
    def test_a_claim_that_nobody_finished_is_sent_again_with_the_mark(
        self, ann, make_channel, telegram
    ):
        delivery = raised(ann, make_channel(ann, "telegram", "1"))
        now = timezone.now()
        Delivery.objects.filter(pk=delivery.pk).update(
            state="sending", attempts=1, lease_until=now + timedelta(seconds=20)
        )
        assert 19 < deliver(delivery.pk) <= 20
        assert telegram.sent == []
        Delivery.objects.filter(pk=delivery.pk).update(lease_until=now)
        assert deliveries_send() == 1
        assert state_of(delivery) == ("sent", 2, 1)
        assert "(may be a repeat)" in telegram.sent[0]["text"]

    def test_what_kills_its_worker_again_and_again_is_given_up(self, ann, make_channel, telegram):
        delivery = raised(ann, make_channel(ann, "telegram", "1"))
        for n in range(LEASES_LOST_LIMIT):
            Delivery.objects.filter(pk=delivery.pk).update(
                state="sending", attempts=n + 1, unconfirmed=n, lease_until=timezone.now()
            )
        deliver(delivery.pk)
        assert state_of(delivery)[0] == "failed"
        assert telegram.sent == []

    def test_a_claim_that_was_lost_writes_nothing(self, ann, make_channel, telegram, monkeypatch):
        delivery = raised(ann, make_channel(ann, "telegram", "1"))

        def slow(message, *, bot):
            Delivery.objects.filter(pk=delivery.pk).update(attempts=7)

        monkeypatch.setattr(transport, "send", slow)
        deliver(delivery.pk)
        assert state_of(delivery) == ("sending", 7, 0)

    @pytest.mark.django_db(transaction=True)
    def test_two_workers_on_the_same_deliveries(self, ann, make_channel, telegram):
        channels = [make_channel(ann, "telegram", str(n)) for n in range(20)]
        ids = []
        for n, channel in enumerate(channels):
            channel.is_enabled = False
            channel.save()
            alert = alert_raise(
                Draft(
                    user_id=ann.pk,
                    key=f"k{n}",
                    kind=Alert.Kind.TEST,
                    text=rules.test_text(),
                    channel_ids=frozenset(),
                )
            )
            ids.append(Delivery.objects.create(alert=alert, channel=channel).pk)
        Channel.objects.update(is_enabled=True)
        faults = []

        def work(order):
            try:
                for pk in order:
                    deliver(pk)
            except Exception as fault:  # noqa: BLE001  shown by the assertion below
                faults.append(fault)
            finally:
                connection.close()

        threads = [threading.Thread(target=work, args=(order,)) for order in (ids, ids[::-1], ids)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert sorted(one["chat_id"] for one in telegram.sent) == list(range(20))
        assert set(Delivery.objects.values_list("state", "attempts")) == {("sent", 1)}

    def test_a_channel_switched_off_meanwhile_gets_nothing(self, ann, make_channel, telegram):
        channel = make_channel(ann, "telegram", "1")
        delivery = raised(ann, channel)
        Channel.objects.update(is_enabled=False)
        deliver(delivery.pk)
        assert telegram.sent == []
        assert state_of(delivery) == ("failed", 1, 0)
        assert delivery.last_error == "the channel is switched off"

    def test_after_a_day_it_is_given_up(self, ann, make_channel, telegram):
        delivery = raised(ann, make_channel(ann, "telegram", "1"))
        Alert.objects.update(created_at=timezone.now() - timedelta(hours=25))
        telegram.fail("sendMessage", 429, "Too Many Requests: retry after 1", retry_after=1)
        assert deliver(delivery.pk) is None
        assert state_of(delivery) == ("failed", 1, 0)


class TestEmail:
    def test_text_and_html_with_the_same_id_in_every_repeat(self, ann, make_channel, smtp):
        text = rules.Text(rules.plain(XSS), "one\ntwo <b>")
        delivery = raised(ann, make_channel(ann, "email", "ann@example.org"), text=text)
        deliver(delivery.pk)
        Delivery.objects.update(state="sending", lease_until=timezone.now())
        deliver(delivery.pk)
        assert state_of(delivery) == ("sent", 2, 1)
        first, second = (
            email.message_from_bytes(content, policy=email.policy.default)
            for _, content in smtp.mails
        )
        assert smtp.mails[0][0] == ["ann@example.org"]
        assert first["Subject"].strip() == f"[Mystic] {XSS}"
        assert second["Subject"].strip() == f"[Mystic] {XSS} (may be a repeat)"
        assert first["Message-ID"] == second["Message-ID"]
        assert first["Message-ID"] == f"<mystic.{delivery.alert.code}.{ann.pk}@127.0.0.1>"
        assert first["List-Unsubscribe"].endswith("/settings/channels/>")
        plain = first.get_body(("plain",)).get_content()
        html = first.get_body(("html",)).get_content()
        assert "two <b>" in plain
        assert delivery.alert.code in plain
        assert "<script>" not in html
        assert "two &lt;b&gt;" in html

    def test_a_subject_stays_one_line(self, ann, make_channel, smtp):
        alert = Alert.objects.create(user=ann, key="k", kind="test", title="a\r\nBcc: evil@x.org")
        channel = make_channel(ann, "email", "ann@example.org")
        delivery = Delivery.objects.create(alert=alert, channel=channel)
        deliver(delivery.pk)
        ((recipients, content),) = smtp.mails
        assert recipients == ["ann@example.org"]
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert mail["Subject"] == "[Mystic] a Bcc: evil@x.org"
        assert mail["Bcc"] is None

    def test_a_server_that_is_down_is_waited_for(self, ann, make_channel, smtp):
        delivery = raised(ann, make_channel(ann, "email", "ann@example.org"))
        smtp.controller.stop()
        assert deliver(delivery.pk) == 2
        assert state_of(delivery) == ("pending", 1, 0)
        assert delivery.last_error.startswith("the mail server cannot be reached")

    def test_a_greylisting_server_is_tried_again_without_a_mark(self, ann, make_channel, smtp):
        delivery = raised(ann, make_channel(ann, "email", "ann@example.org"))
        smtp.rcpt_answers.append("450 try again later")
        smtp.data_answers.append("451 local error")
        assert deliver(delivery.pk) == 2
        make_due(delivery)
        assert deliver(delivery.pk) == 4
        make_due(delivery)
        deliver(delivery.pk)
        assert state_of(delivery) == ("sent", 3, 0)
        assert b"may be a repeat" not in smtp.mails[0][1]

    def test_an_unknown_address_switches_the_channel_off(self, with_defaults, make_channel, smtp):
        ann = with_defaults[0]
        channel = make_channel(ann, "email", "nobody@example.org")
        delivery = raised(ann, channel)
        smtp.rcpt_answers.append("550 no such user")
        deliver(delivery.pk)
        channel.refresh_from_db()
        assert state_of(delivery) == ("failed", 1, 0)
        assert not channel.is_enabled
        assert Alert.objects.filter(kind=Alert.Kind.CHANNEL, user=ann).count() == 1

    def test_a_refused_mail_fails_alone(self, ann, make_channel, smtp):
        channel = make_channel(ann, "email", "ann@example.org")
        delivery = raised(ann, channel)
        smtp.data_answers.append("554 looks like spam")
        deliver(delivery.pk)
        channel.refresh_from_db()
        assert state_of(delivery) == ("failed", 1, 0)
        assert channel.is_enabled

    def test_cut_after_the_mail_was_taken_is_repeated_with_the_mark(self, ann, make_channel, smtp):
        delivery = raised(ann, make_channel(ann, "email", "ann@example.org"))
        smtp.is_dropping_after_data = True
        deliver(delivery.pk)
        assert state_of(delivery) == ("pending", 1, 1)
        make_due(delivery)
        deliver(delivery.pk)
        assert [b"may be a repeat" in content for _, content in smtp.mails] == [False, True]


class TestInApp:
    def test_the_page_of_its_user_gets_the_whole_alert(self, with_defaults, monkeypatch):
        from notifications import live

        published = []
        monkeypatch.setattr(
            live.hub, "publish_event", lambda subject, payload: published.append((subject, payload))
        )
        ann = with_defaults[0]
        channel = Channel.objects.get(user=ann)
        delivery = raised(ann, channel, source="replay:binance", as_of=timezone.now())
        deliver(delivery.pk)
        ((subject, payload),) = published
        assert subject == f"user:{ann.pk}"
        assert payload["type"] == "alert"
        assert payload["data"]["code"] == delivery.alert.code
        assert (payload["source"], payload["is_live"]) == ("replay:binance", False)
        assert state_of(delivery) == ("sent", 1, 0)
