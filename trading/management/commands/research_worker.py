"""`manage.py research_worker`: do the backtests and searches that wait, then end."""

import os
import resource
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mystic.lib.leases import end_when_hung, follow_parent
from trading.services.research_child import processes_allowed, slot_claim
from trading.services.research_work import work_next

NICENESS = 10
HUNG_S = 90.0
FIRST_TO_END = 500
"""Where memory runs out the kernel ends research before the platform."""


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
            stand_back()
            end_when_hung(HUNG_S)
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


def stand_back() -> None:
    """Let the platform come first: its share of the processor, and its memory."""
    os.nice(NICENESS)
    with suppress(OSError):  # only Linux has it
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_END))
    most = settings.ENV["MYSTIC_RESEARCH_MEMORY_MB"] * 2**20
    if most:
        resource.setrlimit(
            resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1])
        )
