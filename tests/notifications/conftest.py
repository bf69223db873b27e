"""Channels, a Telegram and an SMTP server for the tests of notifications."""

import socket
import threading
from datetime import timedelta

import pytest
import time_machine
from aiosmtpd.controller import Controller
from django.utils import timezone

from markets.models import Instrument, Venue
from notifications.models import Channel
from notifications.services import defaults_create
from tests.notifications.telegram_server import TOKEN, TelegramServer


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """These tests sign nobody in by a password, so none needs a slow hash."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def telegram(settings):
    with TelegramServer() as server:
        settings.ENV = {
            **settings.ENV,
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_BASE": server.base,
        }
        yield server


class Mailbox:
    """An SMTP handler that keeps mails and answers what it is told to."""

    def __init__(self):
        self.mails = []
        self.rcpt_answers = []
        self.data_answers = []
        self.is_dropping_after_data = False

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.rcpt_answers:
            return self.rcpt_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.data_answers:
            return self.data_answers.pop(0)
        self.mails.append((envelope.rcpt_tos, envelope.content))
        if self.is_dropping_after_data:
            self.is_dropping_after_data = False
            server.transport.abort()
        return "250 OK"


@pytest.fixture
def smtp(settings):
    mailbox = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        mailbox.port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port)
    controller.start()
    mailbox.controller = controller
    settings.MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": mailbox.port, "timeout": 5},
        }
    }
    yield mailbox
    if controller.server is not None:
        controller.stop()


@pytest.fixture
def make_channel(db):
    def make(user, kind, address, **fields):
        return Channel.objects.create(
            user=user,
            kind=kind,
            address=address,
            **{"verified_at": timezone.now(), "label": address, **fields},
        )

    return make


@pytest.fixture
def with_defaults(ann, ben, cid):
    for person in (ann, ben, cid):
        defaults_create(user=person)
    return ann, ben, cid


@pytest.fixture
def btc(db, settings):
    settings.ENV = {
        **settings.ENV,
        "BINANCE_REST_URL": "http://127.0.0.1:9",
        "BINANCE_WS_URL": "ws://127.0.0.1:9",
    }
    venue = Venue.objects.create(code="replay:binance", name="Replay", is_replay=True)
    return Instrument.objects.create(
        venue=venue,
        symbol="BTC/USDT",
        native_id="BTCUSDT",
        base="BTC",
        quote="USDT",
        is_watched=True,
    )


@pytest.fixture
def eventually():
    """Wait until something holds; fail with what it last was."""

    def wait(ask, timeout_s=5.0):
        clock = threading.Event()
        for _ in range(int(timeout_s / 0.02)):
            found = ask()
            if found:
                return found
            clock.wait(0.02)
        raise AssertionError(f"never came true, last: {ask()!r}")

    return wait


@pytest.fixture
def time_machine_day():
    """Let a day and a minute pass."""

    def travel():
        return time_machine.travel(timezone.now() + timedelta(hours=24, minutes=1))

    return travel
