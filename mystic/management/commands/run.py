"""`manage.py run`: the whole platform in one process."""

import asyncio
import gc
import io
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from mystic.embedded import data_folder
from mystic.embedded.parts import Part, stop_all
from mystic.lib.live import hub


class Command(BaseCommand):
    """Start the web server, the worker, the scheduler and the market streamer together."""

    help = "Run the whole platform in this process; Ctrl-C stops it."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        from mystic.embedded import web

        # Threads that compute give the web server its turn ten times sooner than by default.
        sys.setswitchinterval(0.0005)
        try:
            lock = data_folder.claim(settings.DATA_DIR)
            listener = web.bind(settings.ENV["HOST"], settings.ENV["PORT"])
        except (data_folder.FolderInUseError, web.PortTakenError) as fault:
            raise CommandError(str(fault)) from fault
        with lock, listener:
            parts = self.prepare()
            web.serve(listener, on_ready=lambda: self.ready(parts), on_stop=lambda: self.end(parts))
        self.say("Stopped.")

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def prepare(self) -> list[Part]:
        """Bring the database to this version and make the parts."""
        from mystic.embedded.roster import market_parts, telegram_parts, worker_parts

        call_command("prepare", stdout=io.StringIO())
        return [*worker_parts(), *market_parts(self.say), *telegram_parts()]

    def ready(self, parts: list[Part]) -> None:
        """Start the parts once the server accepts, and say where the page is."""
        hub.attach(asyncio.get_event_loop())
        for part in parts:
            part.start()
        # What is loaded now stays for good: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        url = f"http://{settings.ENV['HOST']}:{settings.ENV['PORT']}/"
        self.say(f"Mystic is at {url}  (paper trading; data in {settings.DATA_DIR})")

    def end(self, parts: list[Part]) -> None:
        """Stop the producers first, then what carries their words to the pages."""
        self.say("Stopping ...")
        stop_all(parts)
        hub.detach()
