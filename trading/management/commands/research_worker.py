"""`manage.py research_worker`: do the backtests and searches that wait, then end."""

import os
import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mystic.lib.leases import follow_parent
from trading.services.research_child import processes_allowed, slot_claim
from trading.services.research_work import work_next

NICENESS = 10


class Command(BaseCommand):
    help = "Do the backtests and sweeps that wait; the platform begins this by itself."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--child", action="store_true", help="given by the platform that began this process"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        slot = None
        if options["child"]:
            os.nice(NICENESS)
            follow_parent()
        else:
            slot = slot_claim()
            if slot is None:
                raise CommandError(
                    f"{processes_allowed()} processes of research run on this machine already; "
                    "MYSTIC_RESEARCH_PROCESSES allows more"
                )
        worker = f"{socket.gethostname()[:20]}:{os.getpid()}"
        done = 0
        while work_next(worker):
            done += 1
        if slot is not None:
            slot.close()
        if not options["child"]:
            self.stdout.write(f"{done} pieces of research were done; nothing waits.")
