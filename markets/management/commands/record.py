"""`manage.py record FILE`: keep a venue's raw frames for later replays."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from markets.providers.base import source_name
from markets.replay.market import ReplayFileError, checked_symbol
from markets.replay.recorder import Recorder, Recording
from markets.types import TIMEFRAME_SECONDS


class Command(BaseCommand):
    """Record the configured Binance address until Ctrl-C or for some seconds."""

    help = "Write the venue's raw frames with receive times; a name ending in .gz is compressed."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="where to write; an existing recording is added to")
        parser.add_argument("--symbols", nargs="+", help="such as BTC/USDT; default: watch list")
        parser.add_argument("--seconds", type=float, help="stop after so many seconds")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = options["symbols"] or settings.ENV["MYSTIC_SYMBOLS"]
        try:
            names = [item for text in wanted for item in text.split(",") if item]
            native_ids = ["".join(checked_symbol(name)) for name in names]
            recording = Recording(Path(options["file"]))
        except ReplayFileError as fault:
            raise CommandError(str(fault)) from fault
        except OSError as fault:
            raise CommandError(f"{options['file']} cannot be written: {fault.strerror}") from fault
        recorder = Recorder(
            recording,
            rest_url=settings.ENV["BINANCE_REST_URL"],
            ws_url=settings.ENV["BINANCE_WS_URL"],
            native_ids=native_ids,
            timeframe=TIMEFRAME_SECONDS[settings.ENV["MYSTIC_TIMEFRAME"]],
            say=self.stdout.write,
        )
        source = source_name("binance", settings.ENV["BINANCE_WS_URL"])
        self.stdout.write(f"recording {', '.join(names)} of {source} to {options['file']}")
        asyncio.run(_record(recorder, options["seconds"]))
        self.stdout.write(f"{recording.frames} lines written")


async def _record(recorder: Recorder, seconds: float | None) -> None:
    """Run the recorder; Ctrl-C and SIGTERM end it with a whole file."""
    task = asyncio.create_task(recorder.run(seconds))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled():
        task.result()
