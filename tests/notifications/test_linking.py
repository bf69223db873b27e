"""Linking a Telegram chat: one code, one chat, one account; and the poller that hears it."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from notifications.models import Alert, BotState, Channel, LinkCode
from notifications.services import link_code_issue, linking
from notifications.telegram.poller import TelegramPoller
from notifications.telegram.updates import HELP, update_work_off
from notifications.transports.telegram import configured_bot
from tests.notifications.telegram_server import TOKEN

BOT = TOKEN.partition(":")[0]
pytestmark = pytest.mark.django_db


@pytest.fixture
def bot(db):
    return BotState.objects.create(bot_id=BOT)


def start(code, chat=42, update_id=1, chat_type="private", text=None):
    message = {
        "chat": {"id": chat, "type": chat_type},
        "from": {"username": "ann_t", "first_name": "Ann"},
        "text": text or f"/start {code}",
    }
    return update_work_off(BOT, {"update_id": update_id, "message": message})


class TestCodes:
    def test_a_code_fits_a_link_and_only_its_digest_is_kept(self, ann):
        code = link_code_issue(user=ann)
        assert len(code) == 43
        assert set(code) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
        row = LinkCode.objects.get()
        assert code not in str(vars(row))
        assert timedelta(minutes=9) < row.expires_at - timezone.now() <= timedelta(minutes=10)

    def test_it_links_once(self, ann, bot):
        code = link_code_issue(user=ann)
        reply = start(code)
        assert reply.chat == "42"
        assert reply.text.startswith("Linked to the account a***.")
        channel = Channel.objects.get(kind="telegram")
        assert (channel.user, channel.address, channel.label) == (ann, "42", "@ann_t")
        assert channel.is_usable
        assert start(code, chat=43, update_id=2).text.startswith("This code is not valid")
        assert Channel.objects.get(kind="telegram").address == "42"
        assert Alert.objects.get().title == "Telegram is linked"

    @pytest.mark.parametrize("code", ["", "x", "a" * 64, "a" * 65, "'; --", "\u202e"])
    def test_what_is_no_code_links_nothing(self, ann, bot, code):
        link_code_issue(user=ann)
        start(code)
        assert not Channel.objects.filter(kind="telegram").exists()
        assert LinkCode.objects.get().used_at is None

    def test_an_old_code_links_nothing(self, ann, bot):
        code = link_code_issue(user=ann)
        LinkCode.objects.update(expires_at=timezone.now())
        assert "not valid" in start(code).text
        assert not Channel.objects.filter(kind="telegram").exists()

    def test_a_new_code_ends_the_one_before(self, ann, bot):
        first, second = link_code_issue(user=ann), link_code_issue(user=ann)
        assert "not valid" in start(first).text
        assert start(second, update_id=2).text.startswith("Linked")

    def test_a_chat_belongs_to_one_user(self, ann, ben, bot):
        start(link_code_issue(user=ann))
        code = link_code_issue(user=ben)
        assert "belongs to another account" in start(code, update_id=2).text
        assert Channel.objects.get(kind="telegram").user == ann
        assert LinkCode.objects.get(user=ben).used_at is None
        start("", update_id=3, text="/stop")
        assert start(code, update_id=4).text.startswith("Linked")

    def test_another_chat_of_the_same_user_replaces_the_first(self, ann, bot):
        start(link_code_issue(user=ann))
        start(link_code_issue(user=ann), chat=99, update_id=2)
        assert Channel.objects.get(kind="telegram").address == "99"

    def test_groups_are_not_linked(self, ann, bot):
        code = link_code_issue(user=ann)
        assert start(code, chat=-100, chat_type="supergroup") is None
        assert not Channel.objects.filter(kind="telegram").exists()

    def test_guessing_is_slowed_down(self, ann, bot):
        code = link_code_issue(user=ann)
        for n in range(5):
            assert "not valid" in start("guess", update_id=n + 1).text
        assert "Too many tries" in start(code, update_id=6).text
        assert start(code, chat=43, update_id=7).text.startswith("Linked")

    @pytest.mark.django_db(transaction=True)
    def test_two_chats_race_for_one_code(self, ann):
        code = link_code_issue(user=ann)
        results = []

        def work(chat):
            try:
                results.append(linking.link_code_use(code=code, chat=chat, label="x"))
            except linking.LinkError:
                results.append(None)
            finally:
                connection.close()

        threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(one is not None for one in results) == 1
        assert Channel.objects.filter(kind="telegram").count() == 1


class TestUpdates:
    def test_an_update_is_worked_off_once(self, ann, bot):
        start(link_code_issue(user=ann), update_id=10)
        code = link_code_issue(user=ann)
        assert start(code, chat=77, update_id=10) is None
        assert start(code, chat=77, update_id=9) is None
        assert Channel.objects.get(kind="telegram").address == "42"

    def test_numbers_may_begin_anew_after_a_week(self, ann, bot):
        BotState.objects.update(update_id=5_000_000, updated_at=timezone.now() - timedelta(days=7))
        assert start(link_code_issue(user=ann), update_id=3).text.startswith("Linked")

    def test_blocked_and_back(self, ann, bot):
        start(link_code_issue(user=ann))
        member = {"chat": {"id": 42, "type": "private"}, "new_chat_member": {"status": "kicked"}}
        update_work_off(BOT, {"update_id": 2, "my_chat_member": member})
        channel = Channel.objects.get(kind="telegram")
        assert (channel.is_enabled, channel.disabled_reason) == (
            False,
            "the bot was blocked in the chat",
        )
        member = {**member, "new_chat_member": {"status": "member"}}
        update_work_off(BOT, {"update_id": 3, "my_chat_member": member})
        assert Channel.objects.get(kind="telegram").is_usable

    def test_a_channel_switched_off_by_its_owner_is_not_switched_on(self, ann, bot):
        start(link_code_issue(user=ann))
        Channel.objects.filter(kind="telegram").update(is_enabled=False)
        member = {"chat": {"id": 42, "type": "private"}, "new_chat_member": {"status": "member"}}
        update_work_off(BOT, {"update_id": 2, "my_chat_member": member})
        assert not Channel.objects.get(kind="telegram").is_enabled

    @pytest.mark.parametrize(
        "update",
        [
            None,
            [],
            {},
            {"update_id": "5"},
            {"update_id": 5},
            {"update_id": 5, "message": None},
            {"update_id": 5, "message": {"text": "/start x"}},
            {"update_id": 5, "message": {"text": 5, "chat": {"id": 1, "type": "private"}}},
            {"update_id": 5, "message": {"text": "/start", "chat": {"id": "1", "type": "private"}}},
            {"update_id": 5, "my_chat_member": {"chat": 7}},
            {"update_id": 5, "edited_message": {"text": "/start x"}},
        ],
    )
    def test_what_makes_no_sense_does_nothing(self, bot, update):
        assert update_work_off(BOT, update) is None
        assert not Channel.objects.exists()

    def test_anything_else_is_answered_with_help(self, bot):
        for n, text in enumerate(("/start", "hello", "/status", "/START x", " ")):
            assert start("", update_id=n + 1, text=text).text == HELP


@pytest.mark.django_db(transaction=True)
class TestPoller:
    @pytest.fixture
    def poller(self, telegram):
        poller = TelegramPoller(configured_bot(), poll_s=5, conflict_wait_s=0.1, first_delay_s=0.05)
        yield poller
        poller.stop()

    def test_links_answers_and_acknowledges_after_the_commit(
        self, ann, telegram, poller, eventually
    ):
        poller.start()
        code = link_code_issue(user=ann)
        number = telegram.say(42, f"/start {code}")
        eventually(lambda: telegram.sent)
        assert telegram.sent[0]["chat_id"] == 42
        assert telegram.sent[0]["text"].startswith("Linked to the account a***")
        assert Channel.objects.get(kind="telegram").address == "42"
        eventually(lambda: telegram.acknowledged == number)
        state = BotState.objects.get()
        assert (state.update_id, state.username) == (number, "mystic_test_bot")
        eventually(lambda: BotState.objects.get().state == "listening")
        telegram.membership(42, "kicked")
        eventually(lambda: not Channel.objects.get(kind="telegram").is_enabled)
        telegram.say(42, "/stop")
        eventually(lambda: not Channel.objects.filter(kind="telegram").exists())

    def test_ends_at_once_while_it_waits(self, telegram, poller, eventually):
        poller.start()
        eventually(lambda: any(one[0] == "getUpdates" for one in telegram.calls))
        thread = poller._thread
        poller.stop()
        assert not thread.is_alive()

    def test_an_update_that_comes_again_after_a_crash_is_done_once(
        self, ann, telegram, poller, eventually
    ):
        code = link_code_issue(user=ann)
        BotState.objects.create(bot_id=BOT, update_id=500)
        telegram.say(42, f"/start {code}", update_id=500)
        telegram.say(42, "/start", update_id=501)
        poller.start()
        eventually(lambda: telegram.sent)
        assert [one["text"] for one in telegram.sent] == [HELP]
        assert LinkCode.objects.get().used_at is None

    def test_conflicts_garbage_and_refusals_are_survived(self, ann, telegram, poller, eventually):
        telegram.fail("getMe", 429, "Too Many Requests", retry_after=0.1)
        telegram.fail("getUpdates", 409, "Conflict: terminated by other getUpdates request")
        telegram.garble("getUpdates")
        telegram.take_and_drop("getUpdates")
        poller.start()
        eventually(lambda: BotState.objects.filter(state="conflict").exists())
        telegram.say(42, f"/start {link_code_issue(user=ann)}")
        eventually(lambda: Channel.objects.filter(kind="telegram").exists(), timeout_s=12)
        eventually(lambda: BotState.objects.get().state == "listening")

    def test_an_update_that_surprises_does_not_end_the_poller(
        self, ann, telegram, poller, eventually, monkeypatch
    ):
        surprises = [KeyError("a field that Telegram never left out")]

        def work_off(bot_id, update):
            if surprises:
                raise surprises.pop()
            return update_work_off(bot_id, update)

        monkeypatch.setattr("notifications.telegram.poller.update_work_off", work_off)
        poller.start()
        telegram.say(42, f"/start {link_code_issue(user=ann)}")
        eventually(lambda: Channel.objects.filter(kind="telegram").exists())
        assert surprises == []

    def test_an_update_that_always_fails_is_passed_over_after_three_tries(
        self, ann, telegram, poller, eventually, caplog
    ):
        poller.start()
        # Half of a surrogate pair has no digest and cannot be stored.
        broken = telegram.say(66, "/start \ud800canary")
        number = telegram.say(42, f"/start {link_code_issue(user=ann)}")
        eventually(lambda: telegram.acknowledged == number)
        assert Channel.objects.get(kind="telegram").address == "42"
        assert [one["chat_id"] for one in telegram.sent] == [42]
        told = [one.getMessage() for one in caplog.records if "of the bot" in one.getMessage()]
        assert told == [
            f"update {broken} of the bot failed 3 times (UnicodeEncodeError): passed over"
        ]
        assert "canary" not in caplog.text
        offsets = [one[1].get("offset") for one in telegram.calls if one[0] == "getUpdates"]
        assert offsets.count(broken + 1) == 0
        assert BotState.objects.get().update_id == number

    def test_a_database_that_is_away_passes_nothing_over(
        self, ann, telegram, poller, eventually, monkeypatch
    ):
        faults = [OperationalError("the database is away")] * 5

        def work_off(bot_id, update):
            if faults:
                raise faults.pop()
            return update_work_off(bot_id, update)

        monkeypatch.setattr("notifications.telegram.poller.update_work_off", work_off)
        poller.start()
        telegram.say(42, f"/start {link_code_issue(user=ann)}")
        eventually(lambda: Channel.objects.filter(kind="telegram").exists(), timeout_s=12)
        assert faults == []

    def test_a_refused_token_is_noted_without_showing_it(
        self, telegram, settings, eventually, caplog
    ):
        settings.ENV = {**settings.ENV, "TELEGRAM_BOT_TOKEN": "999:AAwrong-canary"}
        poller = TelegramPoller(configured_bot())
        poller.start()
        eventually(lambda: BotState.objects.filter(state="refused").exists())
        poller.stop()
        assert "canary" not in caplog.text + str(BotState.objects.values())
