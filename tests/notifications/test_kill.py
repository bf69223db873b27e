"""kill -9 of a sender at any moment: nobody is missed, and what comes twice says so."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from notifications import rules
from notifications.models import Alert, Channel, Delivery
from notifications.services import deliveries_send
from tests.memory import forget
from tests.notifications.telegram_server import TOKEN

ROOT = Path(__file__).resolve().parents[2]
DELIVERIES, KILLS = 50, 20


@pytest.fixture
def senders(telegram):
    """Start senders on the test's own database; give a function that starts one and its id."""
    if connection.vendor != "sqlite":
        pytest.skip("the senders are pointed at the test's SQLite file")
    environment = {
        **os.environ,
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_API_BASE": telegram.base,
        "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(ROOT)]),
    }
    process = subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).with_name("sender.py")),
            connection.settings_dict["NAME"],
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=environment,
    )

    def start():
        process.stdin.write("go\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield start
    process.stdin.close()
    process.wait(timeout=10)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.django_db(transaction=True)
def test_senders_are_killed_again_and_again(ann, telegram, senders):
    channels = Channel.objects.bulk_create(
        Channel(user=ann, kind="telegram", address=str(n), verified_at=timezone.now())
        for n in range(DELIVERIES)
    )
    alert = Alert.objects.create(user=ann, key="k", kind="test", title=rules.test_text().title)
    Delivery.objects.bulk_create(Delivery(alert=alert, channel=one) for one in channels)
    telegram.delay_s = 0.01
    moments, clock = random.Random(7), threading.Event()  # noqa: S311  the same in every run
    for _ in range(KILLS):
        before = len(telegram.calls)
        sender = senders()
        for _ in range(200):
            if len(telegram.calls) > before:
                break
            clock.wait(0.005)
        clock.wait(moments.uniform(0, 0.05))
        os.kill(sender, signal.SIGKILL)
        clock.wait(0.02)
        # The lease of 30 s is over; a sender that was not killed would have ended it itself.
        Delivery.objects.filter(state="sending").update(lease_until=timezone.now())
    sent_by_victims = len(telegram.sent)
    waiting = Delivery.objects.filter(state="pending")
    while waiting.update(next_try_at=timezone.now()) or Delivery.objects.exclude(state="sent"):
        forget()
        deliveries_send()
    texts = defaultdict(list)
    for one in telegram.sent:
        texts[one["chat_id"]].append(one["text"])
    assert sorted(texts) == list(range(DELIVERIES))
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    repeats = len(telegram.sent) - DELIVERIES
    assert 0 <= repeats <= KILLS
    assert all(alert.code in text for chat in texts.values() for text in chat)
    assert all("(may be a repeat)" in text for chat in texts.values() for text in chat[1:])
    # The kills did hit senders at work, else this test would say nothing.
    assert sent_by_victims >= KILLS / 2
    assert Delivery.objects.filter(unconfirmed__gt=0).exists()
