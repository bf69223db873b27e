"""`manage.py stream`: the streamer of the full shape, with what must stand beside the quotes."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from mystic.embedded.parts import stop_all
from mystic.embedded.roster import market_parts, telegram_parts
from mystic.lib import doorbell


class Command(BaseCommand):
    """Stream until SIGTERM or Ctrl-C, then write what is sealed and free the lease."""

    help = "Stream the markets; with several of them one is active and the others wait."

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        parts = [*market_parts(self.say), *telegram_parts()]
        for part in parts:
            part.start()
        if settings.REDIS_URL:
            bell = threading.Thread(
                target=doorbell.listen, args=(settings.REDIS_URL, stopping), daemon=True
            )
            bell.start()
        stopping.wait()
        self.say("Stopping.")
        stop_all(parts)

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
