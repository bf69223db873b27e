"""Run the product's own web server for a test, on a database of its own; a program, not a test.

Prints one line of JSON (port, token, session) when it serves. Publishes a quote of BTC/USDT 200
times a second with the monotonic time in it, and a large payload that a slow reader cannot swallow.
"""

# ruff: noqa: E402, I001  the reactor and Django stand before everything that needs them

import json
import os
import sys
import threading
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mystic.settings")

from mystic.embedded import web  # first: it installs the reactor

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command

from markets.models import Instrument, Venue
from mystic.lib import live_rooms
from mystic.lib.live import hub
from mystic.models import ApiToken, User

BIG = "x" * 20_000


def prepare():
    call_command("migrate", verbosity=0, interactive=False)
    user = User.objects.create(username="ann")
    venue = Venue.objects.create(code="binance", name="Binance")
    rows = [
        Instrument.objects.create(
            venue=venue, symbol=f"{base}/USDT", native_id=f"{base}USDT", base=base, quote="USDT",
            is_watched=True,
        )
        for base in ("BTC", "BIG")
    ]  # fmt: skip
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    token = ApiToken.issue(user=user, name="t", scope="trade")[1]
    return {"token": token, "session": session.session_key}, [row.pk for row in rows]


def publish(numbers, stop):
    btc, big = numbers
    while not stop.wait(0.005):
        data = {"symbol": "BTC/USDT", "sent_ns": time.monotonic_ns()}
        message = {"type": "market_data", "source": "test", "is_live": False, "timestamp": ""}
        hub.publish_latest(f"quote:{btc}", "quote", message | {"data": data})
        hub.publish_latest(f"quote:{big}", "quote", message | {"data": {"big": BIG}})


def main():
    told, numbers = prepare()
    live_rooms.HEARTBEAT_EVERY_S = 1.0
    live_rooms.SILENT_FOR_S = float(os.environ.get("SILENT_FOR_S", "60"))
    listener = web.bind("127.0.0.1", 0)
    line = json.dumps(told | {"port": listener.getsockname()[1]}) + "\n"
    stop = threading.Event()
    sys.setswitchinterval(0.0005)

    def ready():
        threading.Thread(target=publish, args=(numbers, stop), daemon=True).start()
        os.write(1, line.encode())

    web.serve(listener, on_ready=ready, on_stop=stop.set)


if __name__ == "__main__":
    main()
