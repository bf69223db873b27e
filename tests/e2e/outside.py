"""The world outside a platform under test: a mail server, a Telegram, and what reached them."""

import mailbox
import re
from itertools import pairwise

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox

from tests.notifications.telegram_server import TOKEN
from tests.product import free_port, until

CHAT = 4242


class Outside:
    """A mail server and a Telegram that keep what they are given."""

    def __init__(self, folder, telegram):
        self.telegram = telegram
        self.box = Mailbox(str(folder / "mail"))
        self.smtp = Controller(self.box, hostname="127.0.0.1", port=free_port())

    def settings(self):
        return {
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(self.smtp.port),
            "EMAIL_SECURITY": "none",
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_BASE": self.telegram.base,
        }

    def mails(self):
        return [
            message.get_payload(0, decode=False).get_payload(decode=True).decode()
            if message.is_multipart()
            else message.get_payload(decode=True).decode()
            for message in self._messages()
        ]

    def subjects(self):
        return [message["Subject"] for message in self._messages()]

    def _messages(self):
        return list(mailbox.Maildir(self.box.mail_dir))


def settle_in(person, outside):
    """Sign up, confirm the e-mail address, link Telegram, switch both strategies on."""
    person.sign_up("ann", "ann@example.org")
    mail = until("the mail with the link", lambda: [m for m in outside.mails() if "verify" in m])
    path = re.search(r"/settings/channels/verify/[^\s\"<]+", mail[0])[0]
    assert "confirmed" in person.post(path, {}).text
    linked = person.post("/settings/channels/telegram/", {}, form_at="/settings/channels/")
    code = re.search(r"/start ([A-Za-z0-9_-]+)", linked.text)[1]
    outside.telegram.say(CHAT, f"/start {code}")
    until("the chat to be linked", lambda: outside.telegram.sent)
    for strategy in (1, 2):
        answer = person.post(f"/strategies/{strategy}/deployment/", {"switch": "on"})
        assert answer.status_code == 200


def check_bars(books, bars):
    """Every recorded bar is stored exactly once and exactly as recorded."""
    stored = books.rows("select * from markets_candle order by open_time")
    expected = [(ms // 1000, *prices) for ms, *prices in bars]
    found = [
        (r["open_time"], r["open"], r["high"], r["low"], r["close"], r["volume"]) for r in stored
    ]
    assert found == expected
    assert {row["source"] for row in stored} == {"replay:binance"}
    opens = [row[0] for row in expected]
    absent = {t for a, b in pairwise(opens) for t in range(a + 60, b, 60)}
    gaps = {
        t
        for gap in books.rows("select * from markets_gap where state = 'absent'")
        for t in range(gap["start"], gap["end"], 60)
    }
    assert {t for t in gaps if opens[0] <= t <= opens[-1]} == absent
    assert books.one("select count(*) from markets_gap where state = 'open'") == 0


def check_deliveries(books, outside):
    """What the rows call sent has arrived: mails, chat messages, and no other alerts."""
    sent = {
        kind: books.one(
            "select count(*) from notifications_delivery d"
            " join notifications_channel c on c.id = d.channel_id"
            " where d.state = 'sent' and c.kind = ?",
            kind,
        )
        for kind in ("in_app", "email", "telegram")
    }
    alerts = books.one("select count(*) from notifications_alert where key not like 'verify:%'")
    # One that was raised while the processes were told to end waits for the next start.
    waiting = books.rows(
        "select a.key, d.state from notifications_delivery d"
        " join notifications_channel c on c.id = d.channel_id"
        " join notifications_alert a on a.id = d.alert_id"
        " where d.state in ('pending', 'sending') and c.kind = ?",
        "in_app",
    )
    assert len(waiting) <= 2, waiting
    assert sent["in_app"] + len(waiting) == alerts, (sent, waiting)
    return sent


def alert_texts(outside):
    """Return the alerts that reached the chat; each ends with its code, greetings have none."""
    texts = [message["text"] for message in outside.telegram.sent]
    return [text for text in texts if re.search(r"\bA\d+\b", text)]
